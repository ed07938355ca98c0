"""From a road network to a town: its map, its ground, its places to start from, its lights."""

from carla_lite.pose import Pose
from carla_lite.roads.ground import Ground, on_bridge
from carla_lite.roads.network import Lane, Network, Road, Section, Signal, TRAFFIC_LIGHT
from carla_lite.roads.opendrive import junction_of_signal, opendrive_of
from carla_lite.scenery import scenery_of
from carla_lite.surfaces import surface_of
from carla_lite.town import Town, TrafficLight
import numpy as np

_SPAWN_EVERY_M = 16.0
_SPAWN_APART_M = 8.0
_SPAWN_FROM_ENDS_M = 8.0
_SPAWN_HEIGHT_M = 0.3
_PATH_STEP_M = 2.0


def town_of(network: Network, seed: int) -> Town:
    """Return the town that a network makes."""
    ground = Ground(network)
    surface = surface_of(network, ground, seed)
    scenery = scenery_of(network, ground, seed, network.scale)
    return Town(
        name=network.name,
        seed=seed,
        opendrive=opendrive_of(network),
        spawn_points=spawn_points(network),
        surface=surface.mesh,
        scenery=scenery.mesh,
        lamps=scenery.lamps,
        height_at=ground.height_at,
        lane_paths=lane_paths(network),
        traffic_lights=traffic_lights(network),
        crosswalks=surface.crosswalks,
        scale=network.scale,
    )


def lane_paths(network: Network) -> tuple[np.ndarray, ...]:
    """Return the centre of every driving lane along its traffic, each (n, 4) float32."""
    step = _PATH_STEP_M * network.scale
    paths = []
    for road in network.roads:
        for section, end, lane in _driving(road):
            count = max(int((end - section.s) / step) + 1, 2)
            s = np.linspace(section.s, end, count)
            paths.append(_centre(road, section, end, lane.number, s).astype(np.float32))
    return tuple(paths)


def spawn_points(network: Network) -> tuple[Pose, ...]:
    """Return where vehicles start: on driving lanes, away from junctions and each other."""
    scale = network.scale
    poses: list[Pose] = []
    taken = np.zeros((0, 2))
    for road in network.roads:
        if road.junction >= 0:
            continue
        for section, end, lane in _driving(road):
            low, high = section.s + _SPAWN_FROM_ENDS_M * scale, end - _SPAWN_FROM_ENDS_M * scale
            if high <= low:
                continue
            shift = (abs(lane.number) - 1) * _SPAWN_APART_M * scale  # neighbours stand staggered
            s = np.arange(low + shift, high, _SPAWN_EVERY_M * scale)
            width = np.abs(np.diff(road.lane_edges(section, lane.number, s), axis=1))[:, 0]
            s = s[(width > 2.4 * scale) & ~on_bridge(road, s)]
            places = _centre(road, section, end, lane.number, s)
            for x, y, z, yaw in places:
                if len(taken) and np.min(np.hypot(*(taken - (x, y)).T)) < _SPAWN_APART_M * scale:
                    continue
                taken = np.vstack([taken, (x, y)])
                height = float(z) + _SPAWN_HEIGHT_M * scale
                poses.append(Pose(float(x), float(y), height, yaw=float(yaw)))
    return tuple(poses)


def traffic_lights(network: Network) -> tuple[TrafficLight, ...]:
    """Return the lights of a network's signals."""
    return tuple(
        _light(road, signal)
        for road in network.roads
        for signal in road.signals
        if signal.kind == TRAFFIC_LIGHT
    )


def _light(road: Road, signal: Signal) -> TrafficLight:
    s = np.array([signal.s])
    section = road.section_at(signal.s)
    edges = np.concatenate([road.lane_edges(section, lane, s)[0] for lane in signal.lanes])
    x, y, z = (float(value) for value in road.points(s, edges.mean(keepdims=True))[0])
    along = float(road.yaw(s)[0]) + (0.0 if signal.orientation == '+' else 180.0)
    foot = road.points(s, np.array([signal.t]))[0].tolist()
    return TrafficLight(
        signal_id=signal.number,
        pose=Pose(foot[0], foot[1], foot[2], yaw=_wrapped(along + 180.0)),
        junction=junction_of_signal(road, signal),
        group=signal.group,
        stop=Pose(x, y, z, yaw=_wrapped(along)),
    )


def _driving(road: Road) -> list[tuple[Section, float, Lane]]:
    return [
        (section, end, lane)
        for section, end in road.stretches()
        for lane in section.lanes
        if lane.kind == 'driving'
    ]


def _centre(road: Road, section: Section, end: float, number: int, s: np.ndarray) -> np.ndarray:
    """Return (n, 4): x, y, z, yaw in degrees along the traffic, first point first."""
    # a lane beside one that widens has a direction of its own
    step = 0.1 * min(1.0, (end - section.s) / 2)
    before, after = np.maximum(s - step, section.s), np.minimum(s + step, end)
    points, low, high = (
        road.points(at, road.lane_edges(section, number, at).mean(axis=1))
        for at in (s, before, after)
    )
    yaw = np.degrees(np.arctan2(*(high - low)[:, 1::-1].T))
    yaw = yaw + (180.0 if number > 0 else 0.0)
    centre = np.column_stack([points, (yaw + 180.0) % 360.0 - 180.0])
    return centre[::-1] if number > 0 else centre


def _wrapped(degrees: float) -> float:
    return (degrees + 180.0) % 360.0 - 180.0

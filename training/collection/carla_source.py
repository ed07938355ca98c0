"""Drives in a simulator, through seg_node's rig: real CARLA and carla_lite alike."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import astuple, dataclass, replace
import logging
from typing import Any

from seg_node.carla.config import CameraMount, RigConfig
from seg_node.carla.connection import asking, connect, town_of
from seg_node.carla.lane_marks import lane_marks_only, MapLines
from seg_node.carla.library import carla_library
from seg_node.carla.pose import Pose
from seg_node.carla.rig import open_rig, Rig
from seg_node.carla.shot import LostShot, Shot
from seg_node.carla.tags import labels_of_tags, table_of_version, TagTable
from seg_node.carla.weather import weather_parameters
from seg_node.preprocess import to_bgr
from training.collection.config import CollectConfig, sun_altitude_deg
from training.collection.errors import CollectError
from training.collection.journey import Journey
from training.collection.leftovers import remove_leftovers, ROLE
from training.collection.lens import Lens
from training.collection.moment import Developed, LOST_PAIR, Moment, Skipped, View
from training.collection.schedule import Drive

#: Decimals of places and angles that are kept: 0.1 mm.
_DECIMALS = 4
#: Lights are on when the sun is lower, in degrees, or fog or rain heavier, in per cent.
_DIM_DEG, _THICK = 5.0, 40.0


class CarlaSource:
    """A server, and a rig in it for as long as drives share town and camera."""

    def __init__(self, config: CollectConfig, port: int) -> None:
        """
        Look whether the server is there and has what the schedule needs.

        :param port: of the server; ``config.port`` unless it was started for this.
        :raises SegNodeError: when it is not, or it lacks a town or a weather.
        """
        self._config, self._port = config, port
        self._lines: tuple[str, MapLines] | None = None
        client = connect(config.host, port, config.timeout_s)
        with asking('looking for the towns'):
            self._versions = {
                'server': client.get_server_version(),
                'client': client.get_client_version(),
            }
            _check_towns(config.towns, {town_of(name) for name in client.get_available_maps()})
        remove_leftovers(client, config.timeout_s)
        for camera in config.cameras:
            Lens.of(replace(camera, fov_deg=camera.fov_deg + config.vary.fov_deg))
        for weather in config.weathers:
            sky(config, weather, 'preset')
        self._open = ExitStack()
        self._rig: Rig | None = None
        self._key: tuple[object, ...] = ()

    def close(self) -> None:
        """Put the world back as it was found."""
        self._rig, self._key = None, ()
        self._open.close()

    def __enter__(self) -> 'CarlaSource':
        return self

    def __exit__(self, kind: object, *_exception: object) -> None:
        if kind is not None:  # that is told in one line; what could not be put back follows of it
            logging.getLogger('seg_node.carla.rig').setLevel(logging.ERROR)
        self.close()

    def origin(self) -> dict[str, Any]:
        """Say which server the samples come from."""
        return {'simulator': self._config.simulator, **self._versions}

    def drive(self, drive: Drive, first_step: int) -> Iterator[Moment | Skipped]:
        """
        Yield the moments of a drive from a step on, in order.

        :raises SegNodeError: when it cannot go on.
        """
        lens = Lens.of(drive.camera)
        rig = self._rig_for(drive, lens)
        weather = sky(self._config, drive.weather, drive.time)
        rig.set_weather(weather)
        _switch_lights(rig, weather)
        labeller = self._labeller_for(rig, drive, lens)
        shots = Journey(rig, self._config, drive).shots(first_step)
        for step, taken in zip(range(first_step, self._config.frames), shots, strict=False):
            if isinstance(taken, LostShot):
                yield Skipped(drive, step, LOST_PAIR)
            else:
                yield labeller.moment(drive, step, taken, rig.town)

    def _rig_for(self, drive: Drive, lens: Lens) -> Rig:
        """Return a rig; drivers that decide by chance get a fresh one for each drive."""
        alone = drive.number if self._config.driver != 'place' else -1
        key = (drive.town, drive.camera, alone)
        if self._rig is None or key != self._key:
            self.close()
            self._rig = self._open.enter_context(open_rig(self._rig_config(drive, lens)))
            self._key = key
        return self._rig

    def _labeller_for(self, rig: Rig, drive: Drive, lens: Lens) -> 'Labeller':
        lines = None
        if self._config.only_lane_marks:
            if self._lines is None or self._lines[0] != rig.town:
                self._lines = rig.town, MapLines.of_map(rig.map)
            lines = self._lines[1]
        table = table_of_version(rig.server_version)
        return Labeller(lens, table, self._mount(drive, lens), lines)

    def _mount(self, drive: Drive, lens: Lens) -> CameraMount:
        camera = drive.camera
        pose = Pose(
            camera.forward_m,
            camera.right_m,
            camera.height_m,
            camera.pitch_deg,
            camera.yaw_deg,
            camera.roll_deg,
        )
        return CameraMount(
            camera.name,
            lens.width,
            lens.height,
            lens.fov_deg,
            pose,
            depth=self._config.only_lane_marks,  # the map does not know how a road is banked
            attributes=camera.attributes,
        )

    def _rig_config(self, drive: Drive, lens: Lens) -> RigConfig:
        config = self._config
        driver = {'place': 'none', 'waypoints': 'waypoints', 'autopilot': 'traffic_manager'}
        return RigConfig(
            host=config.host,
            port=self._port,
            timeout_s=config.timeout_s,
            town=drive.town,
            role=ROLE,
            vehicle=config.vehicle,
            cameras=(self._mount(drive, lens),),
            rate_hz=config.rate_hz,
            seed=config.seed * 100_003 + drive.number,
            autopilot=driver[config.driver],  # type: ignore[arg-type]
            speed_mps=config.speed_mps,
        )


@dataclass(frozen=True)
class Labeller:
    """Makes samples of a camera's shots."""

    lens: Lens
    table: TagTable
    mount: CameraMount
    lines: MapLines | None  # of the town, to keep only what the map calls a marking

    def moment(self, drive: Drive, step: int, shot: Shot, town: str) -> Moment:
        """Describe a shot; it is developed later, in another thread."""
        name = drive.camera.name
        frame, tags, pose = shot.pictures[name], shot.tags[name], shot.camera_poses[name]
        depth_m = shot.depths_m.get(name)

        def develop() -> Developed:
            labels = labels_of_tags(tags, self.table)
            if self.lines is not None:
                labels = lane_marks_only(labels, self.mount, pose, self.lines, depth_m)
            image = to_bgr(frame.image, frame.pixel_format)
            return Developed(self.lens.bend_image(image), self.lens.bend_labels(labels))

        return Moment(
            drive=drive,
            step=step,
            frame=shot.frame_number,
            stamp_ns=shot.stamp_ns,
            develop=develop,
            view=View(*(round(value, _DECIMALS) for value in astuple(pose))),
            k=self.lens.k,
            facts={'town': town, 'speed_mps': round(shot.speed_mps, 3)},
        )


def sky(config: CollectConfig, weather: str, time: str) -> dict[str, float]:
    """
    Return the parameters of a weather at a time of day.

    :raises CarlaError: for an unknown weather.
    """
    parameters = weather_parameters(carla_library(), config.own_weathers.get(weather, weather))
    names = [name for name in dir(parameters) if not name.startswith('_')]
    values = {name: getattr(parameters, name) for name in names}
    values = {name: value for name, value in values.items() if isinstance(value, float)}
    altitude_deg = sun_altitude_deg(time)
    if altitude_deg is not None:
        values['sun_altitude_angle'] = altitude_deg
    return values


def _switch_lights(rig: Rig, weather: Mapping[str, float]) -> None:
    """Switch the low beam on where a driver would, and off again."""
    lights = carla_library().VehicleLightState
    is_dim = (
        weather['sun_altitude_angle'] < _DIM_DEG
        or max(weather['fog_density'], weather['precipitation']) > _THICK
    )
    wanted = lights.Position | lights.LowBeam if is_dim else lights.NONE
    with asking('switching the lights'):
        rig.ego.set_light_state(lights(wanted))


def _check_towns(wanted: Iterable[str], there: set[str]) -> None:
    for town in wanted:
        if town_of(town) not in there:
            raise CollectError(
                f"the server has no town '{town}' of --towns; it has {', '.join(sorted(there))}"
            )

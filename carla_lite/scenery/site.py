"""Where things are put up: keeps them apart and off the roads, and collects their meshes."""

from collections.abc import Callable, Sequence

from carla_lite.mesh import joined, Mesh
from carla_lite.pose import Pose
from carla_lite.roads.network import Network
from carla_lite.scenery.lanes import DrivingLanes
from carla_lite.scenery.plot import Ground, Plot, rectangle_points
from carla_lite.scenery.waysides import Wayside, waysides_of
import numpy as np

#: Numbers of things that stand; actors count from 1.
FIRST_INSTANCE = 20_000
_AROUND_M, _HALL_AROUND_M = 140.0, 8.0

Choice = Mesh | Callable[[], Mesh]


class Site:
    """
    A town's ground while it is being filled.

    :param network: its roads; ``ground``: their distance and heights.
    :param seed: the same seed fills it the same.
    """

    def __init__(self, network: Network, ground: Ground, seed: int) -> None:
        self.network, self.ground = network, ground
        self.rng = np.random.default_rng([seed, 401])
        self.waysides: list[Wayside] = waysides_of(network)
        self._meshes: list[Mesh] = []
        self._lamps: list[list[float]] = []
        self._lanes = DrivingLanes(network)
        self.low, self.high = self._lanes.low, self._lanes.high
        self.cell_m = 1.0 if network.setting != 'hall' else 0.1
        around = _AROUND_M if network.setting != 'hall' else _HALL_AROUND_M
        self._plot = Plot(self.low - around, self.high + around, self.cell_m)
        self._next = FIRST_INSTANCE

    @property
    def mesh(self) -> Mesh:
        """All that was put up."""
        return joined(self._meshes)

    @property
    def lamps(self) -> np.ndarray:
        """(n, 3) float32 places of bulbs."""
        return np.array(self._lamps, np.float32).reshape(-1, 3)

    def put(
        self,
        spots: np.ndarray,
        size_m: tuple[float, float],
        choice: Choice,
        *,
        clear_m: float | None = 0.3,
        bulbs: Sequence[Sequence[float]] = (),
        turn: float = 0.0,
    ) -> int:
        """
        Put a thing up at each spot that is free.

        :param spots: (n, 4): x, y, z, yaw of its front in degrees.
        :param size_m: its depth (along its own x) and width on the ground.
        :param choice: the thing, or what draws one for each spot.
        :param clear_m: least distance of its ground to roads; None where it stands on a part of
            the road that is not for driving, at the spot's own height.
        :param bulbs: lamps' places in its own coordinates.
        :param turn: degrees that each is turned by at most.
        :return: how many stand.
        """
        if not len(spots):
            return 0
        footprints = [rectangle_points(x, y, yaw, *size_m, self.cell_m) for x, y, _, yaw in spots]
        free = self._clear(footprints, clear_m)
        count = 0
        for spot, footprint, is_free in zip(spots, footprints, free, strict=True):
            if not is_free or not self._plot.take(footprint):
                continue
            x, y, z, yaw = (float(value) for value in spot)
            if clear_m is not None:
                z = float(self.ground.heights(footprint).min())
            pose = Pose(x, y, z, yaw=yaw + turn * self.rng.uniform(-1, 1))
            mesh = choice if isinstance(choice, Mesh) else choice()
            self._meshes.append(mesh.moved(pose, self._number()))
            self._lamps += [[*pose.then(Pose(*bulb)).position()] for bulb in bulbs]
            count += 1
        return count

    def add(self, mesh: Mesh) -> None:
        """Add what is already in the world's coordinates, such as a fence along a road."""
        if len(mesh):
            mesh.instance[:] = self._number()
            self._meshes.append(mesh)

    def off_lanes(self, path: np.ndarray) -> list[np.ndarray]:
        """Return the stretches of (n, 3) points that are beside lanes, not on them."""
        return _runs(path, ~self._lanes.hold(path[:, :2]))

    def lines(
        self, side: Wayside, span: tuple[float, float], out_m: float, step_m: float, clear_m: float
    ) -> list[np.ndarray]:
        """
        Return the free stretches of a line beside a road, each (n, 3) points on the ground.

        :param span: s from, to; :param out_m: metres from the road's edge.
        """
        count = int((span[1] - span[0]) / step_m) + 1
        if count < 2:
            return []
        points = side.spots(np.linspace(*span, count), out_m)[:, :3]
        points[:, 2] = self.ground.heights(points[:, :2])
        free = self.is_clear(points[:, :2], clear_m) & self._plot.is_free(points[:, :2])
        return _runs(points, free)

    def is_clear(self, points: np.ndarray, clear_m: float) -> np.ndarray:
        """Return (n,) bool of (n, 2) points: whether roads are farther than that."""
        return self.ground.clearance(points) >= clear_m

    def _number(self) -> int:
        self._next += 1
        return self._next

    def _clear(self, footprints: list[np.ndarray], clear_m: float | None) -> np.ndarray:
        points = np.concatenate(footprints)
        free = ~self._lanes.hold(points) if clear_m is None else self.is_clear(points, clear_m)
        starts = np.cumsum([0, *(len(points) for points in footprints[:-1])])
        return np.logical_and.reduceat(free, starts)


def _runs(points: np.ndarray, free: np.ndarray) -> list[np.ndarray]:
    """Return the stretches of at least two points that are free."""
    cuts = np.flatnonzero(np.diff(free.astype(int))) + 1
    runs = zip(np.split(points, cuts), np.split(free, cuts), strict=True)
    return [run for run, is_free in runs if is_free[0] and len(run) > 1]

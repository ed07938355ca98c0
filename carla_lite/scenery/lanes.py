"""Where vehicles drive: nothing may stand there."""

from collections.abc import Iterator

from carla_lite.roads.network import Network, Section
import cv2
import numpy as np

_CELL_M = 0.5
_SPARE_M = 0.45  # at each edge of a lane: what touches the paint does not stand in the lane


class DrivingLanes:
    """A raster of all driving lanes, those in junctions too."""

    def __init__(self, network: Network) -> None:
        self._cell_m = _CELL_M * network.scale
        strips = list(_strips(network))
        places = np.concatenate([np.zeros((0 if strips else 1, 2)), *strips])
        self.low, self.high = places.min(axis=0), places.max(axis=0)
        columns, rows = np.ceil((self.high - self.low) / self._cell_m).astype(int) + 1
        self._lanes = np.zeros((rows, columns), np.uint8)
        for strip in strips:
            corners = np.round((strip - self.low) / self._cell_m).astype(np.int32)
            cv2.fillPoly(self._lanes, [corners], (1,))

    def hold(self, points: np.ndarray) -> np.ndarray:
        """Return (n,) bool of (n, 2) points: whether they are in a lane."""
        index = np.round((points - self.low) / self._cell_m).astype(int)
        most = np.array(self._lanes.shape)[::-1] - 1
        inside = np.all((index >= 0) & (index <= most), axis=1)
        column, row = np.clip(index, 0, most).T
        return inside & (self._lanes[row, column] > 0)


def _strips(network: Network) -> Iterator[np.ndarray]:
    """Yield the outline of each lane, (n, 2) x, y."""
    for road in network.roads:
        for section, end in road.stretches():
            s = np.linspace(section.s, end, max(int((end - section.s) / 3 / network.scale), 2))
            for lane in section.lanes:
                if lane.kind == 'driving':
                    inner, outer = road.lane_edges(section, lane.number, s).T
                    spare = np.minimum(_SPARE_M * network.scale, np.abs(outer - inner) / 2)
                    spare = spare * np.sign(outer - inner)
                    inwards = 0.0 if _has_neighbour(section, lane.number) else spare
                    left = road.points(s, inner + inwards)[:, :2]
                    right = road.points(s, outer - spare)[:, :2]
                    yield np.concatenate([left, right[::-1]])


def _has_neighbour(section: Section, number: int) -> bool:
    """Return whether another driving lane lies on the inner side of one."""
    step = 1 if number > 0 else -1
    inner = number - step or -step
    return any(lane.number == inner and lane.kind == 'driving' for lane in section.lanes)

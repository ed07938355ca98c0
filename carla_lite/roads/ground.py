"""How high the ground is anywhere in a town, and how far the roads are."""

from carla_lite.roads.network import Network, Road
import cv2
import numpy as np

_MARGIN_M = 160.0
_CELL_M = 1.0
#: Beside a road the ground is level; from a distance to another one (metres) it changes over to
#: the same smoothed by so much.
_BLENDS = ((1.5, 9.0, 3.0), (7.0, 22.0, 8.0), (18.0, 55.0, 20.0))


class Ground:
    """
    A raster of the town: heights, and distances from the roads.

    Heights are those of the road surface (not of kerbs) where there is one.
    """

    def __init__(self, network: Network):
        self._cell = _CELL_M * network.scale
        margin = _MARGIN_M * (1.0 if network.setting != 'hall' else 0.06)
        spots = [_spots(road, self._cell) for road in network.roads]
        decks = [
            on_bridge(road, part[:, 3]) for road, part in zip(network.roads, spots, strict=True)
        ]
        places, deck = np.concatenate(spots)[:, :3], np.concatenate(decks)
        self._origin = np.floor(places[:, :2].min(axis=0) - margin)
        size = places[:, :2].max(axis=0) + margin - self._origin
        self._shape = tuple(np.ceil(size[::-1] / self._cell).astype(int) + 1)  # rows, columns
        low, paved = self._rastered(places[~deck])
        high, over = self._rastered(places[deck])
        self._heights = self._spread(low, paved, network.scale)
        self._fill_outlines(paved, network)
        self._deck = np.where(over, high, np.nan).astype(np.float32)
        self._has_deck = bool(over.any())
        covered = paved | over
        outside = cv2.distanceTransform((~covered).astype(np.uint8), cv2.DIST_L2, 5)
        inside = cv2.distanceTransform(covered.astype(np.uint8), cv2.DIST_L2, 5)
        self._clearance = ((outside - inside) * self._cell).astype(np.float32)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Return least x, least y, greatest x, greatest y that it knows, metres."""
        x, y = self._origin
        rows, columns = self._shape
        return (
            float(x),
            float(y),
            float(x + (columns - 1) * self._cell),
            float(y + (rows - 1) * self._cell),
        )

    def height_at(self, x: float, y: float, z: float | None = None) -> float:
        """
        Return the ground's z, metres.

        :param z: of the wheel that asks; one above a bridge's deck stands on the deck.
        """
        column = (x - self._origin[0]) / self._cell
        row = (y - self._origin[1]) / self._cell
        rows, columns = self._shape
        column = min(max(column, 0.0), columns - 1.001)
        row = min(max(row, 0.0), rows - 1.001)
        i, j = int(row), int(column)
        if z is not None and self._has_deck:
            deck = self._deck[int(row + 0.5), int(column + 0.5)]
            if deck == deck and z > deck - 1.5:
                return float(deck)
        v, u = row - i, column - j
        top, bottom = self._heights[i], self._heights[i + 1]
        above = top.item(j) * (1 - u) + top.item(j + 1) * u
        below = bottom.item(j) * (1 - u) + bottom.item(j + 1) * u
        return above * (1 - v) + below * v

    def heights(self, points: np.ndarray) -> np.ndarray:
        """
        Return the ground's z, (n,) float64 metres, under bridges where there are any.

        :param points: (n, 2) metres in CARLA's world.
        """
        return self._sampled(self._heights, points)

    def clearance(self, points: np.ndarray) -> np.ndarray:
        """
        Return (n,) metres to the nearest edge of any road, sidewalks included; inside negative.

        :param points: (n, 2) metres in CARLA's world.
        """
        return self._sampled(self._clearance, points)

    def _sampled(self, grid: np.ndarray, points: np.ndarray) -> np.ndarray:
        rows, columns = self._shape
        place = (np.asarray(points, np.float64)[:, :2] - self._origin) / self._cell
        u = np.clip(place[:, 0], 0.0, columns - 1.001)
        v = np.clip(place[:, 1], 0.0, rows - 1.001)
        j, i = u.astype(int), v.astype(int)
        u, v = u - j, v - i
        top = grid[i, j] * (1 - u) + grid[i, j + 1] * u
        bottom = grid[i + 1, j] * (1 - u) + grid[i + 1, j + 1] * u
        return top * (1 - v) + bottom * v

    def _rastered(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rows, columns = self._shape
        cells = np.rint((places[:, :2] - self._origin) / self._cell).astype(int)
        flat = cells[:, 1] * columns + cells[:, 0]
        count = np.bincount(flat, minlength=rows * columns)
        total = np.bincount(flat, weights=places[:, 2], minlength=rows * columns)
        heights = (total / np.maximum(count, 1)).reshape(rows, columns)
        return heights, (count > 0).reshape(rows, columns)

    def _fill_outlines(self, paved: np.ndarray, network: Network) -> None:
        canvas = paved.astype(np.uint8)
        for junction in network.junctions:
            if len(junction.outline):
                corners = (junction.outline - self._origin) / self._cell
                cv2.fillPoly(canvas, [np.rint(corners).astype(np.int32)], (1,))
        paved |= canvas.astype(bool)

    def _spread(self, heights: np.ndarray, paved: np.ndarray, scale: float) -> np.ndarray:
        """Return heights everywhere: the nearest road's, and gentler country further off."""
        distance, nearest = cv2.distanceTransformWithLabels(
            (~paved).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
        )
        values = np.zeros(nearest.max() + 1, np.float32)
        values[nearest[paved]] = heights[paved]
        surface = values[nearest]
        if not np.any(surface):
            return surface
        metres = distance * (self._cell / scale)
        for begin, end, sigma in _BLENDS:
            softer = cv2.GaussianBlur(surface, (0, 0), sigma / _CELL_M)
            part = np.clip((metres - begin) / (end - begin), 0.0, 1.0).astype(np.float32)
            surface += (softer - surface) * (part * part * (3 - 2 * part))
        return surface


def _spots(road: Road, cell: float) -> np.ndarray:
    """Return (n, 4) places all over a road, nearer to each other than a cell, with their s."""
    step = cell * 0.5
    parts = []
    for section, end in road.stretches():
        s = np.linspace(section.s, end, max(int((end - section.s) / step) + 2, 2))
        right, left = (
            road.lane_edges(section, number, s)[:, 1] if number else np.zeros_like(s)
            for number in (
                min([lane.number for lane in section.lanes] + [0]),
                max([lane.number for lane in section.lanes] + [0]),
            )
        )
        count = max(int(np.max(left - right) / step) + 2, 2)
        share = np.linspace(0.0, 1.0, count)
        t = right[:, None] + (left - right)[:, None] * share
        all_s = np.repeat(s, count)
        parts.append(np.column_stack([road.points(all_s, t.ravel()), all_s]))
    return np.concatenate(parts)


def on_bridge(road: Road, s: np.ndarray) -> np.ndarray:
    """Return (n,) bool: whether places along a road lie on one of its bridges."""
    deck = np.zeros(len(s), bool)
    for begin, end in road.bridges:
        deck |= (s >= begin) & (s <= end)
    return deck

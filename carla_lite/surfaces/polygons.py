"""Convex polygons by the thousand: cutting at lines, splitting into quads, dropping slivers."""

import numpy as np
from numpy.typing import ArrayLike


def clip(polygons: np.ndarray, bound: np.ndarray, *, axis: int, keep_above: bool) -> np.ndarray:
    """
    Cut convex polygons at a line of constant coordinate; what lies wholly outside becomes a point.

    :param polygons: (n, k, 2); fewer corners than k repeat the last one.
    :param bound: (n,) the coordinate of each polygon's line.
    :return: (n, k + 1, 2)
    """
    count, size = polygons.shape[:2]
    sign = 1.0 if keep_above else -1.0
    inside_by = sign * (polygons[..., axis] - np.asarray(bound)[:, None])
    following = np.roll(polygons, -1, axis=1)
    next_by = np.roll(inside_by, -1, axis=1)
    inside, crossing = inside_by >= 0, (inside_by >= 0) != (next_by >= 0)
    share = inside_by / np.where(crossing, inside_by - next_by, 1.0)
    cuts = polygons + (following - polygons) * share[..., None]
    slots = np.stack([polygons, cuts], axis=2).reshape(count, 2 * size, 2)
    valid = np.stack([inside, crossing], axis=2).reshape(count, 2 * size)
    order = np.argsort(~valid, axis=1, kind='stable')
    last = np.maximum(valid.sum(axis=1) - 1, 0)
    take = np.minimum(np.arange(size + 1)[None], last[:, None])
    return np.take_along_axis(slots, np.take_along_axis(order, take, 1)[..., None], axis=1)


def cut_at_stations(
    polygons: np.ndarray, stations: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """
    Cut convex polygons at every station of their first coordinate.

    :param polygons: (n, k, 2) of s, t.
    :param stations: (m + 1,) growing; what lies before the first or past the last is dropped.
    :return: (p, k + 2, 2) pieces, (p,) the polygon that each is of, (p,) its cell, 0 to m - 1.
    """
    low, high = polygons[..., 0].min(axis=1), polygons[..., 0].max(axis=1)
    first = np.maximum(np.searchsorted(stations, low, side='right') - 1, 0)
    last = np.minimum(np.searchsorted(stations, high, side='left') - 1, len(stations) - 2)
    times = np.maximum(last - first + 1, 0)
    which = np.repeat(np.arange(len(polygons)), times)
    cell = np.arange(len(which)) - np.repeat(np.cumsum(times) - times, times) + first[which]
    pieces = clip(polygons[which], stations[cell], axis=0, keep_above=True)
    pieces = clip(pieces, stations[cell + 1], axis=0, keep_above=False)
    return pieces, which, cell


def split_to_quads(polygons: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """
    Split convex polygons into quads.

    :param polygons: (n, k, 2), k even; fewer corners than k repeat the last one.
    :return: (p, 4, 2), (p,) the polygon that each is a part of.
    """
    parts, which = [polygons[:, :4]], [np.arange(len(polygons))]
    for first in range(3, polygons.shape[1] - 1, 2):
        more = np.flatnonzero((polygons[:, first + 1] != polygons[:, first]).any(axis=1))
        parts.append(polygons[more][:, [0, first, first + 1, first + 2]])
        which.append(more)
    return np.concatenate(parts), np.concatenate(which)


def areas(corners: np.ndarray) -> np.ndarray:
    """
    Return (n,) areas of quads in space, square metres.

    :param corners: (n, 4, 3)
    """
    first = corners[:, 2] - corners[:, 0]
    second = corners[:, 3] - corners[:, 1]
    return np.linalg.norm(np.cross(first, second), axis=1) / 2


def are_convex(flat: np.ndarray) -> np.ndarray:
    """
    Return (n,) whether quads are convex; a triangle that repeats a corner is.

    :param flat: (n, 4, 2)
    """
    step = np.roll(flat, -1, axis=1) - flat
    following = np.roll(step, -1, axis=1)
    turns = step[..., 0] * following[..., 1] - step[..., 1] * following[..., 0]
    area = np.abs(turns.sum(axis=1)) / 4
    slack = 0.01 * area
    return (turns >= -slack[:, None]).all(axis=1) | (turns <= slack[:, None]).all(axis=1)


def oriented_boxes(
    middle: np.ndarray, length: np.ndarray, width: np.ndarray, angle: np.ndarray | float = 0.0
) -> np.ndarray:
    """
    Return (n, 4, 2) rectangles.

    :param middle: (n, 2); ``length`` along the first axis before turning by ``angle``, radians.
    """
    middle = np.atleast_2d(middle)
    count = len(middle)
    length, width, angle = (
        np.broadcast_to(np.asarray(v, float), (count,)) for v in (length, width, angle)
    )
    along = np.stack([np.cos(angle), np.sin(angle)], axis=1) * (length / 2)[:, None]
    across = np.stack([-np.sin(angle), np.cos(angle)], axis=1) * (width / 2)[:, None]
    signs = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    return np.stack([middle + a * along + b * across for a, b in signs], axis=1)


def rectangles(begin: ArrayLike, end: ArrayLike, low: ArrayLike, high: ArrayLike) -> np.ndarray:
    """Return (n, 4, 2) rectangles of s, t."""
    begin, end, low, high = (np.asarray(value, float) for value in (begin, end, low, high))
    corners = [(begin, low), (end, low), (end, high), (begin, high)]
    return np.stack([np.stack(corner, axis=1) for corner in corners], axis=1)


def polyline_quads(points: np.ndarray, width: np.ndarray | float) -> np.ndarray:
    """
    Return (n - 1, 4, 2) quads along a line, their corners shared.

    :param points: (n, 2); ``width``: metres, one for all or one a point.
    """
    step = np.gradient(points, axis=0)
    step /= np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-9)
    side = np.stack([-step[:, 1], step[:, 0]], axis=1)
    side *= np.broadcast_to(np.asarray(width, float), (len(points),))[:, None] / 2
    right, left = points - side, points + side
    return np.stack([right[:-1], right[1:], left[1:], left[:-1]], axis=1)

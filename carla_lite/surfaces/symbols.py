"""
Arrows and letters as painted on roads, made of convex polygons.

Their own coordinates: u forward as the driver goes, v to the left, metres at scale 1.
"""

from carla_lite.surfaces.polygons import oriented_boxes
import numpy as np

_STROKES = {
    'A': ['00 14 34 40', '11 31'], 'B': ['00 06 36 45 33 03', '33 42 41 30 00'],
    'C': ['45 36 16 05 01 10 30 41'], 'D': ['00 06 26 45 41 20 00'], 'E': ['46 06 00 40', '03 33'],
    'G': ['45 36 16 05 01 10 30 41 43 23'], 'H': ['00 06', '40 46', '03 43'], 'I': ['20 26'],
    'K': ['00 06', '46 03 40'], 'L': ['06 00 40'], 'N': ['00 06 40 46'],
    'O': ['10 01 05 16 36 45 41 30 10'], 'P': ['00 06 36 45 44 33 03'],
    'R': ['00 06 36 45 44 33 03', '23 40'], 'S': ['45 36 16 05 04 13 33 42 41 30 10 01'],
    'T': ['06 46', '26 20'], 'U': ['06 01 10 30 41 46'], 'W': ['06 10 24 30 46'],
    'X': ['00 46', '06 40'], 'Y': ['06 23 46', '23 20'], '0': ['10 01 05 16 36 45 41 30 10'],
    '2': ['05 16 36 45 44 00 40'], '3': ['05 16 36 45 44 33 13', '33 42 41 30 10 01'],
    '4': ['30 36 02 42'], '5': ['46 06 03 33 42 41 30 00'], '7': ['06 46 10'],
}  # fmt: skip
_WIDE, _HIGH, _STROKE = 4, 6, 0.8  # of the grid that the strokes are given on


def word(text: str, height_m: float, width_m: float) -> np.ndarray:
    """
    Return (n, 4, 2) strokes of a word whose middle is the origin.

    :param height_m: along the road, stretched; ``width_m``: of one letter.
    """
    step = np.array([_WIDE + 2.0, 0.0])
    boxes = [_letter(letter) + index * step for index, letter in enumerate(text)]
    grid = np.concatenate(boxes)
    middle = ((len(text) * (_WIDE + 2) - 2) / 2, _HIGH / 2)
    right, up = np.moveaxis(grid - middle, -1, 0)
    return np.stack([up * (height_m / _HIGH), -right * (width_m / _WIDE)], axis=-1)


def arrow(turns: frozenset[str], length_m: float = 5.0) -> np.ndarray:
    """
    Return (n, 4, 2) parts of a lane arrow from its tail, u = 0, to its tip.

    :param turns: of ``left``, ``straight``, ``right``.
    """
    shaft, head = 0.17, 0.36
    parts: list[list] = []
    fork = length_m * 0.55
    stem = length_m * 0.76 if 'straight' in turns else fork + shaft / 2
    parts.append([(0, -shaft / 2), (stem, -shaft / 2), (stem, shaft / 2), (0, shaft / 2)])
    if 'straight' in turns:
        tip = (length_m, 0.0)
        parts.append([(stem, -head), tip, tip, (stem, head)])
    for name, side in (('left', 1.0), ('right', -1.0)):
        if name not in turns:
            continue
        start, out = np.array([fork, 0.0]), np.array([fork + 0.55, side * 0.42])
        along = (out - start) / np.linalg.norm(out - start)
        across = np.array([-along[1], along[0]])
        half = across * shaft * 0.6
        parts.append([start - half, out - half, out + half, start + half])
        wide = across * 0.55
        tip = out + along * 0.75
        parts.append([out - wide, tip, tip, out + wide])
    return np.array(parts, float)


def _letter(letter: str) -> np.ndarray:
    boxes = []
    for line in _STROKES[letter]:
        points = np.array([[float(value) for value in pair] for pair in line.split()])
        step = np.diff(points, axis=0)
        length = np.linalg.norm(step, axis=1)
        angle = np.arctan2(step[:, 1], step[:, 0])
        middle = (points[:-1] + points[1:]) / 2
        boxes.append(
            oriented_boxes(middle, length + _STROKE * 0.9, np.full(len(step), _STROKE), angle)
        )
    return np.concatenate(boxes)

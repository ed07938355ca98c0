"""
Bands of distance: rows of a picture, as metres where the camera is known, else as thirds.

With intrinsics, pitch and height over the ground of every picture, a band is a range of distance
along flat ground, seen by a camera that does not roll. Otherwise a set's bands are the thirds of
the rows in which its truth has lane marking (or, where that is not annotated, road).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import json
import math
from typing import Any

import numpy as np
from training.data.listing import read_listing
from training.data.pairs import PairsFolder
from training.evaluation.counts import main_label

#: Ends of the bands on the ground, from the far one to the near one.
_GROUND_M = (50.0, 25.0, 10.0)
_GROUND_NAMES = ('over 50 m', '25-50 m', '10-25 m', '0-10 m')
_ROW_NAMES = ('far', 'middle', 'near')
#: A few stray pixels do not move the rows that are divided.
_STRAY_SHARE = 0.005
_LOOKED_AT = 100  # pictures of a set that tell its rows
_BINS = 1000  # of a picture's height


@dataclass(frozen=True)
class Geometry:
    """What tells the distance of a row: focal length, principal row, pitch and height."""

    fy_share: float  # of the picture's height
    cy_share: float
    pitch_rad: float  # nose up
    height_m: float

    @classmethod
    def of(cls, line: Mapping[str, Any], heights_m: Mapping[str, float]) -> 'Geometry | None':
        """
        Read a line of ``samples.jsonl``; None where it does not tell all.

        :param heights_m: of the cameras by name, for lines that do not state their own.
        """
        camera = line.get('camera')
        try:
            k, pixels, name = camera['k'], camera['height'], camera['name']  # type: ignore[index]
            pitch_deg = camera['pose']['pitch_deg']  # type: ignore[index]
            stated_m = line.get('camera_height_m', heights_m.get(name, 0.0))
            height_m = camera.get('height_m', stated_m)  # type: ignore[union-attr]
            geometry = cls(k[4] / pixels, k[5] / pixels, math.radians(pitch_deg), height_m)
        except (KeyError, TypeError, IndexError, ZeroDivisionError):
            return None
        return geometry if geometry.height_m > 0 and geometry.fy_share > 0 else None

    def row_share(self, distance_m: float) -> float:
        """Return where the ground at a distance appears, as a share of the height."""
        below = math.atan2(self.height_m, distance_m) + self.pitch_rad
        if below >= math.pi / 2:
            return math.inf
        return self.cy_share + self.fy_share * math.tan(below)


@dataclass(frozen=True)
class Bands:
    """
    The bands of a set.

    :param kind: ``ground`` or ``rows``.
    :param definition: in words.
    :param names: from the top of the picture down.
    """

    kind: str
    definition: str
    names: tuple[str, ...]
    _shares: np.ndarray  # (pictures, bands - 1) float, where the bands meet

    @classmethod
    def of(cls, folder: PairsFolder) -> 'Bands':
        """Choose the bands of a set, which needs a look at some of its masks."""
        return _ground_bands(folder) or _row_bands(folder)

    def bounds(self, index: int, height: int) -> list[int]:
        """Return the first row of each band of a picture and, last, its height."""
        rows = np.clip(np.round(self._shares[index] * height), 0, height).astype(int)
        return [0, *rows.tolist(), height]


def _ground_bands(folder: PairsFolder) -> Bands | None:
    listing = read_listing(folder.folder) or {}
    heights_m = _camera_heights_m(folder)
    found = [Geometry.of(listing.get(pair.name, {}), heights_m) for pair in folder.pairs]
    known = [geometry for geometry in found if geometry is not None]
    if not known or len(known) < len(found):
        return None
    shares = [[geometry.row_share(distance) for distance in _GROUND_M] for geometry in known]
    definition = 'distance along flat ground, from intrinsics, pitch and height of the camera'
    return Bands('ground', definition, _GROUND_NAMES, np.minimum(np.array(shares), 2.0))


def _camera_heights_m(folder: PairsFolder) -> dict[str, float]:
    """Return the heights that the settings of a collection state, by the camera's name."""
    try:
        text = (folder.folder / 'dataset.json').read_text(encoding='utf-8')
        cameras = json.loads(text)['config']['cameras']
        return {camera['name']: float(camera['height_m']) for camera in cameras}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _row_bands(folder: PairsFolder) -> Bands:
    judged = main_label(folder.labels, folder.annotated)
    rows = _truth_rows(folder, judged)
    total = rows.sum()
    if not total:
        top, end = 0.0, 1.0
        where = 'the picture, for no truth was found'
    else:
        inside = np.cumsum(rows) / total
        top = float(np.searchsorted(inside, _STRAY_SHARE)) / _BINS
        end = float(np.searchsorted(inside, 1 - _STRAY_SHARE) + 1) / _BINS
        where = f'the rows that hold {folder.labels[judged]}'
    shares = np.array([top + (end - top) / 3, top + (end - top) * 2 / 3])
    definition = f'thirds of {where}: {top:.2f} to {end:.2f} of the height'
    return Bands('rows', definition, _ROW_NAMES, np.tile(shares, (len(folder), 1)))


def _truth_rows(folder: PairsFolder, label: int) -> np.ndarray:
    """Return the pixels of a label by row, (1000,), as if all pictures were so high."""
    counts = np.zeros(_BINS)
    for index in evenly(len(folder), _LOOKED_AT):
        truth = folder.read(index)[1]
        by_row = np.count_nonzero(truth == label, axis=1)
        bins = (np.arange(_BINS) + 0.5) / _BINS * truth.shape[0]
        counts += by_row[bins.astype(int)]
    return counts


def evenly(count: int, at_most: int) -> Sequence[int]:
    """Return indices below ``count``, spread evenly."""
    chosen = np.linspace(0, count - 1, min(count, at_most)).round().astype(int)
    result: list[int] = chosen.tolist()
    return result

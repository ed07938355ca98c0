"""
CARLA's semantic classes to label ids.

The numbers changed with CARLA 0.9.14; road and road line kept their palette colours. A picture
tells by itself whether it holds numbers (CARLA's own topics, the Python API) or colours (the
ros-bridge, saved pictures).
"""

from dataclasses import dataclass
import functools
import re
from typing import Literal

import numpy as np
from seg_node.carla.errors import CarlaError
from seg_node.labels import BACKGROUND, LANE_MARKING, ROAD, UNLABELLED

Kind = Literal['tags', 'palette']


class TagError(CarlaError):
    """A picture that holds no classes, or not those it should."""


@dataclass(frozen=True)
class TagTable:
    """The classes of some releases: a colour (RGB) for each number."""

    releases: str
    road: int
    road_line: int
    colors: tuple[tuple[int, int, int], ...]


#: 0.9.13 and older: RoadLine 6, Road 7.
OLD_TAGS = TagTable(
    '0.9.13 and older',
    road=7,
    road_line=6,
    colors=(
        (0, 0, 0), (70, 70, 70), (100, 40, 40), (55, 90, 80), (220, 20, 60), (153, 153, 153),
        (157, 234, 50), (128, 64, 128), (244, 35, 232), (107, 142, 35), (0, 0, 142),
        (102, 102, 156), (220, 220, 0), (70, 130, 180), (81, 0, 81), (150, 100, 100),
        (230, 150, 140), (180, 165, 180), (250, 170, 30), (110, 190, 160), (170, 120, 50),
        (45, 60, 150), (145, 170, 100),
    ),
)  # fmt: skip
#: 0.9.14 and newer: Roads 1, RoadLines 24.
NEW_TAGS = TagTable(
    '0.9.14 and newer',
    road=1,
    road_line=24,
    colors=(
        (0, 0, 0), (128, 64, 128), (244, 35, 232), (70, 70, 70), (102, 102, 156),
        (190, 153, 153), (153, 153, 153), (250, 170, 30), (220, 220, 0), (107, 142, 35),
        (152, 251, 152), (70, 130, 180), (220, 20, 60), (255, 0, 0), (0, 0, 142), (0, 0, 70),
        (0, 60, 100), (0, 80, 100), (0, 0, 230), (119, 11, 32), (110, 190, 160),
        (170, 120, 50), (55, 90, 80), (45, 60, 150), (157, 234, 50), (81, 0, 81),
        (150, 100, 100), (230, 150, 140), (180, 165, 180), (180, 130, 70),
    ),
)  # fmt: skip
_ROAD_COLOR, _ROAD_LINE_COLOR = (128, 64, 128), (157, 234, 50)
#: A class 7 that fills this share of the lower half is road (old), not traffic lights (new).
_ROAD_SHARE = 0.02
#: Of the pixels of a palette picture; a few more colours come from blending at edges.
_PALETTE_SHARE = 0.98
_FIRST_NEW_RELEASE = (0, 9, 14)


def table_of_version(version: str) -> TagTable:
    """
    Return the table of a server's release.

    :param version: as the server states it, such as ``0.9.16`` or ``0.9.13-12-g0d0b6e4``.
    :raises TagError: when it names no release.
    """
    found = re.search(r'(\d+)\.(\d+)\.(\d+)', version)
    if found is None:
        raise TagError(f"'{version}' names no release of CARLA: say which tag table it has")
    release = tuple(int(part) for part in found.groups())
    return NEW_TAGS if release >= _FIRST_NEW_RELEASE else OLD_TAGS


def labels_of_tags(tags: np.ndarray, table: TagTable = NEW_TAGS) -> np.ndarray:
    """
    Return label ids, (H, W) uint8; class 0 and numbers of no class are unlabelled.

    :param tags: (H, W) uint8, the red byte of the semantic camera.
    :param table: of the server's release.
    """
    return _label_of_tag(table)[tags]


def labels_of_picture(picture: np.ndarray, table: TagTable | None = None) -> np.ndarray:
    """
    Return label ids, (H, W) uint8, of a semantic picture of either kind.

    :param picture: (H, W, 3 or 4) uint8 BGR or BGRA, or (H, W) numbers.
    :param table: of the numbers; None recognises it from the picture.
    :raises TagError: when the picture holds neither numbers nor colours of classes, or when the
        table cannot be told.
    """
    if picture.ndim == 3 and recognise(picture) == 'palette':
        return _labels_of_colors(picture)
    tags = picture if picture.ndim == 2 else picture[:, :, 2]
    return labels_of_tags(tags, table or recognise_table(tags))


def recognise(picture: np.ndarray) -> Kind:
    """
    Tell whether a semantic picture holds class numbers or the colours of the palette.

    :param picture: (H, W, 3 or 4) uint8 BGR or BGRA.
    :raises TagError: when it is neither, as a colour picture or a JPEG is.
    """
    known = len(NEW_TAGS.colors)
    if not picture[:, :, :2].any() and picture[:, :, 2].max(initial=0) < known:
        return 'tags'
    share = float(np.isin(_codes(picture), _palette_codes()).mean())
    if share >= _PALETTE_SHARE:
        return 'palette'
    raise TagError(
        f'this is no semantic picture: {100 - 100 * share:.0f} % of its pixels have neither the '
        'number nor the colour of a class (is it the RGB camera, an instance camera, or a JPEG? '
        'use a semantic camera and PNG or raw pictures)'
    )


def recognise_table(tags: np.ndarray) -> TagTable:
    """
    Tell from the numbers of a picture of a street which release they are of.

    :param tags: (H, W) uint8.
    :raises TagError: when neither release's road is to be seen.
    """
    counts = np.bincount(tags[tags.shape[0] // 2 :].ravel(), minlength=256)
    total = max(1, int(counts.sum()))
    if np.any(tags >= len(OLD_TAGS.colors)):
        return NEW_TAGS
    if counts[OLD_TAGS.road] / total >= _ROAD_SHARE:
        return OLD_TAGS
    if counts[NEW_TAGS.road] / total >= _ROAD_SHARE:
        return NEW_TAGS
    raise TagError(
        'no road in this picture, so its tag table cannot be told: say which it is '
        f'({OLD_TAGS.releases}, or {NEW_TAGS.releases})'
    )


@functools.cache
def _label_of_tag(table: TagTable) -> np.ndarray:
    labels = np.full(256, UNLABELLED, np.uint8)
    labels[1 : len(table.colors)] = BACKGROUND
    labels[table.road] = ROAD
    labels[table.road_line] = LANE_MARKING
    return labels


def _labels_of_colors(picture: np.ndarray) -> np.ndarray:
    codes = _codes(picture)
    labels = np.full(codes.shape, UNLABELLED, np.uint8)
    labels[np.isin(codes, _palette_codes()) & (codes != 0)] = BACKGROUND
    labels[codes == _code(_ROAD_COLOR)] = ROAD
    labels[codes == _code(_ROAD_LINE_COLOR)] = LANE_MARKING
    return labels


def _codes(picture: np.ndarray) -> np.ndarray:
    """Return one number for each pixel's colour, (H, W) int32."""
    blue, green, red = (picture[:, :, channel].astype(np.int32) for channel in range(3))
    return red << 16 | green << 8 | blue


def _code(color: tuple[int, int, int]) -> int:
    return color[0] << 16 | color[1] << 8 | color[2]


@functools.cache
def _palette_codes() -> np.ndarray:
    colors = {*OLD_TAGS.colors, *NEW_TAGS.colors}
    return np.array(sorted(map(_code, colors)), np.int32)

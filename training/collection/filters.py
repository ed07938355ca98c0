"""Which moments are left out, and why."""

from collections import defaultdict
from collections.abc import Mapping
import math
from typing import Any

import cv2
import numpy as np
from seg_node.labels import LANE_MARKING, ROAD
from training.collection.config import KeepConfig
from training.collection.moment import (
    LITTLE_ROAD,
    Moment,
    OTHER_SPLIT,
    SkipError,
    STANDING_STILL,
    View,
)

_THUMBNAIL = (32, 16)  # width, height: noise averages away, a car length of motion does not


class Standstill:
    """
    Leaves out what shows the same as the last kept sample of the drive.

    By the camera's pose where it is known; recordings without poses are judged by their pictures.
    """

    def __init__(self, config: KeepConfig) -> None:
        self._config = config
        self._drive = -1
        self._view: View | None = None
        self._thumbnail: np.ndarray | None = None

    def check_view(self, moment: Moment) -> None:
        """
        Judge by pose, before anything is decoded.

        :raises SkipError: when the camera has hardly moved.
        """
        if moment.drive.number != self._drive:
            self._drive, self._view, self._thumbnail = moment.drive.number, None, None
        if moment.view is None or self._view is None:
            return
        moved_m = math.dist(_place(moment.view), _place(self._view))
        turned_deg = abs((moment.view.yaw_deg - self._view.yaw_deg + 180) % 360 - 180)
        if moved_m < self._config.min_move_m and turned_deg < self._config.min_turn_deg:
            raise SkipError(STANDING_STILL)

    def check_picture(self, moment: Moment, image: np.ndarray) -> np.ndarray | None:
        """
        Judge by picture, where there is no pose.

        :return: the small picture to remember with the moment.
        :raises SkipError: when the pictures hardly differ.
        """
        if moment.view is not None or self._config.min_change <= 0:
            return None
        small = cv2.resize(image, _THUMBNAIL, interpolation=cv2.INTER_AREA)
        thumbnail = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
        if self._thumbnail is not None:
            change = float(cv2.absdiff(thumbnail, self._thumbnail).mean())
            if change < self._config.min_change:
                raise SkipError(STANDING_STILL)
        return thumbnail

    def keep(self, moment: Moment, thumbnail: np.ndarray | None) -> None:
        """Remember a sample that was kept."""
        self._view, self._thumbnail = moment.view, thumbnail

    def memory(self) -> dict[str, Any]:
        """Return what it remembers, as plain values."""
        view = None if self._view is None else list(vars(self._view).values())
        thumbnail = '' if self._thumbnail is None else self._thumbnail.tobytes().hex()
        return {'drive': self._drive, 'view': view, 'thumbnail': thumbnail}

    def restore(self, memory: Mapping[str, Any]) -> None:
        """Go on from what :meth:`memory` returned."""
        if not memory:
            return
        self._drive = memory['drive']
        self._view = View(*memory['view']) if memory['view'] else None
        content = np.frombuffer(bytes.fromhex(memory['thumbnail']), np.uint8)
        self._thumbnail = content.reshape(_THUMBNAIL[::-1]) if content.size else None


class SplitGap:
    """
    Keeps training and validation apart on the ground.

    Two routes of a town may cross or share a street; whichever split comes to a place first owns
    it, and samples of the other near it are left out.
    """

    def __init__(self, gap_m: float) -> None:
        self._gap_m = gap_m
        #: (town, split): cells of ``gap_m`` that have samples, and the places in them.
        self._cells: dict[tuple[str, str], dict[tuple[int, int], list[tuple[float, float]]]] = (
            defaultdict(lambda: defaultdict(list))
        )

    def check(self, town: str, split: str, x_m: float, y_m: float) -> None:
        """
        Judge a place.

        :raises SkipError: when a sample of another split is nearer than the gap.
        """
        if self._gap_m <= 0:
            return
        column, row = self._cell(x_m, y_m)
        for (other_town, other_split), cells in self._cells.items():
            if other_town != town or other_split == split:
                continue
            for cell in ((column + i, row + j) for i in (-1, 0, 1) for j in (-1, 0, 1)):
                if any(
                    math.dist(place, (x_m, y_m)) < self._gap_m for place in cells.get(cell, ())
                ):
                    raise SkipError(OTHER_SPLIT)

    def keep(self, town: str, split: str, x_m: float, y_m: float) -> None:
        """Remember the place of a sample that was kept."""
        if self._gap_m > 0:
            places = self._cells[town, split][self._cell(x_m, y_m)]
            # Places a tenth of the gap from another in the cell would decide nothing new.
            if not any(math.dist(place, (x_m, y_m)) < self._gap_m / 10 for place in places):
                places.append((x_m, y_m))

    def _cell(self, x_m: float, y_m: float) -> tuple[int, int]:
        return math.floor(x_m / self._gap_m), math.floor(y_m / self._gap_m)


def check_road(pixels: np.ndarray, min_road: float) -> None:
    """
    Judge how much road a picture shows.

    :param pixels: (256,) how many pixels have each label id.
    :raises SkipError: when it is less than ``min_road`` of the picture.
    """
    if pixels[ROAD] + pixels[LANE_MARKING] < min_road * pixels.sum():
        raise SkipError(LITTLE_ROAD)


def _place(view: View) -> tuple[float, float, float]:
    return view.x_m, view.y_m, view.z_m

"""The masks of a simulated drive against its truth, weather by weather."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from seg_node.demo.route import Leg
from seg_node.demo.score import LaneScore
from seg_node.demo.sheet import draw_pair
from seg_node.frame import Frame


@dataclass(frozen=True)
class WeatherResult:
    """How right the masks were in one weather of one town."""

    town: str
    weather: str
    frames: int  # sent
    score: LaneScore
    pair: np.ndarray | None  # mask and truth of a picture from its middle, (h, w, 3) uint8 BGR

    def as_dict(self) -> dict[str, Any]:
        """Return one row of the table."""
        row = {'town': self.town, 'weather': self.weather, 'sent': self.frames}
        return row | self.score.as_dict()


class LegTruth:
    """
    Scores every picture of a leg and remembers how it looked.

    Which weather a picture had is known for sure at the end only: the camera's schedule counts
    all pictures, and the first ones are sent before anybody listens.
    """

    def __init__(self, leg: Leg) -> None:
        self._leg = leg
        self._scores: dict[int, LaneScore] = {}  # by number of the frame
        self._pairs: dict[int, np.ndarray] = {}  # likewise, as JPEG: a drive may be long

    def add(self, number: int, frame: Frame, labels: np.ndarray, truth: np.ndarray) -> None:
        """
        Score a picture.

        :param number: in the leg, among those that were heard of.
        :param labels: (H, W) uint8 label ids that the node published.
        :param truth: (H, W) uint8 label ids of the simulator.
        """
        score = LaneScore()
        score.add(labels, truth)
        self._scores[number] = score
        self._pairs[number] = cv2.imencode('.jpg', draw_pair(frame, labels, truth))[1]

    def results(self, skip: int) -> list[WeatherResult]:
        """
        Return one result for each weather, in the order of the drive.

        :param skip: number of the leg's first picture; those before it do not count.
        """
        results, first = [], skip
        for weather, frames in self._leg.schedule.entries:
            known = [number for number in range(first, first + frames) if number in self._scores]
            score = pooled(self._scores[number] for number in known)
            pair = None
            if known:
                pair = cv2.imdecode(self._pairs[known[len(known) // 2]], cv2.IMREAD_COLOR)
            results.append(WeatherResult(self._leg.town, weather, frames, score, pair))
            first += frames
        return results


def pooled(scores: Iterable[LaneScore]) -> LaneScore:
    """Return one score over the pictures of all."""
    total = LaneScore()
    for score in scores:
        total.add_score(score)
    return total

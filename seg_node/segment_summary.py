"""What a run over files found: counts, latency, how much lane, and how right it was."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from seg_node.labels import LANE_MARKING, UNLABELLED
from seg_node.latency import Percentiles
from seg_node.segmenter import StageTimes

_LISTED_ERRORS = 20


@dataclass
class LaneIou:
    """Intersection over union of lane marking, pooled over all pixels of a set."""

    images: int = 0
    intersection: int = 0
    union: int = 0

    def add(self, labels: np.ndarray, truth: np.ndarray) -> None:
        """
        Count one picture.

        :param labels: (H, W) uint8 label ids that were predicted.
        :param truth: likewise as annotated; 255 is left out.
        """
        known = truth != UNLABELLED
        predicted, annotated = (labels == LANE_MARKING) & known, truth == LANE_MARKING
        self.images += 1
        self.intersection += int(np.count_nonzero(predicted & annotated))
        self.union += int(np.count_nonzero(predicted | annotated))

    @property
    def value(self) -> float:
        """The pooled IoU; 1 when there is no lane in truth and prediction."""
        return self.intersection / self.union if self.union else 1.0


@dataclass
class Summary:
    """Grows by one frame at a time; told to people as text, to machines as a dict."""

    source: str
    kind: str
    engine: str
    lane_iou: LaneIou | None = None  # where the input has truth
    errors: Sequence[str] = ()
    frames: int = 0
    pixels: int = 0
    lane_pixels: int = 0
    times: list[StageTimes] = field(default_factory=list)

    def add(self, labels: np.ndarray, times: StageTimes) -> None:
        """Count a frame with its mask."""
        self.frames += 1
        self.pixels += labels.size
        self.lane_pixels += int(np.count_nonzero(labels == LANE_MARKING))
        self.times.append(times)

    def as_dict(self) -> dict[str, Any]:
        """Return the content of ``summary.json``."""
        content: dict[str, Any] = {
            'input': self.source,
            'kind': self.kind,
            'engine': self.engine,
            'frames': self.frames,
            'errors': len(self.errors),
            'error_messages': list(self.errors[:_LISTED_ERRORS]),
            'lane_pixel_share': self.lane_pixels / self.pixels if self.pixels else 0.0,
            'latency_ms': {name: asdict(value) for name, value in self._latency().items()},
        }
        if self.lane_iou is not None:
            content['lane_iou'] = self.lane_iou.value
            content['lane_iou_images'] = self.lane_iou.images
        return content

    def as_text(self) -> str:
        """Return a few lines for a terminal."""
        total = self._latency()['total']
        lines = [
            f'{self.frames} frames with {self.engine}',
            f'latency p50 {total.p50:.1f} ms, p95 {total.p95:.1f} ms, p99 {total.p99:.1f} ms; '
            f'lane marking on {100 * self.lane_pixels / max(1, self.pixels):.2f} % of the pixels',
        ]
        if self.lane_iou is not None:
            lines.append(f'lane IoU {self.lane_iou.value:.3f} over {self.lane_iou.images} masks')
        if self.errors:
            lines.append(f'{len(self.errors)} errors, the first: {self.errors[0]}')
        return '\n'.join(lines)

    def _latency(self) -> dict[str, Percentiles]:
        stages = {
            'preprocess': [times.preprocess_ms for times in self.times],
            'inference': [times.inference_ms for times in self.times],
            'postprocess': [times.postprocess_ms for times in self.times],
        }
        totals = [sum(values) for values in zip(*stages.values(), strict=True)]
        return {
            name: Percentiles.of(values) for name, values in (*stages.items(), ('total', totals))
        }

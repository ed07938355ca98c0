"""Label ids of a mask: their names, their colours and the id that means 'unlabelled'."""

from dataclasses import dataclass

import numpy as np

BACKGROUND = 0
LANE_MARKING = 1
ROAD = 2
#: Pixels nobody labelled: ignored by losses and metrics, never predicted.
UNLABELLED = 255


@dataclass(frozen=True)
class Label:
    """One row of a label table."""

    id: int
    name: str
    color: tuple[int, int, int]  # RGB, 0-255, for overlays


#: The project's own table; road and paint in the CityScapes colours that CARLA uses too.
LANE_LABELS = (
    Label(BACKGROUND, 'background', (0, 0, 0)),
    Label(LANE_MARKING, 'lane_marking', (157, 234, 50)),
    Label(ROAD, 'road', (128, 64, 128)),
)


def palette_bgr(labels: tuple[Label, ...]) -> np.ndarray:
    """Return the colours by label id, (256, 3) uint8 BGR; unknown ids are black."""
    palette = np.zeros((256, 3), np.uint8)
    for label in labels:
        palette[label.id] = label.color[::-1]
    return palette

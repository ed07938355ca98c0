"""Let a model label a set, and count."""

from seg_node.frame import Frame
from training.data.pairs import PairsFolder
from training.evaluation.counts import SegmentationCounts
from training.evaluation.judge import Judge
from training.evaluation.models import MaskSource
from training.progress import track


def measure(
    model: MaskSource, folder: PairsFolder, quiet: bool = True
) -> list[SegmentationCounts]:
    """Return the counts of every sample of a set, in order; without boundaries and bands."""
    judge = Judge.of(folder)
    counts = []
    for index in track(range(len(folder)), folder.source.path, quiet):
        image, truth = folder.read(index)
        counts.append(judge.count(model.mask(Frame(image)).labels, truth))
    return counts

"""Let a model label a set, and count."""

from collections.abc import Sequence

from seg_node.frame import Frame
from training.data.pairs import PairsFolder
from training.evaluation.bands import Bands
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


def measure_all(
    models: Sequence[MaskSource], folders: Sequence[PairsFolder], bands: Bands, quiet: bool = True
) -> list[SegmentationCounts]:
    """
    Return the counts of every model on a set, each with axes of pictures and bands.

    :param folders: the set, for each model with the labels of that model.
    """
    judges = [Judge.of(folder, boundaries=True) for folder in folders]
    counts: list[list[SegmentationCounts]] = [[] for _ in models]
    for index in track(range(len(folders[0])), folders[0].source.path, quiet):
        image = folders[0].read_image(index)
        frame = Frame(image)
        for model, folder, judge, so_far in zip(models, folders, judges, counts, strict=True):
            truth = folder.read(index)[1]
            bounds = bands.bounds(index, truth.shape[0])
            so_far.append(judge.count(model.mask(frame).labels, truth, bounds))
    return [SegmentationCounts.stack(so_far) for so_far in counts]

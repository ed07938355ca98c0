"""A data set as a model sees it: in the model's own label table."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from training.data.pairs import PairsFolder
from training.data.sources import SetConfig
from training.errors import DataError
from training.evaluation.models import MaskSource


def open_for_all(
    source: SetConfig, data_root: Path, models: Sequence[MaskSource]
) -> list[PairsFolder]:
    """
    Open a set once for each model; models that share a label table share the folder.

    :raises DataError: when it cannot be read, is empty, or judges what a model does not know.
    """
    opened: dict[tuple[str, ...], PairsFolder] = {}
    for model in models:
        if model.labels not in opened:
            opened[model.labels] = _open(source, data_root, model)
    return [opened[model.labels] for model in models]


def _open(source: SetConfig, data_root: Path, model: MaskSource) -> PairsFolder:
    labels = model.labels
    if unknown := [name for name in source.annotated if name not in labels]:
        raise DataError(
            f"{source.path} is to judge {', '.join(unknown)}, which '{model.description}' does "
            f'not know: its labels are {", ".join(labels)}; leave it out of --annotated, or '
            'measure another model'
        )
    # a union of labels of which a model knows some is the union of those
    covers = {
        name: tuple(member for member in members if member in labels) or (name,)
        for name, members in source.covers.items()
        if name in labels
    }
    return PairsFolder.open(replace(source, covers=covers), data_root, labels)

"""Write what a model says of a set as soft labels, for a smaller network to learn from."""

from pathlib import Path
import tempfile

import cv2
import numpy as np
from seg_node.atomic_files import put_folder
from seg_node.frame import Frame
from training.data.pairs import PairsFolder
from training.data.soft_labels import STATEMENT, write_soft_label, write_statement
from training.errors import ConfigError
from training.evaluation.models import MaskSource
from training.evaluation.report import writing
from training.progress import track

_FLAG = '--write_soft_labels'


def refuse_other_folder(folder: Path) -> None:
    """
    Refuse to replace what no teacher has written, before hours are spent.

    :raises ConfigError: for a folder or file that is something else.
    """
    if folder.exists() and not (folder / STATEMENT).is_file():
        raise ConfigError(
            f'{_FLAG} {folder} is there and holds no soft labels (no {STATEMENT}): name another '
            'folder, or remove it'
        )


def write_soft_labels(
    model: MaskSource, folder: PairsFolder, output: Path, quiet: bool = True
) -> None:
    """
    Write the probabilities of every picture of a set, at the picture's size; all or nothing.

    :param output: the folder; older soft labels there are replaced.
    :raises ConfigError: when it cannot be written.
    """
    suffix = '.png' if len(model.labels) == 3 else '.npz'
    with writing(_FLAG, output):
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=output.parent, prefix='.soft_labels-') as temporary:
            staged = Path(temporary) / 'whole'
            staged.mkdir()
            for index in track(range(len(folder)), f'soft labels {folder.source.path}', quiet):
                path = staged / f'{folder.pairs[index].name}{suffix}'
                write_soft_label(path, probabilities(model, folder.read_image(index)))
            write_statement(staged, model.labels, model.description)
            refuse_other_folder(output)
            put_folder(staged, output)


def probabilities(model: MaskSource, image: np.ndarray) -> np.ndarray:
    """
    Return the scores of a picture at its own size, (classes, H, W) uint8.

    :param image: (H, W, 3) uint8 BGR.
    """
    scores, placement = model.scores(Frame(image))
    height, width = image.shape[:2]
    planes = [
        cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR)
        for plane in placement.crop(scores)
    ]
    return np.stack(planes)

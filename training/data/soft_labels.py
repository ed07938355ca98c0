"""
Soft labels: class probabilities that a larger network gave, beside the masks of a pairs folder.

One file a picture: an 8-bit PNG of three channels (R, G, B are the first three labels) or, for
any number of labels, ``NAME.npz`` with ``probabilities`` (classes, H, W) uint8. Values are 255
times the probability. Where all labels are 0 the teacher says nothing. ``teacher.json`` states who
it was and the names of its labels; ``python -m training evaluate --write_soft_labels`` makes both.
"""

from collections.abc import Sequence
from io import BytesIO
import json
from pathlib import Path
import zipfile

import cv2
import numpy as np
from seg_node.atomic_files import write_bytes, write_text
from training.data.pictures import read_picture
from training.errors import DataError

#: States the teacher and its labels; a folder may be without.
STATEMENT = 'teacher.json'
_ARRAY = 'probabilities'


def write_statement(folder: Path, labels: Sequence[str], teacher: str) -> None:
    """
    State whose soft labels lie in a folder.

    :param labels: names of the planes, in their order.
    :param teacher: in words, for people.
    """
    content = {'labels': list(labels), 'teacher': teacher}
    write_text(folder / STATEMENT, json.dumps(content, indent=2) + '\n')


def check_statement(folder: Path, labels: Sequence[str]) -> None:
    """
    Refuse soft labels whose planes mean something else than the labels of a run.

    :param labels: of the run, by id.
    :raises DataError: naming both, or for a statement that is damaged.
    """
    path = folder / STATEMENT
    if not path.is_file():
        return
    try:
        stated = json.loads(path.read_text(encoding='utf-8'))['labels']
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f'{path} is damaged ({error!r}): let the teacher write it again'
        ) from error
    if stated != list(labels):
        raise DataError(
            f'{folder} holds soft labels of {stated}, this run has the labels '
            f'{list(labels)}: both need the same in the same order, so take another teacher'
        )


def write_soft_label(path: Path, probabilities: np.ndarray) -> None:
    """
    Write one soft label, whole or not at all.

    :param path: ``*.png`` for three labels, else ``*.npz``.
    :param probabilities: (classes, H, W) uint8, 255 times the probability.
    :raises DataError: when the file's kind cannot hold them.
    """
    if path.suffix == '.npz':
        content = BytesIO()
        np.savez_compressed(content, probabilities=probabilities)
        write_bytes(path, content.getvalue())
        return
    if path.suffix != '.png' or len(probabilities) != 3:
        raise DataError(
            f'{path}: a PNG holds the probabilities of 3 labels, not {len(probabilities)}: '
            'write NAME.npz'
        )
    picture = np.ascontiguousarray(probabilities[::-1].transpose(1, 2, 0))
    write_bytes(path, cv2.imencode('.png', picture)[1].tobytes())


def read_soft_label(path: Path, classes: int, size: tuple[int, int]) -> np.ndarray:
    """
    Return one soft label, (H, W, classes) uint8.

    :param size: height and width of the picture that it belongs to.
    :raises DataError: naming the file, when it is unreadable or of another shape.
    """
    soft = _read_array(path) if path.suffix == '.npz' else _read_colours(path)
    expected = (*size, classes)
    if soft is None or soft.dtype != np.uint8:
        raise DataError(
            f'{path} is no soft label: expected a 3-channel 8-bit PNG, or {_ARRAY} (classes, H, '
            'W) uint8 in an npz'
        )
    if soft.shape != expected:
        raise DataError(
            f'{path} holds height, width, labels {soft.shape}, its picture needs {expected}: '
            'write it again with the labels of this run'
        )
    return soft


def _read_colours(path: Path) -> np.ndarray | None:
    picture = read_picture(path, cv2.IMREAD_UNCHANGED)
    if picture is None or picture.ndim != 3 or picture.shape[2] != 3:
        return None
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def _read_array(path: Path) -> np.ndarray | None:
    try:
        with np.load(path, allow_pickle=False) as content:
            planes = content[_ARRAY]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return np.ascontiguousarray(planes.transpose(1, 2, 0)) if planes.ndim == 3 else None

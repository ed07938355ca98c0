"""Which data sets, and which parts of them, a configuration names."""

from dataclasses import dataclass, field
from typing import Literal

#: Key of ``SetConfig.remap`` for all ids that it does not name.
OTHERS = 'others'


@dataclass(frozen=True)
class SetConfig:
    """
    One pairs folder, or a part of it.

    :param path: the folder, relative to ``--data_root``.
    :param annotated: labels that are annotated at all: any of background, lane_marking, road;
        empty reads ``dataset.json``.
    :param images: name of the folder with the pictures.
    :param masks: name of the folder with the masks.
    :param remap: label ids of foreign masks to ours, such as ``{'3': 2, others: 0}``.
    :param part: ``held_out`` is the last ``hold_out`` samples, ``train`` the others; with
        ``hold_out`` 0 a collected set's own split decides.
    :param hold_out: samples at the end of the drive kept for validation.
    :param gap: samples dropped before those, since neighbours in time look alike.
    :param licence: of the pictures, for the provenance of what is trained; empty reads
        ``dataset.json``.
    """

    path: str = ''
    annotated: tuple[str, ...] = ()
    images: str = 'images'
    masks: str = 'masks'
    remap: dict[str, int] = field(default_factory=dict)
    part: Literal['all', 'train', 'held_out'] = 'all'
    hold_out: int = 0
    gap: int = 0
    licence: str = ''


@dataclass(frozen=True)
class SourceConfig(SetConfig):
    """
    A pairs folder to train from.

    :param weight: share of the samples drawn from this source, relative to the others'.
    """

    weight: float = 1.0

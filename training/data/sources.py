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
    :param annotated: labels that are annotated at all, of those of the run (background,
        lane_marking, road as a rule); empty reads ``dataset.json``.
    :param covers: labels of this set that are a union of the run's, such as
        ``{lane_marking: [lane_marking, kerb]}``: a pixel so marked may be either.
    :param images: name of the folder with the pictures.
    :param masks: name of the folder with the masks.
    :param remap: label ids of foreign masks to the run's, such as ``{'3': 2, others: 0}``; empty
        goes by the label names in ``dataset.json``, or takes the ids as they are.
    :param soft_labels: folder with the class probabilities that a teacher gave, for distillation,
        as ``evaluate --write_soft_labels`` writes them: its name in the set's folder, or a path;
        empty for none.
    :param part: ``held_out`` is the last ``hold_out`` samples, or the routes and towns below,
        ``train`` the others; where nothing is held out, a collected set's own split decides.
    :param hold_out: samples at the end of the drive kept for validation.
    :param gap: samples dropped before those, since neighbours in time look alike.
    :param hold_out_routes: whole routes kept for validation, by their number in
        ``samples.jsonl``.
    :param hold_out_towns: whole towns kept for validation, by their name in ``samples.jsonl``.
    :param gap_m: training samples nearer than this to one of those are dropped, since routes of
        a town may cross; needs camera poses in ``samples.jsonl``.
    :param skip_near_duplicates: leave out samples whose small grey picture differs from the last
        kept one by less than this many grey levels on average; 0 keeps all, 1 drops frames of a
        waiting car.
    :param shots: take this many samples of the part, spread evenly over it; 0 takes all.
    :param licence: of the pictures, for the provenance of what is trained; empty reads
        ``dataset.json``.
    """

    path: str = ''
    annotated: tuple[str, ...] = ()
    covers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    images: str = 'images'
    masks: str = 'masks'
    remap: dict[str, int] = field(default_factory=dict)
    soft_labels: str = ''
    part: Literal['all', 'train', 'held_out'] = 'all'
    hold_out: int = 0
    gap: int = 0
    hold_out_routes: tuple[int, ...] = ()
    hold_out_towns: tuple[str, ...] = ()
    gap_m: float = 0.0
    skip_near_duplicates: float = 0.0
    shots: int = 0
    licence: str = ''

    def __post_init__(self) -> None:
        """Refuse what no set can satisfy, naming the field."""
        for name in ('hold_out', 'gap', 'gap_m', 'skip_near_duplicates', 'shots'):
            if not getattr(self, name) >= 0:
                raise ValueError(f'{name}: must be 0 or more, got {getattr(self, name)}')


@dataclass(frozen=True)
class SourceConfig(SetConfig):
    """
    A pairs folder to train from.

    :param weight: share of the samples drawn from this source, relative to the others'.
    """

    weight: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what no set can satisfy, naming the field."""
        super().__post_init__()
        if not self.weight >= 0:
            raise ValueError(f'weight: must be 0 or more, got {self.weight}')

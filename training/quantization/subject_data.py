"""Which data belong to which model of a bundle: the roads that it is for, and what judges it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seg_node.bundle import ModelBundle
from training.command_line import from_plain
from training.data.pairs import PairsFolder
from training.data.sources import SetConfig
from training.engine_figures import name_of_set
from training.errors import ConfigError, DataError
from training.evaluation.counts import LANE
from training.quantization.calibration import check_enough, open_sets
from training.quantization.variants import Subject
from training.quantize_config import AdapterSets, QuantizeConfig


@dataclass(frozen=True)
class SubjectData:
    """
    Opened sets of one model.

    :param calibration: pictures that show the layers their values.
    :param validation: pairs that judge.
    :param notes: where another model's data stand in, or frames do both.
    """

    calibration: tuple[PairsFolder, ...]
    validation: tuple[PairsFolder, ...]
    notes: tuple[str, ...]


def data_of_all(
    config: QuantizeConfig, bundle: ModelBundle, subjects: Sequence[Subject]
) -> list[SubjectData]:
    """
    Open the sets of all models.

    :raises ConfigError: for adapters that the bundle does not have, or sets that cannot judge.
    :raises DataError: for a set that cannot be read.
    """
    given = _sets_of_adapters(config)
    if strange := set(given) - {subject.adapter for subject in subjects}:
        known = ', '.join(bundle.manifest.adapters) or 'none'
        raise ConfigError(
            f'{bundle.folder} has no adapter {min(strange)}: it has {known}; see --adapters and '
            '--adapter_data'
        )
    return [_data_of(config, bundle, subject, given.get(subject.adapter)) for subject in subjects]


def _sets_of_adapters(config: QuantizeConfig) -> dict[str, AdapterSets]:
    given = {sets.name: sets for sets in config.adapters}
    for text in config.adapter_data:
        name, _, path = text.partition('=')
        validation = given[name].validation if name in given else ()
        given[name] = AdapterSets(name, (SetConfig(path=path),), validation)
    return given


def _data_of(
    config: QuantizeConfig, bundle: ModelBundle, subject: Subject, given: AdapterSets | None
) -> SubjectData:
    labels = tuple(label.name for label in bundle.manifest.labels)
    notes = []
    own = given or AdapterSets()
    if subject.adapter and not own.data:
        notes.append("calibrated on the base's data, for none was given for this adapter")
    if subject.adapter and not own.validation:
        notes.append("judged on the base's sets, for none were given for this adapter")
    calibration = open_sets(own.data or config.data, config.data_root, labels)
    validation = _validation(config, bundle, own.validation or config.validation, labels)
    if not any(map(_knows_lanes, validation)):
        raise ConfigError(
            f'no set that judges {subject.name} annotates {LANE}, by which the gate decides: name '
            'another with --validation'
        )
    check_enough(calibration)
    if seen := _pictures(calibration) & _pictures(validation):
        notes.append(
            f'{len(seen)} of the frames that judge may be calibrated on too: name another part '
            'with --validation'
        )
    return SubjectData(tuple(calibration), tuple(validation), tuple(notes))


def _pictures(folders: Sequence[PairsFolder]) -> set[Path]:
    return {pair.image.resolve() for folder in folders for pair in folder.pairs}


def _knows_lanes(folder: PairsFolder) -> bool:
    return LANE in folder.labels and bool(folder.annotated[folder.labels.index(LANE)])


def judging_set(folders: Sequence[PairsFolder]) -> PairsFolder:
    """Return the set whose figures stand for a variant: the first that annotates lanes."""
    return next(filter(_knows_lanes, folders))


def _validation(
    config: QuantizeConfig,
    bundle: ModelBundle,
    sets: Sequence[SetConfig],
    labels: tuple[str, ...],
) -> list[PairsFolder]:
    """Open the sets that judge; where none are given, those that the training was judged on."""
    if sets:
        return [PairsFolder.open(item, config.data_root, labels) for item in sets]
    stated: Any = bundle.manifest.provenance.get('config')
    found = stated.get('validation') if isinstance(stated, Mapping) else None
    if not found:
        raise ConfigError(
            f'--validation is missing, and {bundle.folder} does not say what its training was '
            'validated on: name a pairs folder'
        )
    where = 'bundle.json: provenance.config.validation'
    root = Path(str(stated.get('data_root', config.data_root)))
    try:
        return [
            PairsFolder.open(from_plain(SetConfig, item, where), root, labels) for item in found
        ]
    except DataError as error:
        raise ConfigError(
            f'{bundle.folder} would be judged on what its training was validated on, which is not '
            f'here ({str(error).partition(":")[0]}): name a labelled pairs folder of yours with '
            '--validation'
        ) from error


def describe_sets(folders: Sequence[PairsFolder]) -> list[str]:
    """Return names of sets with their sizes."""
    return [f'{name_of_set(folder)}, {len(folder)} frames' for folder in folders]

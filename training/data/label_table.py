"""From the label ids of one data set to the labels of a run: translation, and what they mean."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from seg_node.labels import LANE_LABELS, LANE_MARKING, UNLABELLED
from training.data.sources import OTHERS, SetConfig
from training.errors import DataError

#: The labels of the project's own table, by id.
LANE_NAMES = tuple(label.name for label in LANE_LABELS)


def lane_id(labels: Sequence[str]) -> int | None:
    """Return the id of lane marking in a table; None where nothing is called so."""
    name = LANE_NAMES[LANE_MARKING]
    return labels.index(name) if name in labels else None


def annotated_labels(
    folder: Path, source: SetConfig, statement: dict[str, Any], labels: Sequence[str]
) -> np.ndarray:
    """
    Return which labels a set annotates at all, (classes,) bool.

    :param statement: of ``dataset.json``; the source's own word goes before it.
    :param labels: of the run, by id.
    :raises DataError: when neither says, or names labels that the run does not have.
    """
    names = source.annotated or statement.get('annotated', ())
    if (
        not names
        or not isinstance(names, (list, tuple))
        or not all(name in labels for name in names)
    ):
        raise DataError(
            f'{folder}: annotated is {names or "not stated"}; say which of {", ".join(labels)} '
            'this set annotates, with annotated or in dataset.json'
        )
    return np.array([name in names for name in labels])


def covered_labels(folder: Path, source: SetConfig, labels: Sequence[str]) -> np.ndarray:
    """
    Return what each id of a set's masks may stand for, (classes, classes) bool.

    Row: id in the masks. Column: label of the run that such a pixel may truly be. The identity,
    but for the ids that ``source.covers`` names: paint and kerb edges under one id, for instance.

    :raises DataError: for a label that the run does not have, or one that covers nothing.
    """
    covers = np.eye(len(labels), dtype=bool)
    for name, members in source.covers.items():
        if strange := sorted({name, *members} - set(labels)):
            raise DataError(
                f"{folder}: covers names '{strange[0]}', the labels of the run are "
                f'{", ".join(labels)}'
            )
        if not members:
            raise DataError(f'{folder}: covers of {name} is empty: list the labels it may be')
        covers[labels.index(name)] = [label in members for label in labels]
    return covers


def lookup_table(
    folder: Path, source: SetConfig, statement: dict[str, Any], labels: Sequence[str]
) -> np.ndarray:
    """
    Return id on disk to id of the run, (256,) int16, -1 where it has no meaning.

    ``source.remap`` decides; without it the label names that ``dataset.json`` states; without
    those the ids are taken to be the run's own.

    :raises DataError: for a remap that leads nowhere.
    """
    known = [*range(len(labels)), UNLABELLED]
    if wrong := sorted(set(source.remap.values()) - set(known)):
        raise DataError(f'{folder}: remap leads to {wrong[0]}, known ids are {known}')
    lookup = np.full(256, source.remap.get(OTHERS, -1), np.int16)
    if not source.remap:
        stated = _stated_ids(folder, statement) or {n: i for i, n in enumerate(labels)}
        for name, number in stated.items():
            if name in labels:
                lookup[number] = labels.index(name)
        lookup[UNLABELLED] = UNLABELLED
    for key, value in source.remap.items():
        if key == OTHERS:
            continue
        if not key.isdecimal() or int(key) > 255:
            raise DataError(f"{folder}: remap names '{key}', expected ids 0-255 or {OTHERS}")
        lookup[int(key)] = value
    return lookup


def _stated_ids(folder: Path, statement: dict[str, Any]) -> dict[str, int]:
    """Return the ids by name that ``dataset.json`` states: a table of rows, or name to id."""
    table = statement.get('labels') or {}
    try:
        if not isinstance(table, dict):
            table = {row['name']: row['id'] for row in table}
        ids = {str(name): int(number) for name, number in table.items()}
        if not all(0 <= number < 256 for number in ids.values()):
            raise ValueError(f'ids are 0-255, not {sorted(ids.values())}')
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(
            f'{folder}/dataset.json: labels is no table of names and ids ({error!r}): write '
            '{"background": 0, "lane_marking": 1, "road": 2}'
        ) from error
    return ids

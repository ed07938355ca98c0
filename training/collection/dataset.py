"""``dataset.json``: what a pairs folder is, where it comes from, how it was made."""

from dataclasses import asdict
import json
import platform
from typing import Any

import cv2
import numpy as np
import seg_node
from seg_node.atomic_files import write_text
from seg_node.labels import LANE_LABELS, UNLABELLED
from training.code_commit import code_commit
from training.collection.config import CollectConfig
from training.collection.sample_folder import SampleFolder, STATEMENT

_SIMULATOR_LICENCE = {
    'lite': 'Apache-2.0 (rendered by carla_lite)',
    'carla': 'CC-BY (the assets of CARLA)',
}


def write_statement(
    folder: SampleFolder,
    config: CollectConfig,
    origin: dict[str, Any],
    statistics: dict[str, Any] | None = None,
) -> None:
    """
    State what a folder is; what follows from the samples is added when all are there.

    :param origin: simulator or recording, with versions.
    :param statistics: as ``summarise`` counts them; None while the collection goes on.
    """
    bag = config.bag.path
    statement = {
        'name': config.output.name,
        'labels': [asdict(label) for label in LANE_LABELS],
        'unlabelled': UNLABELLED,
        'annotated': [label.name for label in LANE_LABELS],
        'licence': config.bag.licence if bag else _SIMULATOR_LICENCE[config.simulator],
        'origin': origin,
        'seed': config.seed,
        'versions': {
            'seg_node': seg_node.__version__,
            'commit': code_commit(),
            'python': platform.python_version(),
            'opencv': cv2.__version__,
            'numpy': np.__version__,
        },
        'config': config.as_dict(),
        'complete': statistics is not None,
        'skipped': folder.ledger.skipped,
        **(statistics or {}),
    }
    write_text(folder.path / STATEMENT, json.dumps(statement, indent=2) + '\n')

"""What a training was made of, so that it can be told and done again."""

import json
from typing import Any

from seg_node.bundle import hash_file
from training.code_commit import code_commit
from training.config import TrainConfig
from training.data.pairs import PairsFolder
from training.runs import FACTS, weights_path


def describe_run(
    config: TrainConfig, train: list[PairsFolder], validation: list[PairsFolder]
) -> dict[str, Any]:
    """Return what a run is made of: settings, data with hashes, code, first weights."""
    return {
        'config': config.as_dict(),
        'data': [
            {
                'path': folder.source.path,
                'part': folder.source.part,
                'use': use,
                'samples': len(folder),
                'licence': folder.licence,
                'sha256': folder.sha256(),
            }
            for use, folders in (('train', train), ('validation', validation))
            for folder in folders
        ],
        'commit': code_commit(),
        'init_from': _describe_start(config),
    }


def _describe_start(config: TrainConfig) -> dict[str, Any] | None:
    """Name the first weights, with all that their own run states."""
    if config.init_from is None:
        return None
    path = weights_path(config.init_from)
    facts_path = path.parent / FACTS
    facts = json.loads(facts_path.read_text()) if facts_path.is_file() else None
    return {'path': str(path), 'sha256': hash_file(path), 'facts': facts}

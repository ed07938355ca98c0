"""What a training was made of, so that it can be told and done again."""

import json
from pathlib import Path
import subprocess
from typing import Any

from seg_node.bundle import hash_file
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
        'start_from': _describe_start(config),
    }


def _describe_start(config: TrainConfig) -> dict[str, Any] | None:
    """Name the first weights, with all that their own run states."""
    if config.start_from is None:
        return None
    path = weights_path(config.start_from)
    facts_path = path.parent / FACTS
    facts = json.loads(facts_path.read_text()) if facts_path.is_file() else None
    return {'path': str(path), 'sha256': hash_file(path), 'facts': facts}


def code_commit() -> str:
    """Return the commit of this code, with ``+`` when files differ from it, or ``unknown``."""
    here = Path(__file__).parent

    def git(*arguments: str) -> str:
        command = ['git', '-C', str(here), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        dirty = git('status', '--porcelain', '--', '.')
        return git('rev-parse', 'HEAD') + ('+' if dirty else '')
    except (OSError, subprocess.CalledProcessError):
        return 'unknown'

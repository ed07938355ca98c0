"""Go on with a run: only where there is one, and only as it was begun."""

from collections.abc import Mapping
import json
from pathlib import Path
from typing import Any

from training.config import TrainConfig
from training.errors import ConfigError
from training.loop.checkpoints import AtomicCheckpointIO
from training.runs import FACTS, LAST

#: Settings that a run may be gone on with, changed.
_MAY_CHANGE = (
    'accelerator', 'data_root', 'devices', 'epochs', 'keep_best', 'name', 'num_nodes', 'patience',
    'resume', 'runs', 'strategy', 'threads', 'workers',
)  # fmt: skip


def checkpoint_to_resume(config: TrainConfig) -> Path | None:
    """
    Return the checkpoint that a run goes on from, or None for a new run.

    :raises ConfigError: when there is none to go on from, one that would be overwritten, or one
        of a run with other settings.
    """
    last = config.folder / LAST
    if config.resume and not last.is_file():
        raise ConfigError(f'--resume: {last} does not exist; start the run without --resume')
    if last.is_file() and not config.resume:
        raise ConfigError(
            f'{config.folder} holds a run already: go on with --resume, or choose another --name'
        )
    if not config.resume:
        return None
    _refuse_other_settings(config)
    return last


def refuse_other_data(
    before: Mapping[str, Any], now: Mapping[str, Any], config: TrainConfig
) -> None:
    """
    Refuse to go on with other samples than a run was begun with: it would end as no run does.

    :param before: what the run stated of itself; ``now`` what it would state.
    :raises ConfigError: naming the first set that differs, and the remedy.
    """
    for old, new in zip(before.get('data', ()), now['data'], strict=False):
        if old.get('sha256') != new['sha256']:
            raise ConfigError(
                f'--resume: the samples of {new["path"]} ({new["part"]}) are not those that '
                f'{config.folder} was started with: put them back, or start another --name with '
                '--init_from'
            )


def epoch_after(checkpoint: Path | None) -> int:
    """
    Return the epoch that a run goes on with, from 0.

    :raises ConfigError: when the checkpoint is damaged.
    """
    if checkpoint is None:
        return 0
    return int(AtomicCheckpointIO().load_checkpoint(checkpoint)['epoch']) + 1


def _refuse_other_settings(config: TrainConfig) -> None:
    path = config.folder / FACTS
    try:
        before = _flat(json.loads(path.read_text(encoding='utf-8'))['config'])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f'--resume: {path} does not state the settings of the run ({error}): start it again '
            'under another --name'
        ) from error
    now = _flat(config.as_dict())
    for key in sorted(before.keys() & now.keys()):
        if key.partition('.')[0] not in _MAY_CHANGE and before[key] != now[key]:
            raise ConfigError(
                f'--resume: the run was started with {key} {before[key]}, not {now[key]}: give '
                'it the old value, or start another --name with --init_from'
            )


def _flat(settings: dict[str, Any], prefix: str = '') -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, dict):
            flat |= _flat(value, f'{prefix}{key}.')
        else:
            flat[f'{prefix}{key}'] = value
    return flat

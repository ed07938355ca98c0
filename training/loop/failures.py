"""Runs that come to nothing, each told in one line."""

from collections.abc import Iterator
from contextlib import contextmanager
import errno

from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer
import torch
from training.config import TrainConfig
from training.errors import ConfigError, DataError
from training.runs import LAST

_NO_WRITING = (
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM,
)  # fmt: skip


@contextmanager
def told_in_one_line(config: TrainConfig) -> Iterator[None]:
    """
    Turn what ends a run from outside into the errors that the user can mend.

    :raises ConfigError: for a folder that cannot be written, or processes that cannot be had.
    :raises DataError: as the worker that reads the data raised it, without its traceback.
    :raises KeyboardInterrupt: when the run was told to stop, saying how to go on.
    """
    try:
        yield
    except (SystemExit, KeyboardInterrupt) as error:  # Lightning's answer to Ctrl+C and SIGTERM
        raise KeyboardInterrupt(f'interrupted; {_what_is_kept(config)}') from error
    except OSError as error:
        if error.errno not in _NO_WRITING:
            raise
        raise ConfigError(
            f'cannot write {error.filename or config.folder} ({error.strerror}): make room, or '
            f'choose another --runs; {_what_is_kept(config)}'
        ) from error
    except DataError as error:
        raise DataError(
            str(error).strip().splitlines()[-1].partition('DataError: ')[2] or str(error)
        ) from error
    except MisconfigurationException as error:
        raise ConfigError(
            f'cannot train with --accelerator {config.accelerator} --devices {config.devices} '
            f'--strategy {config.strategy}: {" ".join(str(error).split())}'
        ) from error


def refuse_loss(trainer: Trainer, loss: torch.Tensor, index: int) -> None:
    """
    Stop at a loss that is no number, before it spoils the weights.

    :raises ConfigError: naming epoch and batch, and the remedy.
    """
    if not torch.isfinite(loss):
        raise _diverged(trainer, f'the loss is {loss.item()}', index)


def refuse_gradient(trainer: Trainer, norm: torch.Tensor) -> None:
    """
    Stop at a gradient that is no number, before it spoils the weights.

    :raises ConfigError: naming epoch and batch, and the remedy.
    """
    if not torch.isfinite(norm):
        index = trainer.fit_loop.epoch_loop.batch_idx
        raise _diverged(trainer, f'the norm of the gradient is {norm.item()}', index)


def _diverged(trainer: Trainer, what: str, index: int) -> ConfigError:
    config: TrainConfig = trainer.lightning_module.config  # type: ignore[assignment]
    return ConfigError(
        f'{what} at epoch {trainer.current_epoch}, batch {index}: start another --name with a '
        'lower --optimizer.learning_rate or --precision 32-true, and look at the data with '
        f'python -m training inspect; {_what_is_kept(config)}'
    )


def _what_is_kept(config: TrainConfig) -> str:
    last = config.folder / LAST
    if last.is_file():
        return f'{last} holds the last whole epoch, --resume goes on from it'
    return 'no epoch was finished, so there is nothing to go on from'

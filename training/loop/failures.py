"""Runs that come to nothing, each told in one line."""

from collections.abc import Iterator
from contextlib import contextmanager
import errno

from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer
from seg_node.errors import SegNodeError
import torch
from training.config import TrainConfig
from training.errors import ConfigError, DataError
from training.runs import LAST

_NO_WRITING = (
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM,
    errno.ENOTDIR, errno.EEXIST,
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
        raise _interrupted(config) from error
    except Exception as error:
        if _hides_interrupt(error):
            raise _interrupted(config) from error
        told = _told(error, config)
        if told is None:
            raise
        raise told from error


def _interrupted(config: TrainConfig) -> KeyboardInterrupt:
    return KeyboardInterrupt(f'interrupted; {_what_is_kept(config)}')


def _hides_interrupt(error: BaseException | None) -> bool:
    """Tell whether Ctrl+C came first: what it interrupts may fail while it tidies up."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _told(error: Exception, config: TrainConfig) -> SegNodeError | None:
    """Return an error in the user's words, None for one that is nobody's to mend."""
    kept = _what_is_kept(config)
    if isinstance(error, DataError):  # a worker's comes with its traceback
        last = str(error).strip().splitlines()[-1]
        return DataError(last.partition('DataError: ')[2] or last)
    if isinstance(error, OSError) and error.errno in _NO_WRITING:
        place = error.filename or config.folder
        return ConfigError(
            f'cannot write {place} ({error.strerror}): make room, or choose another --runs; {kept}'
        )
    if isinstance(error, MisconfigurationException) or 'invalid strategy' in str(error):
        return ConfigError(
            f'cannot train with --accelerator {config.accelerator} --devices {config.devices} '
            f'--strategy {config.strategy}: {" ".join(str(error).split())}'
        )
    if isinstance(error, torch.OutOfMemoryError):
        return ConfigError(
            'the GPU has no memory left: lower --batch_size, and raise --optimizer.accumulate '
            f'to make up for it; {kept}'
        )
    if is_end_of_worker(error):
        return ConfigError(
            'a process that reads the data died, for want of memory as a rule: lower --workers '
            f'or --batch_size; {kept}'
        )
    return None


def is_end_of_worker(error: BaseException) -> bool:
    """
    Tell whether a process that reads the data is gone.

    Torch says so, unless it dies while it hands over a batch: then the connection breaks, or
    its socket, which the error does not name, is no longer there.
    """
    if isinstance(error, RuntimeError):
        return 'DataLoader worker' in str(error)
    if isinstance(error, FileNotFoundError):
        return error.filename is None
    return isinstance(error, ConnectionError | EOFError)


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

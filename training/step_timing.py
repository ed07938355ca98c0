"""Does the loader keep up? Steps of a training, with its loader and without."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
import tempfile
import time
from typing import Any

from torch.utils.data import DataLoader, default_collate
from training.config import TrainConfig
from training.data.pairs import PairsFolder
from training.lane_module import LaneModule
from training.loop.distillation import Teacher
from training.loop.loaders import RunData
from training.loop.resources import ResourceMeter
from training.loop.start import build_network
from training.loop.trainer import make_trainer, prepare_process


def time_steps(
    config: TrainConfig, train: list[PairsFolder], steps: int, quiet: bool = True
) -> dict[str, Any]:
    """
    Run steps of a training and throw them away.

    :param steps: timed of each kind, after one that warms up.
    :return: ``step_ms`` is the median time of a step whose batch lies in memory,
        ``step_with_loader_ms`` that of the real training; ``wait_share`` is the part of the
        latter in which the network waited for data, and ``batch_ms`` what one core needs to make
        a batch.
    """
    config = replace(
        config,
        epochs=1,
        samples_per_epoch=(steps + 1) * config.batch_size,
        devices=1,
        num_nodes=1,
    )
    prepare_process(config)
    real = RunData(config, train, [], first_epoch=0).train_dataloader()
    batch, batch_s = _make_batch(real)
    without = _run(config, Repeated(batch, steps + 1), steps, quiet)
    with_loader = _run(config, real, steps, quiet)
    return {
        'batch_size': config.batch_size,
        'workers': config.workers,
        'threads': config.threads,
        'precision': config.precision,
        'steps': steps,
        'step_ms': without['batch_ms_p50'],
        'step_with_loader_ms': with_loader['batch_ms_p50'],
        'wait_share': with_loader['data_wait_share'],
        'batch_ms': round(batch_s * 1e3, 2),
        'peak_memory_mib': with_loader['peak_memory_mib'],
        'processor_cores': with_loader['processor_cores'],
    }


class Repeated:
    """A loader that gives the same batch again and again, for nothing."""

    def __init__(self, batch: dict[str, Any], times: int) -> None:
        self._batch, self._times = batch, times

    def __len__(self) -> int:
        return self._times

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for _ in range(self._times):
            yield self._batch


def _make_batch(loader: DataLoader) -> tuple[dict[str, Any], float]:
    """Return a batch, made here and now by one thread, and the seconds that a second one took."""
    draws = iter(loader.sampler)
    for _ in range(2):
        begin_s = time.perf_counter()
        samples = [loader.dataset[next(draws)] for _ in range(loader.batch_size or 1)]
        batch_s = time.perf_counter() - begin_s
    return default_collate(samples), batch_s


def _run(
    config: TrainConfig, loader: DataLoader | Repeated, steps: int, quiet: bool
) -> dict[str, Any]:
    """Train for some steps in a folder that is thrown away; return what they cost."""
    meter = ResourceMeter()
    with tempfile.TemporaryDirectory(prefix='seg_node_timing_') as folder:
        config = replace(config, runs=Path(folder))
        network = build_network(config)
        module = LaneModule(config, network, steps + 1, [], Teacher.load(config))
        trainer = make_trainer(config, [meter], quiet)
        trainer.fit(module, train_dataloaders=loader)
    return meter.summary()

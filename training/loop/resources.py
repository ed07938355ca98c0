"""What a training costs: time for each batch, waiting for data, memory, processors, GPU."""

from contextlib import suppress
from multiprocessing import active_children
import os
from pathlib import Path
import resource
import time
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
import numpy as np
import torch

_CLOCK_TICKS_PER_S = os.sysconf('SC_CLK_TCK') if hasattr(os, 'sysconf') else 100
_GPU_ASKED_EVERY = 50  # batches; asking takes about a millisecond


class ResourceMeter(Callback):
    """
    Measures one start of a run; ``summary`` tells it.

    The time of a batch goes from the end of the one before to its own end, so what the network
    waits for data is part of it. The first batch of an epoch, which waits for the loader to start
    (and for a validation), counts for neither.
    """

    def __init__(self) -> None:
        self._batch_s: list[float] = []
        self._wait_s: list[float] = []
        self._gpu_percent: list[float] = []
        self._last_end_s: float | None = None
        self._begin_s = self._begin_cpu_s = self._cpu_s = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin to measure."""
        self._begin_s, self._begin_cpu_s = time.perf_counter(), _processor_s()
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave out what lies between two epochs."""
        self._last_end_s = None

    def on_train_batch_start(self, *_: Any) -> None:
        """Note how long the data took."""
        if self._last_end_s is not None:
            self._wait_s.append(time.perf_counter() - self._last_end_s)

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Note how long the batch took."""
        if pl_module.device.type == 'cuda':
            torch.cuda.synchronize()  # else only the launching of its kernels is timed
            if batch_idx % _GPU_ASKED_EVERY == 0:
                with suppress(Exception):  # no NVML, no figure
                    self._gpu_percent.append(torch.cuda.utilization())
        now_s = time.perf_counter()
        if self._last_end_s is not None:
            self._batch_s.append(now_s - self._last_end_s)
        self._last_end_s = now_s

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the processor time while the workers are alive."""
        self._cpu_s = _processor_s() - self._begin_cpu_s

    def summary(self) -> dict[str, Any]:
        """
        Return the figures; None where there is nothing to measure.

        ``processor_cores`` is how many cores were busy on average, workers included.
        """
        wall_s = time.perf_counter() - self._begin_s if self._begin_s else 0.0
        cuda = torch.cuda.is_available()
        return {
            'wall_s': round(wall_s, 1),
            'batches_timed': len(self._batch_s),
            'batch_ms_p50': _percentile_ms(self._batch_s, 50),
            'batch_ms_p99': _percentile_ms(self._batch_s, 99),
            'data_wait_share': (
                round(sum(self._wait_s) / sum(self._batch_s), 4) if self._batch_s else None
            ),
            'peak_memory_mib': round(peak_memory_mib(), 1),
            'processor_cores': round(self._cpu_s / wall_s, 2) if wall_s else None,
            'gpu_peak_memory_mib': (
                round(torch.cuda.max_memory_allocated() / 2**20, 1) if cuda else None
            ),
            'gpu_use_percent': (
                round(float(np.mean(self._gpu_percent)), 1) if self._gpu_percent else None
            ),
        }


def peak_memory_mib() -> float:
    """Return the most memory that this process has held at once, its workers not counted."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _percentile_ms(times_s: list[float], percent: float) -> float | None:
    return round(float(np.percentile(times_s, percent)) * 1e3, 2) if times_s else None


def _processor_s() -> float:
    """Return the processor time of this process and of its living workers."""
    own = time.process_time()
    return own + sum(_processor_s_of(child.pid) for child in active_children())


def _processor_s_of(process_id: int | None) -> float:
    try:
        fields = Path(f'/proc/{process_id}/stat').read_text(encoding='utf-8')
    except OSError:
        return 0.0
    user, system = fields.rpartition(')')[2].split()[11:13]
    return (int(user) + int(system)) / _CLOCK_TICKS_PER_S

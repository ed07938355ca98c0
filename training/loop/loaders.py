"""The batches of a run, the same whatever the number of workers and processes."""

from collections.abc import Iterator, Sequence

from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader, Sampler
from training.config import TrainConfig
from training.data.pairs import PairsFolder
from training.data.sampling import Draw, MixedSampler, TrainingSamples, ValidationIndex
from training.loop.processes import process_count, process_rank
from training.loop.workers import begin_worker, worker_context


def open_all(config: TrainConfig) -> tuple[list[PairsFolder], list[PairsFolder]]:
    """
    Return the sets to learn from and those to validate on.

    :raises DataError: for one that is missing or not complete.
    """
    train, validation = (
        [PairsFolder.open(source, config.data_root, config.labels) for source in sources]
        for sources in (config.train, config.validation)
    )
    return train, validation


class RunData(LightningDataModule):
    """
    The loaders of one process, made when it knows its rank.

    :param first_epoch: that will be asked for; workers read ahead before Lightning names it.
    """

    def __init__(
        self,
        config: TrainConfig,
        train: Sequence[PairsFolder],
        validation: Sequence[PairsFolder],
        first_epoch: int,
    ) -> None:
        super().__init__()
        self._config, self._first_epoch = config, first_epoch
        self._train, self._validation = train, validation

    def train_dataloader(self) -> DataLoader:
        """Return this process's share of the batches."""
        config = self._config
        sampler = MixedSampler(
            [len(folder) for folder in self._train],
            [source.weight for source in config.train],
            config.samples_per_epoch,
            config.seed,
        )
        share = BatchShare(sampler, config.batch_size, process_rank(), process_count())
        share.set_epoch(self._first_epoch)
        return DataLoader(
            TrainingSamples(self._train, config.input, config.augment),
            batch_size=config.batch_size // process_count(),
            sampler=share,
            num_workers=config.workers,
            multiprocessing_context=worker_context() if config.workers else None,
            persistent_workers=config.workers > 0,
            drop_last=True,
            worker_init_fn=begin_worker,
        )

    def val_dataloader(self) -> DataLoader:
        """Return this process's share of the validation samples, as (source, sample)."""
        index = ValidationIndex(self._validation)
        mine = range(process_rank(), len(index), process_count())
        return DataLoader(index, sampler=mine, batch_size=None)


class BatchShare(Sampler[Draw]):
    """The draws of one process: its part of every whole batch."""

    def __init__(self, draws: MixedSampler, batch_size: int, rank: int, processes: int) -> None:
        self._draws, self._batch_size = draws, batch_size
        self._rank, self._share = rank, batch_size // processes

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this before each epoch."""
        self._draws.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self._draws) // self._batch_size * self._share

    def __iter__(self) -> Iterator[Draw]:
        whole = len(self._draws) // self._batch_size * self._batch_size
        for position, draw in enumerate(self._draws):
            if position < whole and position % self._batch_size // self._share == self._rank:
                yield draw

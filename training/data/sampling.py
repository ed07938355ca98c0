"""Mix several sources into one training set, reproducibly."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from seg_node.preprocess import InputSpec
import torch
from torch.utils.data import Dataset, Sampler
from training.data.augment import augment, AugmentConfig, Sample
from training.data.pairs import PairsFolder
from training.errors import DataError


class Draw(NamedTuple):
    """One sample to be read and augmented; ``seed`` fixes its augmentation."""

    source: int
    sample: int
    seed: tuple[int, int, int]  # run seed, epoch, position in the epoch


class MixedSampler(Sampler[Draw]):
    """
    Draw a fixed number of samples an epoch, from each source by its weight.

    Within a source every sample comes once before any comes again. The same seed and epoch give
    the same draws whatever the number of workers, and after a resume.
    """

    def __init__(
        self, sizes: Sequence[int], weights: Sequence[float], samples: int, seed: int
    ) -> None:
        """
        Set up the draws.

        :param sizes: samples of each source.
        :param weights: of each source; their sum does not matter.
        :param samples: drawn in an epoch.
        :raises DataError: when no source has a weight.
        """
        if not np.sum(weights) > 0:
            raise DataError('every source has weight 0: give one that is to be used more')
        self._sizes = list(sizes)
        self._shares = np.array(weights, float) / np.sum(weights)
        self._samples, self._seed, self._epoch = samples, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this before each epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._samples

    def __iter__(self) -> Iterator[Draw]:
        rng = np.random.default_rng((self._seed, self._epoch))
        bounds = np.floor(np.cumsum(self._shares) * self._samples + 0.5).astype(int)
        counts = np.diff(bounds, prepend=0)
        sources = rng.permutation(np.repeat(np.arange(len(counts)), counts))
        queues = [_cycle(size, rng) for size in self._sizes]
        for position, source in enumerate(sources.tolist()):
            yield Draw(source, next(queues[source]), (self._seed, self._epoch, position))


def _cycle(size: int, rng: np.random.Generator) -> Iterator[int]:
    while True:
        yield from rng.permutation(size).tolist()


@dataclass
class TrainingSamples(Dataset):
    """Augmented samples at the network's input size, looked up by ``Draw``."""

    folders: Sequence[PairsFolder]
    spec: InputSpec
    augment: AugmentConfig

    def __post_init__(self) -> None:
        """See whether any source has soft labels: then every sample carries some."""
        self._soft = any(folder.source.soft_labels for folder in self.folders)

    def __getitem__(self, draw: Draw) -> dict[str, torch.Tensor]:
        """
        Return one sample.

        :return: image (H, W, 3) uint8 BGR, truth (H, W) uint8, annotated (classes,) bool and
            covers (classes, classes) bool, as ``PairsFolder`` states them; where a source has
            them, soft (classes, H, W) uint8, all 0 where no teacher has a say.
        """
        folder = self.folders[draw.source]
        rng = np.random.default_rng(draw.seed)
        image, mask = folder.read(draw.sample)
        sample = Sample(image, mask, folder.read_soft(draw.sample, mask.shape))
        other = self._draw_other(rng) if rng.random() < self.augment.borrow else None
        sample = augment(sample, self.augment, self.spec, rng, other, folder.labels)
        tensors = {
            'image': torch.from_numpy(sample.image),
            'truth': torch.from_numpy(sample.mask),
            'annotated': torch.from_numpy(folder.annotated),
            'covers': torch.from_numpy(folder.covers),
        }
        if self._soft:
            tensors['soft'] = self._planes(sample, len(folder.labels))
        return tensors

    @staticmethod
    def _planes(sample: Sample, classes: int) -> torch.Tensor:
        if sample.soft is None:
            return torch.zeros((classes, *sample.mask.shape), dtype=torch.uint8)
        return torch.from_numpy(np.ascontiguousarray(sample.soft.transpose(2, 0, 1)))

    def _draw_other(self, rng: np.random.Generator) -> np.ndarray:
        folder = self.folders[int(rng.integers(len(self.folders)))]
        return folder.read_image(int(rng.integers(len(folder))))


class ValidationIndex(Dataset):
    """Names every validation sample as (source, sample); reading needs no tensors."""

    def __init__(self, folders: Sequence[PairsFolder]) -> None:
        self._index = [
            (source, i) for source, folder in enumerate(folders) for i in range(len(folder))
        ]

    def __len__(self) -> int:
        return len(self._index)

    def __getitem__(self, position: int) -> tuple[int, int]:
        """Return source and sample."""
        return self._index[position]

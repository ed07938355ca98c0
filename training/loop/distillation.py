"""A teacher beside the network that learns: another network, or a folder of its answers."""

from pathlib import Path

from seg_node.bundle import MANIFEST, ModelBundle
from seg_node.preprocess import InputSpec
import torch
from torch import nn
from training.config import TrainConfig
from training.errors import ConfigError
from training.losses.distillation import distillation_loss
from training.models.score_graph import Normalize
from training.models.unet import UNet
from training.runs import bundle_shape, load_into, Run, weights_path


class Teacher:
    """
    A finished network that is asked about every batch.

    It is no part of the module that learns: no checkpoint, average or optimizer knows of it.
    """

    def __init__(self, network: nn.Module, spec: InputSpec) -> None:
        self._network = network.eval().requires_grad_(False)
        self._normalize = Normalize(spec)

    @classmethod
    def load(cls, config: TrainConfig) -> 'Teacher | None':
        """
        Return the teacher that a run names, if any.

        :raises ConfigError: when it is damaged, or does not fit the labels or the picture size.
        """
        path = config.teacher.run
        if path is None:
            return None
        network, spec, labels = _load_network(path, config)
        if labels != config.labels:
            raise ConfigError(
                f'--teacher.run: {path} knows the labels {", ".join(labels)}, this run has '
                f'{", ".join(config.labels)}: both need the same in the same order'
            )
        stride = network.config.stride if isinstance(network, UNet) else 1
        if config.input.width % stride or config.input.height % stride:
            raise ConfigError(
                f'--teacher.run: {path} needs pictures of multiples of {stride}, --input is '
                f'{config.input.width}x{config.input.height}'
            )
        return cls(network, spec)

    def to(self, device: torch.device) -> None:
        """Move to the device of the network that learns."""
        self._network.to(device)
        self._normalize.to(device)

    @torch.no_grad()
    def probabilities(self, image: torch.Tensor) -> torch.Tensor:
        """Return (N, classes, H, W) float of a batch (N, H, W, 3) uint8 BGR."""
        return self._network(self._normalize(image)).float().softmax(1)


def teaching_loss(
    logits: torch.Tensor,
    batch: dict[str, torch.Tensor],
    teacher: Teacher | None,
    config: TrainConfig,
) -> torch.Tensor | None:
    """
    Return the weighted distance from the teachers' answers, or None without any.

    :param logits: (N, classes, H, W) of the network that learns.
    """
    settings = config.teacher
    terms = []
    if teacher is not None:
        answer = teacher.probabilities(batch['image'])
        everywhere = torch.ones_like(batch['truth'], dtype=torch.bool)
        terms.append(_distance(logits, answer, everywhere, config))
    if 'soft' in batch:
        soft = batch['soft'].float()
        total = soft.sum(1, keepdim=True)
        said = total[:, 0] > 0  # where all labels are 0 the teacher says nothing
        terms.append(_distance(logits, soft / total.clamp(min=1), said, config))
    return settings.weight * torch.stack(terms).sum() if terms else None


def _distance(
    logits: torch.Tensor, answer: torch.Tensor, valid: torch.Tensor, config: TrainConfig
) -> torch.Tensor:
    settings = config.teacher
    return distillation_loss(logits, answer, valid, settings.temperature, settings.kind)


def _load_network(path: Path, config: TrainConfig) -> tuple[nn.Module, InputSpec, tuple[str, ...]]:
    folder = path if path.is_dir() else path.parent
    if (folder / MANIFEST).is_file():
        manifest = ModelBundle.load(folder).manifest
        network = UNet(bundle_shape(folder))
        load_into(network, weights_path(path))
        return network, manifest.input, tuple(label.name for label in manifest.labels)
    run = Run.load(path)
    return run.network, run.config.input, run.config.labels

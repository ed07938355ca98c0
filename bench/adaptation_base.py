"""The network that is adapted: a bundle's or a run's, told alike."""

from dataclasses import dataclass
from pathlib import Path

from seg_node.bundle import MANIFEST
from seg_node.postprocess import OutputSpec
from seg_node.preprocess import InputSpec
from torch import nn
from training.base_model import BaseModel
from training.lora.fingerprint import weights_sha256
from training.losses.config import LossConfig
from training.models.unet import UNetConfig
from training.runs import Run


@dataclass(frozen=True)
class Base:
    """The network that is adapted, without its weights."""

    path: Path
    network: UNetConfig
    input: InputSpec
    labels: tuple[str, ...]
    loss: LossConfig
    output: OutputSpec
    sha256: str

    @classmethod
    def open(cls, path: Path) -> 'Base':
        """
        Read a bundle or a run.

        :raises SegNodeError: when it is neither, or damaged.
        """
        if (path / MANIFEST).is_file():
            model = BaseModel.open(path)
            manifest = model.bundle.manifest
            sha256 = weights_sha256(model.build())
            return cls(
                path, model.config, manifest.input, model.labels, model.loss(), manifest.output,
                sha256,
            )  # fmt: skip
        run = Run.load(path)
        config = run.config
        return cls(
            path, config.network, config.input, config.labels, config.loss, OutputSpec(),
            weights_sha256(run.network),
        )  # fmt: skip

    def build(self) -> nn.Module:
        """Return the network with its weights, in evaluation mode."""
        if (self.path / MANIFEST).is_file():
            return BaseModel.open(self.path).build()
        return Run.load(self.path).network

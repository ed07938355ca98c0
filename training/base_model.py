"""The model of a bundle, as what training goes on from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seg_node.bundle import ModelBundle, WeightFile
from torch import nn
from training.command_line import from_plain
from training.errors import ConfigError
from training.losses.config import LossConfig
from training.models.unet import UNet, UNetConfig
from training.runs import bundle_shape, BUNDLE_WEIGHTS, load_into


@dataclass(frozen=True)
class BaseModel:
    """A bundle whose weights can be trained on, found whole."""

    bundle: ModelBundle
    weights: WeightFile
    config: UNetConfig

    @classmethod
    def open(cls, folder: Path) -> 'BaseModel':
        """
        Find a bundle's weights and the shape of its network.

        :raises BundleError: for a bundle that is missing, incomplete or altered.
        :raises ConfigError: when it holds nothing to train on.
        """
        bundle = ModelBundle.load(folder)
        for file in bundle.manifest.files:
            if file.path == BUNDLE_WEIGHTS:
                return cls(bundle, file, bundle_shape(folder))
        raise ConfigError(
            f'{folder} has no {BUNDLE_WEIGHTS} to train on: name a bundle that python -m training '
            'export made'
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the labels, by id."""
        return tuple(label.name for label in self.bundle.manifest.labels)

    def build(self) -> nn.Module:
        """Return the network with the bundle's weights, in evaluation mode."""
        network = UNet(self.config)
        load_into(network, self.bundle.path_of(self.weights))
        return network.eval()

    def loss(self) -> LossConfig:
        """Return the loss that the model was trained with, as its provenance states it."""
        stated: Any = self.bundle.manifest.provenance.get('config', {})
        loss = stated.get('loss') if isinstance(stated, Mapping) else None
        return from_plain(LossConfig, loss, 'bundle.json: loss') if loss else LossConfig()

"""
Anything that labels frames: a bundle through the node's own code, or a run through torch.

A model is named by ``PATH[:ADAPTER][@ENGINE[/PRECISION]]``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from seg_node.bundle import ModelBundle
from seg_node.frame import Frame, Mask
from seg_node.postprocess import OutputSpec
from seg_node.preprocess import Placement
from seg_node.segmenter import Segmenter
import torch
from training.errors import ConfigError
from training.evaluate_config import EvaluateConfig
from training.runs import FACTS, Run
from training.torch_segmenter import TorchSegmenter


class MaskSource(Protocol):
    """Anything that labels frames."""

    description: str
    labels: tuple[str, ...]  # names by id
    output: OutputSpec  # how its scores are decided

    def mask(self, frame: Frame) -> Mask:
        """Return the frame's labels at the frame's size."""

    def scores(self, frame: Frame) -> tuple[np.ndarray, Placement]:
        """Return (classes, height, width) uint8 of the network, and the frame's place in it."""


class BundleSegmenter:
    """A bundle, through the node's own code."""

    def __init__(self, segmenter: Segmenter) -> None:
        self._segmenter = segmenter
        manifest = segmenter.bundle.manifest
        self.description = segmenter.description
        self.labels = tuple(label.name for label in manifest.labels)
        self.output = manifest.output

    def mask(self, frame: Frame) -> Mask:
        """Return the frame's labels at the frame's size."""
        return self._segmenter.segment(frame, with_confidence=False).mask

    def scores(self, frame: Frame) -> tuple[np.ndarray, Placement]:
        """Return (classes, height, width) uint8 of the network, and the frame's place in it."""
        return self._segmenter.scores(frame)


@dataclass(frozen=True)
class ModelName:
    """
    What to load.

    :param path: a bundle, a run folder, or a checkpoint in one.
    :param adapter: of a bundle; empty for its base model.
    :param engine: of a bundle, as is ``precision``.
    """

    path: Path
    adapter: str = ''
    engine: str = 'auto'
    precision: str = 'auto'

    @classmethod
    def parse(cls, text: str, engine: str = 'auto', precision: str = 'auto') -> 'ModelName':
        """
        Read ``PATH[:ADAPTER][@ENGINE[/PRECISION]]``.

        A path that exists is taken as it is, whatever signs it holds.

        :param engine: where the text names none; likewise ``precision``.
        """
        if Path(text).exists():
            return cls(Path(text), '', engine, precision)
        rest, at, how = text.rpartition('@')
        if not at:
            rest = text
        named_engine, _, named_precision = how.partition('/') if at else ('', '', '')
        path, colon, adapter = rest.rpartition(':')
        if not colon or Path(rest).exists():
            path, adapter = rest, ''
        return cls(Path(path), adapter, named_engine or engine, named_precision or precision)

    @property
    def is_run(self) -> bool:
        """Whether it is a training's, not a bundle."""
        return self.path.suffix == '.ckpt' or (self.path / FACTS).is_file()


@contextmanager
def open_model(name: ModelName, threads: int, lane_threshold: float) -> Iterator[MaskSource]:
    """
    Give the bundle or run; a bundle's engine is closed after.

    :param threads: 0 for one a core.
    :param lane_threshold: of a run, which has chosen none yet.
    :raises SegNodeError: when there is none, or it cannot run here.
    """
    if name.is_run:
        yield _open_run(name, threads, lane_threshold)
        return
    bundle = ModelBundle.load(name.path)
    segmenter = Segmenter.load(bundle, name.engine, name.precision, name.adapter, threads)
    try:
        model = BundleSegmenter(segmenter)
        if name.adapter:
            model.description += f', adapter {name.adapter}'
        yield model
    finally:
        segmenter.close()


def _open_run(name: ModelName, threads: int, lane_threshold: float) -> MaskSource:
    if name.adapter:
        raise ConfigError(
            f"{name.path} is a run, which has no adapter '{name.adapter}' to choose: name the "
            'run alone, or a bundle with that adapter'
        )
    if threads:
        torch.set_num_threads(threads)
    run = Run.load(name.path)
    output = OutputSpec(lane_threshold=lane_threshold)
    model = TorchSegmenter(run.network, run.config.input, output, run.config.labels)
    model.description = f'run {run.config.name}, torch, threshold {lane_threshold}'
    return model


def models_of(config: EvaluateConfig) -> list[ModelName]:
    """Return the model of a configuration, then those that it is compared with."""
    first = ModelName.parse(str(config.model), config.engine, config.precision)
    if config.adapter:
        first = replace(first, adapter=config.adapter)
    others = [ModelName.parse(text, config.engine, config.precision) for text in config.compare]
    return [first, *others]

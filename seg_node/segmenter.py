"""Frame in, mask out: preprocess, infer, postprocess, each timed."""

from dataclasses import dataclass
import time

import numpy as np
from seg_node.bundle import ModelBundle
from seg_node.engines import Engine, load_engine
from seg_node.frame import Frame, Mask
from seg_node.postprocess import postprocess
from seg_node.preprocess import Placement, preprocess


@dataclass(frozen=True)
class StageTimes:
    """How long each stage of one frame took."""

    preprocess_ms: float
    inference_ms: float
    postprocess_ms: float


@dataclass(frozen=True)
class Segmentation:
    """The result for one frame."""

    mask: Mask
    times: StageTimes


class Segmenter:
    """
    A loaded model, ready for frames of any size.

    Training evaluates with it and the node runs it, so that both see the same pixels. One thread
    at a time may call it.
    """

    def __init__(self, bundle: ModelBundle, engine: Engine) -> None:
        """
        Join a bundle's settings and a loaded engine.

        :param bundle: states how pictures go in and what scores mean.
        :param engine: owned from now on; closed with the segmenter.
        """
        self.bundle = bundle
        self._engine = engine

    @classmethod
    def load(
        cls,
        bundle: ModelBundle,
        engine: str = 'auto',
        precision: str = 'auto',
        adapter: str = '',
        threads: int = 0,
    ) -> 'Segmenter':
        """Load a model and warm it up; see :func:`seg_node.engines.load_engine`."""
        return cls(bundle, load_engine(bundle, engine, precision, adapter, threads))

    @property
    def description(self) -> str:
        """Bundle and engine, for logs."""
        return f'{self.bundle.manifest.name} on {self._engine.description}'

    def segment(self, frame: Frame, with_confidence: bool = True) -> Segmentation:
        """
        Label every pixel of a frame.

        :param frame: of any size and aspect.
        :param with_confidence: False leaves ``mask.confidence`` None and saves a resize.
        :raises EngineError: when the engine fails.
        """
        manifest = self.bundle.manifest
        start_s = time.perf_counter()
        batch, placement = preprocess(frame, manifest.input)
        preprocessed_s = time.perf_counter()
        scores = self._engine.infer(batch)
        inferred_s = time.perf_counter()
        mask = postprocess(scores[0], placement, frame, manifest.output, with_confidence)
        end_s = time.perf_counter()
        times = StageTimes(
            preprocess_ms=(preprocessed_s - start_s) * 1e3,
            inference_ms=(inferred_s - preprocessed_s) * 1e3,
            postprocess_ms=(end_s - inferred_s) * 1e3,
        )
        return Segmentation(mask, times)

    def scores(self, frame: Frame) -> tuple[np.ndarray, Placement]:
        """
        Return what the network says of a frame, before anything is decided.

        :return: (classes, height, width) uint8 at the network's size, and the frame's place in it.
        :raises EngineError: when the engine fails.
        """
        batch, placement = preprocess(frame, self.bundle.manifest.input)
        return self._engine.infer(batch)[0], placement

    def close(self) -> None:
        """Free the engine."""
        self._engine.close()

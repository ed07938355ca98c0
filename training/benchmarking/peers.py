"""A model of others, fed with frames as our own are, and judged as they are."""

from pathlib import Path
import time

import cv2
import numpy as np
from seg_node.engines.base import first_line
from seg_node.errors import SegNodeError
from seg_node.frame import Frame
from seg_node.postprocess import OutputSpec, postprocess
from seg_node.preprocess import InputSpec, preprocess
from seg_node.segmenter import Segmentation, StageTimes
from training.benchmarking.errors import BenchmarkError
from training.benchmarking.peer_config import PeerConfig, PeerInput
from training.benchmarking.raw_model import InputFacts, open_raw, RawModel

_WARM_UP_RUNS = 3
_DECIDED = OutputSpec(lane_threshold=0.5)


class PeerSegmenter:
    """
    Frame in, mask of lane marking and background out.

    Frames are resized by the node's own code, and masks brought back by it, so that nothing but
    the network differs.
    """

    def __init__(
        self, peer: PeerConfig, engine: str, precision: str, threads: int,
        size: tuple[int, int] | None = None,
    ) -> None:  # fmt: skip
        """
        Load and warm up.

        :param precision: see :func:`training.benchmarking.raw_model.open_raw`.
        :param size: width and height to run at instead of the model's own.
        :raises BenchmarkError: when it cannot be loaded, takes no picture, or has no such class.
        """
        self._peer = peer
        self._model = open_raw(
            peer.file, engine, precision, threads, lambda facts: _shape_for(facts, peer, size)
        )
        self._layout = layout_of(self._model.input, peer)
        self.shape = _shape_for(self._model.input, peer, size)
        height, width = self.shape[2:] if self._layout == 'nchw' else self.shape[1:3]
        self._spec = InputSpec(width=width, height=height, resize=peer.input.resize)
        self._colours, self._mean, self._scale = _pixel_values(peer.input, self._model)
        self.description = f'{peer.shown} on {self._model.version}, {precision}, {threads} threads'
        self.notes = self._describe_input()
        self._warm_up()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the network's input."""
        return self._spec.width, self._spec.height

    def segment(self, frame: Frame, with_confidence: bool = False) -> Segmentation:
        """
        Label every pixel of a frame, timed like :class:`seg_node.segmenter.Segmenter`.

        :param with_confidence: there is none.
        """
        start_s = time.perf_counter()
        batch, placement = preprocess(frame, self._spec)
        array = self._tensor(batch)
        preprocessed_s = time.perf_counter()
        answer = self._model.run(array)
        inferred_s = time.perf_counter()
        lane = self._lane(answer)
        scores = np.stack((np.where(lane, np.uint8(0), np.uint8(255)), lane * np.uint8(255)))
        mask = postprocess(scores, placement, frame, _DECIDED, with_confidence=False)
        end_s = time.perf_counter()
        times = StageTimes(
            preprocess_ms=(preprocessed_s - start_s) * 1e3,
            inference_ms=(inferred_s - preprocessed_s) * 1e3,
            postprocess_ms=(end_s - inferred_s) * 1e3,
        )
        return Segmentation(mask, times)

    def close(self) -> None:
        """Nothing is held beyond the process."""

    def _warm_up(self) -> None:
        blank = Frame(np.zeros((self._spec.height, self._spec.width, 3), np.uint8))
        try:
            for _ in range(_WARM_UP_RUNS):
                self.segment(blank)
        except SegNodeError:
            raise
        except Exception as error:  # of classes that each library has for itself
            raise BenchmarkError(
                f'{self._peer.file} fails on a picture of {self._spec.width}x{self._spec.height} '
                f'({first_line(error)[:200]}): give another --input.width and --input.height'
            ) from error

    def _tensor(self, batch: np.ndarray) -> np.ndarray:
        """Return the model's input of (1, H, W, 3) uint8 BGR."""
        values = batch[..., ::-1] if self._colours == 'rgb' else batch
        dtype = self._model.input.dtype
        if self._mean.any() or (self._scale != 1).any():
            values = (values - self._mean) / self._scale
        if self._layout == 'nchw':
            values = values.transpose(0, 3, 1, 2)
        return np.ascontiguousarray(values, dtype)

    def _lane(self, answer: np.ndarray) -> np.ndarray:
        """Return where the model sees lane marking, (height, width) bool."""
        scores = _planes(answer, self._spec, self._peer.file)
        wanted = self._peer.lane_class
        size = self._spec.width, self._spec.height
        if len(scores) == 1:  # label ids
            if scores.dtype.kind == 'f' and (scores % 1).any():
                raise BenchmarkError(
                    f'{self._peer.file} gives one plane of fractions, neither label ids nor a '
                    'score for each class: let it give two classes'
                )
            labels = scores[0].astype(np.uint8)
            return cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST_EXACT) == wanted
        if wanted >= len(scores):
            raise BenchmarkError(
                f'--lane_class is {wanted}, but {self._peer.file} has the classes 0 to '
                f'{len(scores) - 1}: name one of them'
            )
        if scores.shape[1:] != size[::-1]:
            scores = np.stack([cv2.resize(plane.astype(np.float32), size) for plane in scores])
        return scores.argmax(axis=0) == wanted

    def _describe_input(self) -> list[str]:
        mean, scale = ', '.join(map(_plain, self._mean)), ', '.join(map(_plain, self._scale))
        given = self._peer.input
        note = (
            f'{self._peer.shown} is fed {self._colours} as {self._layout} '
            f'{self._model.input.dtype.__name__}, mean {mean}, scale {scale}'
        )
        if not (given.mean or given.scale or self._model.stated):
            note += '; its file states no mean and scale: give --input.mean and --input.scale '
            note += 'if it was trained with others'
        return [note]


def _plain(value: float) -> str:
    return f'{value:g}'


def _shape_for(
    facts: InputFacts, peer: PeerConfig, size: tuple[int, int] | None
) -> tuple[int, int, int, int]:
    """
    Return the shape that a peer is to run at; open extents are filled from its settings.

    :raises BenchmarkError: when it takes no picture, or nobody states the size.
    """
    layout = layout_of(facts, peer)
    height, width = facts.shape[2:] if layout == 'nchw' else facts.shape[1:3]
    given = (peer.input.width, peer.input.height)
    width, height = size or (given if all(given) else (width, height))
    if not width or not height:
        raise BenchmarkError(
            f'{peer.file} leaves its input size open: give --input.width and --input.height'
        )
    return (1, 3, height, width) if layout == 'nchw' else (1, height, width, 3)


def layout_of(facts: InputFacts, peer: PeerConfig) -> str:
    """
    Return where the colours of a model's input are.

    :raises BenchmarkError: when it takes no picture, or its shape does not tell.
    """
    shape, given = facts.shape, peer.input.layout
    if len(shape) != 4 or 3 not in (shape[1], shape[3]) or shape[0] not in (None, 1):
        raise BenchmarkError(
            f'{peer.file} takes input {list(shape)}, not one picture of three colours: '
            'export it for that'
        )
    fits = {'nchw': shape[1] == 3, 'nhwc': shape[3] == 3}
    if given == 'auto':
        if all(fits.values()):
            raise BenchmarkError(f'{peer.file} may be nchw or nhwc: give --input.layout')
        return 'nchw' if fits['nchw'] else 'nhwc'
    if not fits[given]:
        raise BenchmarkError(
            f'{peer.file} takes input {list(shape)}, which is not {given}: leave out '
            '--input.layout'
        )
    return given


def _pixel_values(given: PeerInput, model: RawModel) -> tuple[str, np.ndarray, np.ndarray]:
    """Return colour order, mean and scale: as given, else as the file states."""
    reverse = model.stated.get('reverse_input_channels', '').lower() in ('true', 'yes', '1')
    colours = ('rgb' if reverse else 'bgr') if given.colours == 'auto' else given.colours
    mean = given.mean or _numbers(model.stated.get('mean_values', '')) or (0.0,)
    scale = given.scale or _numbers(model.stated.get('scale_values', '')) or (1.0,)
    return colours, np.array(mean, np.float32), np.array(scale, np.float32)


def _numbers(text: str) -> tuple[float, ...]:
    try:
        found = tuple(float(word) for word in text.replace(',', ' ').strip('[] ').split())
    except ValueError:
        return ()
    return found if len(found) in (1, 3) else ()


def _planes(answer: np.ndarray, spec: InputSpec, file: Path) -> np.ndarray:
    """
    Return scores (classes, height, width) of what a model gave; one plane of label ids is one.

    :raises BenchmarkError: when it can be neither.
    """
    found = np.asarray(answer)
    if found.ndim == 4 and found.shape[0] == 1:
        found = found[0]
    if found.ndim == 2:
        found = found[None]
    if found.ndim == 3:
        aspect = spec.width / spec.height
        for planes in (found, np.moveaxis(found, -1, 0)):
            _, height, width = planes.shape
            if abs(width / height - aspect) <= 0.02 * aspect:
                return planes
    raise BenchmarkError(
        f'{file} gives {list(np.shape(answer))}, which is no score for each class and pixel of '
        f'{spec.width}x{spec.height}: name a segmentation model'
    )

"""From a method's name to files: every way to quantize one model."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
import importlib.util
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np
from seg_node.bundle import ModelBundle
from seg_node.engines import Engine
from training.errors import ConfigError
from training.quantization.calibration import Calibration
from training.quantization.fallback import FRAMES, labels_of, lane_agreement, layers_to_keep
from training.quantization.onnxruntime_ptq import (
    quantize_dynamically,
    quantize_for_tensorrt,
    quantize_onnx,
)
from training.quantization.sensitivity import FRAMES as SENSITIVITY_FRAMES
from training.quantization.sensitivity import sensitivities, Sensitivity
from training.quantization.variants import load, Subject, Variant
from training.quantize_config import QuantizeConfig

T = TypeVar('T')
#: What the files of each engine are called, in a bundle and beside a report.
FILE_NAMES = {
    'onnxruntime': ('model.int8.onnx',),
    'openvino': ('model.int8.xml', 'model.int8.bin'),
}
#: Calibrations that keep a histogram of everything.
_HISTOGRAMS = ('entropy', 'percentile')


@dataclass(frozen=True)
class Workshop:
    """
    What variants of one model are made from.

    :param folder: the files of each are put into a folder below.
    """

    config: QuantizeConfig
    bundle: ModelBundle
    subject: Subject
    calibration: Calibration
    folder: Path
    notes: list[str] = field(default_factory=list)  # what people should know; it grows
    _ranked: list[Sensitivity] = field(default_factory=list)

    @property
    def graph(self) -> Path:
        """The fp32 graph, ONNX."""
        return self.bundle.path_of(self.subject.graph)

    def paths(self, engine: str, method: str) -> tuple[Path, ...]:
        """Return where the files of a variant go; their folder is made."""
        folder = self.folder / f'{engine}_{method}'
        folder.mkdir(parents=True, exist_ok=True)
        return tuple(folder / name for name in FILE_NAMES.get(engine, FILE_NAMES['onnxruntime']))

    def quantize(
        self,
        engine: str,
        target: Path,
        frames: Sequence[np.ndarray],
        method: str,
        skip: Sequence[str] = (),
    ) -> None:
        """Write a variant by static calibration; the layers named stay in fp32."""
        percentile = self.config.calibration.percentile
        if engine == 'openvino':
            from training.quantization.openvino_ptq import quantize_openvino

            quantize_openvino(self.graph, target, frames, method, percentile, skip)
        else:
            quantize_onnx(self.graph, target, frames, method, percentile, skip)

    def sensitivities(self) -> list[Sensitivity]:
        """Return the layers of the model, the most sensitive one first; found once."""
        if not self._ranked:
            frames = self.calibration.some(SENSITIVITY_FRAMES).batches
            threshold = self.bundle.manifest.output.lane_threshold
            with TemporaryDirectory() as folder:
                rounded = Path(folder, 'rounded.onnx')
                quantize_onnx(self.graph, rounded, frames)
                self._ranked.extend(sensitivities(self.graph, rounded, frames, threshold))
        return self._ranked


def check_installed(config: QuantizeConfig) -> None:
    """
    Refuse engines that are not there before anything is computed.

    :raises ConfigError: with the remedy.
    """
    for engine in config.engines:
        if importlib.util.find_spec(engine) is None:
            raise ConfigError(
                f'--engines names {engine}, which is not installed: pip install {engine}, or '
                'leave it out'
            )
    if 'openvino' in config.engines:
        from training.quantization.openvino_ptq import import_nncf

        import_nncf()
    if 'qat' in config.methods and importlib.util.find_spec('torchao') is None:
        raise ConfigError(
            '--methods names qat, for which nncf needs torchao: pip install torchao, or leave it '
            'out'
        )


def make_variants(work: Workshop) -> Iterator[Variant]:
    """
    Yield the variants that a configuration asks for, one after the other is made.

    :raises SegNodeError: when one cannot be made.
    """
    for method in work.config.methods:
        if method == 'dynamic':
            yield _dynamic(work)
        elif method == 'tensorrt':
            yield _for_tensorrt(work)
        elif method == 'qat':
            yield from _qat(work)
        else:
            make = _accuracy_aware if method == 'accuracy' else _static
            for engine in work.config.engines:
                if made := make(work, engine, method):
                    yield made


def _static(work: Workshop, engine: str, method: str) -> Variant | None:
    if engine == 'openvino' and method == 'entropy':
        return None  # NNCF has no such calibration
    calibration, facts = work.calibration, {}
    if method in _HISTOGRAMS:
        calibration = calibration.some(work.config.calibration.histogram_frames)
    if len(calibration.batches) < len(work.calibration.batches):
        facts = {'calibration': calibration.facts()}  # where it is not that of the others
    paths = work.paths(engine, method)
    work.quantize(engine, paths[0], calibration.batches, method)
    return Variant(engine, method, 'int8', paths, facts=facts)


def _accuracy_aware(work: Workshop, engine: str, method: str) -> Variant | None:
    """Return minmax with its most sensitive layers in fp32; None where none needs to be."""
    fallback, threshold = work.config.fallback, work.bundle.manifest.output.lane_threshold
    frames = work.calibration.some(FRAMES).batches
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        trials = count()

        def run(variant: Variant, judge: Callable[[Engine], T]) -> T:
            place = folder / f'bundle{next(trials)}'
            _, loaded = load(work.bundle, variant, place, work.config.timing.threads)
            try:
                return judge(loaded)
            finally:
                loaded.close()

        def agreement_without(kept: Sequence[str]) -> float:
            paths = tuple(folder / name for name in FILE_NAMES[engine])
            work.quantize(engine, paths[0], frames, 'minmax', kept)
            trial = Variant(engine, method, 'int8', paths)
            return run(trial, lambda e: lane_agreement(e, expected, frames, threshold))

        fp32 = Variant(engine, 'fp32', 'fp32', (work.graph,))
        expected = run(fp32, lambda e: labels_of(e, frames, threshold))
        ranked = [one.node for one in work.sensitivities()]
        kept, steps = layers_to_keep(
            ranked, agreement_without, fallback.agreement, fallback.max_layers
        )
    if not kept:
        work.notes.append(
            f'{engine} accuracy: no layer has to go back to fp32, minmax agrees with it on '
            f'{steps[0]:.2%} of the lane (wanted {fallback.agreement:.2%})'
        )
        return None
    paths = work.paths(engine, method)
    work.quantize(engine, paths[0], work.calibration.batches, 'minmax', kept)
    labels = {one.node: one.layer for one in work.sensitivities()}
    facts = {'layers_in_fp32': [labels[name] for name in kept], 'agreement': steps}
    return Variant(engine, method, 'int8', paths, facts=facts)


def _qat(work: Workshop) -> Iterator[Variant]:
    from training.quantization.qat import fine_tune, has_weights

    if not has_weights(work.bundle, work.subject):
        work.notes.append('qat: this model has no weights in the bundle to train from')
        return
    paths = work.paths('openvino', 'qat')
    facts = fine_tune(work.bundle, work.subject, work.calibration, work.config.qat, paths[0])
    yield Variant('openvino', 'qat', 'int8', paths, facts=facts)


def _dynamic(work: Workshop) -> Variant:
    (path,) = work.paths('onnxruntime', 'dynamic')
    quantize_dynamically(work.graph, path)
    return Variant(
        'onnxruntime', 'dynamic', 'int8', (path,), never='dynamic is here for comparison only'
    )


def _for_tensorrt(work: Workshop) -> Variant:
    (path,) = work.paths('tensorrt', 'symmetric')
    quantize_for_tensorrt(work.graph, path, work.calibration.batches)
    return Variant(
        'tensorrt',
        'symmetric',
        'int8',
        (path,),
        runs_on='onnxruntime',
        never='it was not run on TensorRT: its figures here are of onnxruntime',
    )

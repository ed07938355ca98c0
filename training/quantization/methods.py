"""From a method's name to files: every way to quantize one model."""

from collections.abc import Iterator
from dataclasses import dataclass
import importlib.util
from pathlib import Path

from seg_node.bundle import ModelBundle
from training.errors import ConfigError
from training.quantization.calibration import Calibration
from training.quantization.onnxruntime_ptq import (
    quantize_dynamically,
    quantize_for_tensorrt,
    quantize_onnx,
)
from training.quantization.variants import Subject, Variant
from training.quantize_config import QuantizeConfig

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

    @property
    def graph(self) -> Path:
        """The fp32 graph, ONNX."""
        return self.bundle.path_of(self.subject.graph)

    def paths(self, engine: str, method: str) -> tuple[Path, ...]:
        """Return where the files of a variant go; their folder is made."""
        folder = self.folder / f'{engine}_{method}'
        folder.mkdir(parents=True, exist_ok=True)
        return tuple(folder / name for name in FILE_NAMES.get(engine, FILE_NAMES['onnxruntime']))


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
        else:
            for engine in work.config.engines:
                if made := _static(work, engine, method):
                    yield made


def _static(work: Workshop, engine: str, method: str) -> Variant | None:
    if engine == 'openvino' and method == 'entropy':
        return None  # NNCF has no such calibration
    frames = work.calibration.batches
    if method in _HISTOGRAMS:
        frames = work.calibration.some(work.config.calibration.histogram_frames)
    paths = work.paths(engine, method)
    percentile = work.config.calibration.percentile
    if engine == 'openvino':
        from training.quantization.openvino_ptq import quantize_openvino

        quantize_openvino(work.graph, paths[0], frames, method, percentile)
    else:
        quantize_onnx(work.graph, paths[0], frames, method, percentile)
    return Variant(engine, method, 'int8', paths)


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

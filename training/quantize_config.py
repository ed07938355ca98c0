"""What the verb ``quantize`` can be told."""

from dataclasses import dataclass, field
import math
from pathlib import Path
from typing import ClassVar, Literal

from training.data.sources import SetConfig
from training.errors import ConfigError
from training.evaluation.bootstrap import BootstrapConfig
from training.quantization.gate import GateConfig
from training.settings import check_range

Method = Literal['minmax', 'entropy', 'percentile', 'accuracy', 'qat', 'dynamic', 'tensorrt']
QuantizedEngine = Literal['onnxruntime', 'openvino']
#: Methods that are made for one engine alone, or measured in it.
_NEEDED_ENGINE = {
    'entropy': 'onnxruntime',
    'qat': 'openvino',
    'dynamic': 'onnxruntime',
    'tensorrt': 'onnxruntime',
}
#: Fewer frames than this do not show what values the layers see.
MIN_FRAMES = 8


@dataclass(frozen=True)
class AdapterSets:
    """
    Data of one adapter of the bundle.

    :param name: of the adapter.
    :param data: pairs folders to calibrate on; empty takes those of the base.
    :param validation: pairs folders to judge on; empty takes those of the base.
    """

    name: str = ''
    data: tuple[SetConfig, ...] = ()
    validation: tuple[SetConfig, ...] = ()


@dataclass(frozen=True)
class CalibrationConfig:
    """
    Which frames show the layers their range of values.

    :param frames: taken of ``data``, in equal shares of each weather and light that
        ``samples.jsonl`` tells, else of each quarter of brightness.
    :param histogram_frames: of these for entropy and percentile, whose histograms are slow.
    :param percentile: share of the values, in percent, that percentile calibration keeps.
    """

    frames: int = 128
    histogram_frames: int = 32
    percentile: float = 99.999


@dataclass(frozen=True)
class FallbackConfig:
    """
    When the method ``accuracy`` gives layers their fp32 arithmetic back.

    :param agreement: it goes on until the lane pixels of its masks and of fp32's masks have this
        IoU on calibration frames (their labels are not looked at).
    :param max_layers: it gives up after as many layers.
    """

    agreement: float = 0.985
    max_layers: int = 6


@dataclass(frozen=True)
class QatConfig:
    """
    Fine-tuning of the method ``qat``: the fp32 network teaches its quantized copy.

    :param steps: of the optimizer.
    :param temperature: of the softmax that teacher and pupil are compared under.
    """

    steps: int = 60
    batch_size: int = 4
    learning_rate: float = 1e-5
    temperature: float = 1.0
    seed: int = 1


@dataclass(frozen=True)
class TimingConfig:
    """
    How latency is measured: all variants by turns, so that a busy moment hurts all alike.

    :param runs: timed runs of each variant, after a warm-up.
    :param threads: of the engines; 0 for one a core, as the node has it.
    """

    runs: int = 100
    threads: int = 0


@dataclass(frozen=True)
class QuantizeConfig:
    """
    Make int8 variants of a bundle's model and of its adapters, and keep those that are better.

    A variant enters the bundle only when it passes the gate; the report says why others do not.

    :param bundle: whose ``model.onnx`` files are quantized.
    :param output: the bundle to write; empty writes ``bundle`` itself, as a whole or not at all.
    :param data_root: folder that the paths of data sets are relative to.
    :param data: pairs folders of the roads that the model is for, to calibrate on; masks are
        not looked at.
    :param validation: pairs folders to judge on; empty takes those that the bundle's training
        was validated on.
    :param adapters: data of the bundle's adapters, for those that differ from the base's.
    :param adapter_data: the same in short, NAME=PAIRS for calibration alone.
    :param methods: ``minmax``, ``entropy``, ``percentile``: how calibration turns what it saw
        into ranges. ``accuracy``: minmax, then layer by layer back to fp32 as ``fallback`` says.
        ``qat``: fine-tuned with its rounding, for openvino. ``dynamic``: ranges found anew in
        every frame; for comparison, never kept. ``tensorrt``: symmetric int8 for TensorRT,
        checked and run on onnxruntime, written beside the report, never kept.
    :param engines: that int8 files are made for.
    :param report: folder for report.json, report.md and pictures; it gets the files of all
        variants too, under variants/.
    """

    bundle: Path = Path('models/lane_unet')
    output: Path | None = None
    data_root: Path = Path('../shared/data')
    data: tuple[SetConfig, ...] = ()
    validation: tuple[SetConfig, ...] = ()
    adapters: tuple[AdapterSets, ...] = ()
    adapter_data: tuple[str, ...] = ()
    methods: tuple[Method, ...] = ('minmax',)
    engines: tuple[QuantizedEngine, ...] = ('onnxruntime', 'openvino')
    calibration: CalibrationConfig = field(default_factory=CalibrationConfig)
    fallback: FallbackConfig = field(default_factory=FallbackConfig)
    qat: QatConfig = field(default_factory=QatConfig)
    gate: GateConfig = field(default_factory=GateConfig)
    timing: TimingConfig = field(default_factory=TimingConfig)
    bootstrap: BootstrapConfig = field(default_factory=BootstrapConfig)
    report: Path | None = Path('out/quantize')

    #: What may stand on the command line without its flag, before all others.
    POSITIONAL: ClassVar[str] = 'bundle'
    EXAMPLES: ClassVar[str] = """examples:
  python -m training quantize models/lane_unet --data out/rendered_general --data_root .
  python -m training quantize training/configs/quantize.yaml --methods minmax,percentile"""

    @property
    def target(self) -> Path:
        """The bundle that is written."""
        return self.output or self.bundle

    def check(self) -> None:
        """
        Refuse settings that do not fit each other.

        :raises ConfigError: naming the flag and the remedy.
        """
        if not self.data:
            raise ConfigError(
                '--data is missing: name a pairs folder of the roads that the model is for'
            )
        self._check_methods()
        self._check_adapters()
        for flag, value, least in (
            ('calibration.frames', self.calibration.frames, MIN_FRAMES),
            ('calibration.histogram_frames', self.calibration.histogram_frames, MIN_FRAMES),
            ('fallback.max_layers', self.fallback.max_layers, 0),
            ('timing.runs', self.timing.runs, 3),
            ('timing.threads', self.timing.threads, 0),
            ('qat.steps', self.qat.steps, 1),
            ('qat.batch_size', self.qat.batch_size, 1),
        ):
            if value < least:
                raise ConfigError(f'--{flag} is {value}: use {least} or more')
        if not 50 < self.calibration.percentile <= 100:
            raise ConfigError(
                f'--calibration.percentile is {self.calibration.percentile}: use above 50 to 100'
            )
        check_range(self.qat, ('seed',), 0, 2**32 - 1, prefix='qat.')
        check_range(self.qat, ('learning_rate',), 0, 1, prefix='qat.')
        if not 0 < self.qat.temperature < math.inf:
            raise ConfigError(f'--qat.temperature is {self.qat.temperature}: use above 0')
        self.bootstrap.check()

    def _check_methods(self) -> None:
        for flag in ('methods', 'engines'):
            if not getattr(self, flag):
                raise ConfigError(f'--{flag} is empty: leave it out, or name one')
        for method in self.methods:
            needed = _NEEDED_ENGINE.get(method)
            if needed and needed not in self.engines:
                raise ConfigError(
                    f'--methods names {method}, which needs {needed} in --engines: name it there, '
                    f'or leave {method} out'
                )

    def _check_adapters(self) -> None:
        names = [sets.name for sets in self.adapters]
        if '' in names:
            raise ConfigError(f'adapters[{names.index("")}] has no name: say whose data these are')
        for text in self.adapter_data:
            name, equals, path = text.partition('=')
            if not (name and equals and path):
                raise ConfigError(f'--adapter_data is {text!r}: write NAME=PAIRS')

"""How a model of others is fed, and which of its answers is lane marking."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from training.errors import ConfigError

FORMATS = ('.onnx', '.xml')


@dataclass(frozen=True)
class PeerInput:
    """
    What a model of others expects; ``auto`` and empty read it from the file.

    Values fed are ``(value - mean) / scale``, each of 0 to 255, in the model's own colour order.

    :param width: of the input in pixels; 0 takes what the file states.
    :param height: likewise.
    :param layout: nchw (planes) or nhwc (pixels).
    :param colours: bgr or rgb; what the file does not state is bgr.
    :param mean: three numbers, or one for all; empty is what the file states, else 0.
    :param scale: likewise; else 1.
    :param resize: stretch fills the input, letterbox keeps the aspect ratio.
    """

    width: int = 0
    height: int = 0
    layout: Literal['auto', 'nchw', 'nhwc'] = 'auto'
    colours: Literal['auto', 'bgr', 'rgb'] = 'auto'
    mean: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    resize: Literal['stretch', 'letterbox'] = 'stretch'

    def check(self) -> None:
        """
        Refuse what no model can take.

        :raises ConfigError: naming the flag and the remedy.
        """
        if bool(self.width) != bool(self.height) or min(self.width, self.height) < 0:
            raise ConfigError(
                f'--input.width is {self.width} and --input.height {self.height}: give both, or '
                'neither'
            )
        for name, values in (('mean', self.mean), ('scale', self.scale)):
            if len(values) not in (0, 1, 3):
                raise ConfigError(f'--input.{name} has {len(values)} numbers: give three, or one')
        if not all(value > 0 for value in self.scale):
            raise ConfigError(f'--input.scale is {list(self.scale)}: use numbers above 0')


@dataclass(frozen=True)
class PeerConfig:
    """
    A model of others.

    :param file: an ONNX file, or an OpenVINO .xml with its .bin beside it.
    :param input: how it is fed.
    :param lane_class: which of its classes is lane marking.
    :param name: in the tables; empty takes the file's.
    """

    file: Path
    input: PeerInput = field(default_factory=PeerInput)
    lane_class: int = 1
    name: str = ''

    @property
    def shown(self) -> str:
        """The name in tables."""
        return self.name or self.file.stem

    def check(self) -> None:
        """
        Refuse a file that is not there, and settings that no model can have.

        :raises ConfigError: naming the flag and the remedy.
        """
        if self.file.suffix not in FORMATS:
            raise ConfigError(
                f'--peer {self.file} is neither ONNX nor OpenVINO: name a file that ends in '
                f'{" or ".join(FORMATS)}'
            )
        if not self.file.is_file():
            raise ConfigError(f'--peer {self.file} does not exist: name another file')
        weights = self.file.with_suffix('.bin')
        if self.file.suffix == '.xml' and not weights.is_file():
            raise ConfigError(f'--peer {self.file} has no {weights.name} beside it: fetch it too')
        if not 0 <= self.lane_class <= 255:
            raise ConfigError(f'--lane_class is {self.lane_class}: use 0 to 255')
        self.input.check()

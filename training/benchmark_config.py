"""What the verb ``benchmark`` can be told."""

from dataclasses import dataclass, field, fields
from pathlib import Path
import re
from typing import ClassVar

from seg_node.engines import ENGINE_NAMES, PRECISIONS
from training.benchmarking.peer_config import PeerConfig, PeerInput
from training.data.sources import SetConfig
from training.errors import ConfigError
from training.evaluation.bootstrap import BootstrapConfig

_SIZE = re.compile(r'([1-9]\d{0,3})x([1-9]\d{0,3})')
#: Stands in ``sizes`` for the one that a network was made for.
OWN_SIZE = 'own'


@dataclass(frozen=True)
class BenchmarkConfig(SetConfig):
    """
    Measure what models cost on this machine and, given pairs, what they see.

    Each model, engine, precision, size and number of threads runs in a process of its own; the
    processes take turns, so that a busy moment of the machine hurts all alike.

    :param models: bundles, named as for ``evaluate``: PATH[:ADAPTER][@ENGINE[/PRECISION]].
    :param engines: of bundles that name none; empty takes all that are installed and fit.
    :param precisions: of bundles that name none; empty takes all that there are.
    :param sizes: inputs to run the networks at, such as own,384x216; empty is their own. A
        network is not trained again for them.
    :param threads: numbers of threads; 0 is one for each core.
    :param peer: a model of others, ONNX or OpenVINO .xml, measured beside the bundles.
    :param input: how ``peer`` is fed.
    :param lane_class: which class of ``peer`` is lane marking.
    :param peers: several models of others, in a YAML file, each with file, input, lane_class.
    :param picture: size of the pictures that go in.
    :param runs: pictures that are timed, of each.
    :param turn: pictures before it is the next one's turn.
    :param warm_up: pictures before the first that counts, of each.
    :param data_root: folder that the paths of data sets are relative to.
    :param sets: several sets to measure accuracy on, instead of ``path`` and its companions.
    :param bootstrap: intervals of accuracy.
    :param report: folder to write report.md, report.json and pareto.png to.
    """

    models: tuple[str, ...] = ('models/lane_unet',)
    engines: tuple[str, ...] = ()
    precisions: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    threads: tuple[int, ...] = (0,)
    peer: Path | None = None
    input: PeerInput = field(default_factory=PeerInput)
    lane_class: int = 1
    peers: tuple[PeerConfig, ...] = ()
    picture: str = '1280x720'
    runs: int = 200
    turn: int = 10
    warm_up: int = 10
    data_root: Path = Path('../shared/data')
    sets: tuple[SetConfig, ...] = ()
    bootstrap: BootstrapConfig = field(default_factory=BootstrapConfig)
    report: Path | None = None

    EXAMPLES: ClassVar[str] = """examples:
  python -m training benchmark
  python -m training benchmark --engines openvino --precisions fp32,int8 --threads 1,2
  python -m training benchmark --path track_tape --annotated lane_marking --report out/benchmark
  python -m training benchmark --peer road-segmentation-adas-0001.xml --lane_class 3
  python -m training benchmark --peer other.onnx --lane_class 1 --input.colours rgb \\
      --input.mean 123.7,116.3,103.5 --input.scale 58.4,57.1,57.4"""

    def check(self) -> None:
        """
        Refuse settings that do not fit each other.

        :raises ConfigError: naming the flag and the remedy.
        """
        if self.path and self.sets:
            raise ConfigError('name data sets with --path or under sets in a YAML file, not both')
        for name, known in (('engines', ENGINE_NAMES), ('precisions', PRECISIONS)):
            for value in getattr(self, name):
                if value not in known:
                    raise ConfigError(f"--{name} names '{value}': use {', '.join(known)}")
        if not self.threads or min(self.threads) < 0:
            raise ConfigError(f'--threads is {list(self.threads)}: use numbers from 0 on')
        for name, least in (('runs', 10), ('turn', 1), ('warm_up', 1)):
            if getattr(self, name) < least:
                raise ConfigError(f'--{name} is {getattr(self, name)}: use {least} or more')
        parse_size(self.picture, 'picture')
        for text in self.sizes:
            if text != OWN_SIZE:
                parse_size(text, 'sizes')
        if not self.peer and (self.input, self.lane_class) != (PeerInput(), 1):
            raise ConfigError(
                '--input and --lane_class are those of --peer: name one, or write them to each of '
                'the peers in the YAML file'
            )
        if not self.models and not self.all_peers:
            raise ConfigError('there is nothing to measure: name --models or a --peer')
        for peer in self.all_peers:
            peer.check()
        names = [peer.shown for peer in self.all_peers]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ConfigError(f"two peers are named '{twice}': give each a name of its own")
        self.bootstrap.check()

    @property
    def all_peers(self) -> tuple[PeerConfig, ...]:
        """The models of others."""
        first = (PeerConfig(self.peer, self.input, self.lane_class),) if self.peer else ()
        return (*first, *self.peers)

    @property
    def all_sets(self) -> tuple[SetConfig, ...]:
        """The sets to measure accuracy on; none where none is given."""
        if self.sets or not self.path:
            return self.sets
        names = [item.name for item in fields(SetConfig)]
        return (SetConfig(**{name: getattr(self, name) for name in names}),)


def parse_size(text: str, flag: str) -> tuple[int, int]:
    """
    Return width and height of ``WIDTHxHEIGHT``.

    :raises ConfigError: naming the flag.
    """
    found = _SIZE.fullmatch(text)
    if not found:
        raise ConfigError(f"--{flag} has '{text}': write WIDTHxHEIGHT in pixels, such as 512x288")
    return int(found[1]), int(found[2])

"""What ``collect`` can be told. Imports no torch: collecting runs where training does not."""

from dataclasses import asdict, dataclass, field, fields
import math
from pathlib import Path
from typing import Any, ClassVar, Literal

from training.collection.camera import CameraConfig, VaryConfig
from training.errors import ConfigError
from training.settings import check_range, plain

#: Height of the sun over the horizon, in degrees, by time of day; ``preset`` leaves the weather's.
SUN_ALTITUDES_DEG: dict[str, float | None] = {
    'preset': None,
    'noon': 60.0,
    'afternoon': 30.0,
    'evening': 12.0,
    'sunset': 4.0,
    'dusk': -4.0,
    'night': -30.0,
}
#: Keys that say where and how, not what: a collection may go on with other ones.
_NOT_WHAT = ('output', 'host', 'port', 'timeout_s', 'contact_sheet')


@dataclass(frozen=True)
class KeepConfig:
    """
    Which pictures are worth keeping.

    :param min_move_m: a camera that moved less since the last kept picture, and
    :param min_turn_deg: turned less, shows the same again.
    :param min_change: mean difference of small grey pictures, in levels of 255, below which two
        are the same; for recordings without poses.
    :param min_road: smallest share of pixels that are road or lane marking.
    """

    min_move_m: float = 1.0
    min_turn_deg: float = 10.0
    min_change: float = 2.0
    min_road: float = 0.03


@dataclass(frozen=True)
class SplitConfig:
    """
    Which samples are for validation; never neighbours of those to train on.

    :param by: the smallest unit that is held out whole; ``none`` makes all of it ``train``.
    :param validation: share of the routes that is held out.
    :param towns: towns that are held out, for ``by: town``.
    :param gap_m: leave out samples this near to a place that the other split has seen.
    """

    by: Literal['route', 'town', 'none'] = 'route'
    validation: float = 0.2
    towns: tuple[str, ...] = ()
    gap_m: float = 15.0


@dataclass(frozen=True)
class BagConfig:
    """
    A recording instead of a simulator.

    :param path: rosbag2 folder or file; empty drives a simulator.
    :param image: topic of the pictures; needed where the bag has several.
    :param labels: topic of the labels: label ids, or semantic tags of CARLA, raw or coloured.
    :param tags: which table the tags are of: old is CARLA 0.9.13 and before, new 0.9.14 and since,
        auto tells it from the first picture that shows road.
    :param town: where it was recorded, for ``samples.jsonl``.
    :param weather: the weather in it.
    :param split: which split the whole recording belongs to.
    :param licence: of the pictures.
    """

    path: Path | None = None
    image: str = ''
    labels: str = ''
    tags: Literal['auto', 'old', 'new'] = 'auto'
    town: str = ''
    weather: str = ''
    split: Literal['train', 'validation'] = 'train'
    licence: str = 'not stated'


@dataclass(frozen=True)
class CollectConfig:
    """
    Make a pairs folder of drives through a simulator's towns and weathers, or of a recording.

    The schedule is every combination of towns, weathers, times, routes and cameras, or ``drives``
    of them. The same command goes on with a collection that was interrupted.

    :param output: the pairs folder: images/, masks/, samples.jsonl, dataset.json.
    :param simulator: ``lite`` starts ``python -m carla_lite`` and ends it; ``carla`` uses a server
        that runs, CARLA 0.9.14 or newer or carla_lite.
    :param host: of that server.
    :param port: of that server.
    :param timeout_s: how long a call of the server may take; loading a large town takes a minute.
    :param seed: of routes, order and wandering, and of carla_lite's town.
    :param towns: to drive through; empty takes the one that is loaded.
    :param weathers: presets by CARLA's names, or names in ``own_weathers``.
    :param own_weathers: parameters of CARLA that differ from ClearNoon, by a name for them.
    :param times: of day: preset, noon, afternoon, evening, sunset, dusk, night, or degrees of the
        sun over the horizon.
    :param routes: places to start from in each town, far from each other.
    :param cameras: one of them films each drive.
    :param vary: how much each drive's camera differs from that.
    :param drives: how many combinations to drive, each value equally often; 0 drives all.
    :param vehicle: blueprint that carries the cameras.
    :param frames: pictures taken on each drive, before some are left out.
    :param driver: ``place`` sets the vehicle every ``spacing_m`` along its lane, the same in every
        run; ``waypoints`` steers it with the server's physics, one picture a tick; ``autopilot``
        lets CARLA's traffic manager drive, which opens a port on all interfaces.
    :param spacing_m: metres between two pictures, for ``place``.
    :param wander_m: how far ``place`` strays from the middle of the lane.
    :param wander_deg: how far it turns from the lane's direction.
    :param speed_mps: wanted by ``waypoints``.
    :param rate_hz: ticks a simulated second.
    :param warmup_ticks: before each drive, for the exposure to settle.
    :param only_lane_marks: label road or background what has the tag of paint and is no lane
        marking of the map: crosswalks, stop lines, words, arrows, kerbs.
    :param image_format: jpg is small, png is exact.
    :param jpeg_quality: 1 to 100.
    :param contact_sheet: pictures on contact_sheet.jpg; 0 makes none.
    """

    EXAMPLES: ClassVar[str] = """\
examples:
  python -m training collect training/configs/collect.yaml
  python -m training collect --simulator lite --weathers ClearNoon,HardRainNoon --times noon,night
  python -m training collect training/configs/collect.yaml --simulator carla --towns Town03,Town04
  python -m training collect --cameras "[{name: low, height_m: 0.2, fov_deg: 120}]" --drives 20
  python -m training collect --bag.path drive --bag.image /front/image --bag.labels /front/labels

The same command goes on with what was interrupted. What was collected stands in
OUTPUT/contact_sheet.jpg and OUTPUT/dataset.json; docs/data.md tells all about it.
Exit status: 0 done, 2 something to mend (one line says what), 130 interrupted."""

    output: Path = Path('out/collected')
    simulator: Literal['lite', 'carla'] = 'carla'
    host: str = '127.0.0.1'
    port: int = 2000
    timeout_s: float = 60.0
    seed: int = 1
    towns: tuple[str, ...] = ()
    weathers: tuple[str, ...] = ('ClearNoon',)
    own_weathers: dict[str, dict[str, float]] = field(default_factory=dict)
    times: tuple[str, ...] = ('preset',)
    routes: int = 5
    cameras: tuple[CameraConfig, ...] = (CameraConfig(),)
    vary: VaryConfig = field(default_factory=VaryConfig)
    drives: int = 0
    vehicle: str = 'vehicle.tesla.model3'
    frames: int = 100
    driver: Literal['place', 'waypoints', 'autopilot'] = 'place'
    spacing_m: float = 3.0
    wander_m: float = 0.4
    wander_deg: float = 4.0
    speed_mps: float = 10.0
    rate_hz: float = 10.0
    warmup_ticks: int = 3
    only_lane_marks: bool = False
    image_format: Literal['jpg', 'png'] = 'jpg'
    jpeg_quality: int = 92
    contact_sheet: int = 40
    keep: KeepConfig = field(default_factory=KeepConfig)
    split: SplitConfig = field(default_factory=SplitConfig)
    bag: BagConfig = field(default_factory=BagConfig)

    def check(self) -> None:
        """
        Refuse settings that do not fit each other.

        :raises ConfigError: naming the flag and the remedy.
        """
        for flag in ('weathers', 'times', 'cameras'):
            if not getattr(self, flag):
                raise ConfigError(f'--{flag} is empty: name at least one')
        self._check_numbers()
        if self.driver == 'place' and self.spacing_m < self.keep.min_move_m and not self.bag.path:
            raise ConfigError(
                f'--spacing_m {self.spacing_m:g} is less than --keep.min_move_m '
                f'{self.keep.min_move_m:g}, so most pictures would be left out: lower that too'
            )
        for time in self.times:
            sun_altitude_deg(time)
        self._check_cameras()
        self._check_split()
        if not 1 <= self.jpeg_quality <= 100:
            raise ConfigError(f'--jpeg_quality is {self.jpeg_quality}: give 1 to 100')

    def _check_numbers(self) -> None:
        for flag in ('routes', 'frames', 'spacing_m', 'timeout_s', 'rate_hz', 'speed_mps'):
            if not 0 < getattr(self, flag) < math.inf:
                raise ConfigError(f'--{flag} is {getattr(self, flag)}: give more than 0')
        counts = ('drives', 'warmup_ticks', 'contact_sheet', 'wander_m', 'wander_deg')
        check_range(self, counts, 0)
        check_range(self, ('timeout_s',), 0, 86_400)
        check_range(self, ('port',), 0, 65_535)
        check_range(self, ('seed',), 0, 2**32 - 1)
        names = [item.name for item in fields(KeepConfig)]
        check_range(self.keep, names, 0, prefix='keep.')
        names = [item.name for item in fields(VaryConfig)]
        check_range(self.vary, names, 0, prefix='vary.')
        check_range(self.split, ('gap_m',), 0, prefix='split.')

    def _check_cameras(self) -> None:
        names = [camera.name for camera in self.cameras]
        if len(set(names)) < len(names):
            raise ConfigError('--cameras: two have one name, give each its own')
        for camera in self.cameras:
            camera.check(self.vary)

    def _check_split(self) -> None:
        split = self.split
        if not 0 <= split.validation < 1:
            raise ConfigError(f'--split.validation is {split.validation}: give 0 to below 1')
        if split.by == 'town' and not split.towns:
            raise ConfigError(
                '--split.by town needs --split.towns, the towns to hold out for validation'
            )
        if split.by == 'town' and (strange := set(split.towns) - set(self.towns)):
            raise ConfigError(
                f'--split.towns names {sorted(strange)[0]}, which is not in --towns: add it there'
            )
        if split.by == 'route' and split.validation and self.routes < 2 and not self.bag.path:
            raise ConfigError(
                '--split.by route holds out whole routes and there is 1: raise --routes, or set '
                '--split.validation 0'
            )

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as plain values, ready for JSON."""
        return plain(asdict(self))

    def what(self) -> dict[str, Any]:
        """Return the settings that decide what is collected; resuming needs the same."""
        return {key: value for key, value in self.as_dict().items() if key not in _NOT_WHAT}


def sun_altitude_deg(time: str) -> float | None:
    """
    Return the sun's height that a time of day stands for; None for the weather's own.

    :raises ConfigError: for a word that is no time of day.
    """
    if time in SUN_ALTITUDES_DEG:
        return SUN_ALTITUDES_DEG[time]
    try:
        altitude_deg = float(time)
    except ValueError:
        altitude_deg = 99.0
    if not -90 <= altitude_deg <= 90:
        raise ConfigError(
            f"--times names '{time}': known are {', '.join(SUN_ALTITUDES_DEG)}, or degrees of the "
            'sun from -90 to 90'
        )
    return altitude_deg

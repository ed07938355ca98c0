"""Where the demo's simulated drive goes, and in which weather."""

from collections.abc import Sequence
from dataclasses import dataclass

from seg_node.carla.schedule import Schedule
from seg_node.demo.process import DemoError


@dataclass(frozen=True)
class Route:
    """A town and the weathers that it is driven through, one after the other."""

    town: str
    weathers: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> 'Route':
        """
        Read ``TOWN:WEATHER,WEATHER``.

        :raises ValueError: when it is written in another way.
        """
        town, _, names = (part.strip() for part in text.partition(':'))
        weathers = tuple(name.strip() for name in names.split(','))
        if not town or not all(weathers):
            raise ValueError(f"'{text}' is no TOWN:WEATHER,WEATHER")
        return cls(town, weathers)


#: By default: two towns, day and night, dry and wet.
DEFAULT_ROUTES = (
    Route('LiteTown', ('ClearNoon', 'WetCloudyNoon', 'HardRainSunset', 'ClearNight')),
    Route('LiteHighway', ('CloudyNoon', 'ClearSunset', 'MidRainyNoon', 'WetNight')),
)


@dataclass(frozen=True)
class Leg:
    """A part of the drive: one town, so many pictures of each weather."""

    town: str
    schedule: Schedule

    @property
    def frames(self) -> int:
        """Pictures in all weathers together."""
        return sum(frames for _, frames in self.schedule.entries)

    def starting_with(self, warm_up: int) -> 'Leg':
        """Return the leg with so many pictures more in its first weather."""
        (weather, frames), *others = self.schedule.entries
        return Leg(self.town, Schedule(((weather, warm_up + frames), *others)))

    @property
    def schedule_text(self) -> str:
        """The schedule as ``carla_camera`` reads it."""
        return ','.join(f'{name}:{frames}' for name, frames in self.schedule.entries)


def plan(routes: Sequence[Route], frames: int) -> list[Leg]:
    """
    Share out the pictures among routes and weathers, as evenly as can be.

    :param frames: of the whole drive.
    :raises DemoError: when there are fewer than weathers.
    """
    parts = sum(len(route.weathers) for route in routes)
    if frames < parts:
        raise DemoError(f'--frames {frames}: use {parts} or more, one for each weather')
    shares = [frames // parts + (index < frames % parts) for index in range(parts)]
    legs = []
    for route in routes:
        own, shares = shares[: len(route.weathers)], shares[len(route.weathers) :]
        legs.append(Leg(route.town, Schedule(tuple(zip(route.weathers, own, strict=True)))))
    return legs

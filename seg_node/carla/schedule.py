"""What comes after what, for how many frames: ``ClearNoon:100,HardRainNight:50``."""

from dataclasses import dataclass

from seg_node.carla.errors import CarlaError


@dataclass(frozen=True)
class Schedule:
    """Names with a number of frames each; after the last one it begins again."""

    entries: tuple[tuple[str, int], ...] = ()

    @classmethod
    def parse(cls, text: str, what: str) -> 'Schedule':
        """
        Read ``NAME:FRAMES,NAME:FRAMES``; an empty text makes an empty schedule.

        :param what: is scheduled, for the error.
        :raises CarlaError: when it is written in another way.
        """
        entries = []
        for entry in filter(None, (part.strip() for part in text.split(','))):
            name, _, frames = (part.strip() for part in entry.partition(':'))
            if not name or not frames.isdecimal() or int(frames) == 0:
                raise CarlaError(
                    f"{what}: '{entry}' is no NAME:FRAMES: write for example "
                    'ClearNoon:100,HardRainNight:50'
                )
            entries.append((name, int(frames)))
        return cls(tuple(entries))

    def at(self, frame: int) -> str:
        """Return the name for a frame, counted from 0; an empty schedule has none."""
        if not self.entries:
            return ''
        left = frame % sum(frames for _, frames in self.entries)
        for name, frames in self.entries:
            if left < frames:
                return name
            left -= frames
        raise AssertionError('the rest of a division is smaller than the divisor')

    @property
    def names(self) -> tuple[str, ...]:
        """Every name once, in order."""
        return tuple(dict.fromkeys(name for name, _ in self.entries))

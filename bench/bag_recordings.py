"""Which bags are recorded, and what is the matter with each."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.bag_drives import Drive, Shot, shots
from bench.bag_messages import Take

_PERIOD_NS = 100_000_000
_FIRST_STAMP_NS = 20_000_000_007  # of a simulator's clock: 20 s after its start

#: Each with the bytes that pad its rows. The first is what the others are compared with.
ODD = (
    ('bgr8', 0), ('rgb8', 0), ('bgra8', 64), ('rgba8', 0), ('mono8', 0), ('mono16', 6),
    ('uyvy', 0), ('yuyv', 16), ('nv12', 0), ('nv21', 0), ('bayer_rggb8', 0), ('bayer_gbrg8', 8),
)  # fmt: skip


@dataclass(frozen=True)
class Recording:
    """
    One bag.

    :param how: ``steady``, or the fault that it has: ``odd``, ``gaps``, ``reversed``.
    :param rejected: frames that the node must refuse, by its reason.
    """

    about: str
    drive: Drive
    how: str = 'steady'
    storage: str = 'mcap'
    rejected: dict[str, int] = field(default_factory=dict)

    @property
    def frames(self) -> int:
        """Messages of the image topic."""
        return len(ODD) + 1 if self.how == 'odd' else self.drive.frames

    @property
    def encodings(self) -> list[str]:
        """Of the image topic's messages."""
        return [encoding for encoding, _ in ODD] if self.how == 'odd' else ['jpeg']


def _small(town: str, weather: str, frames: int) -> Drive:
    return Drive(town, weather, frames, width=320, height=180)


RECORDINGS = {
    'day': Recording(
        'a motorway at noon, behind a car',
        Drive('LiteHighway', 'ClearNoon', 24, lead_m=18.0, traffic=6),
    ),
    'night_rain': Recording(
        'a country road in hard rain at night, by headlights',
        Drive('LiteCountry', 'HardRainNight', 20),
        storage='sqlite3',
    ),
    'junction': Recording(
        'up to a stop line and across a junction, under clouds',
        Drive('LiteTown', 'CloudyNoon', 24, place='junction', spacing_m=1.5, traffic=8),
    ),
    'odd_encodings': Recording(
        'one picture in every layout that cameras send, rows padded; the last message lacks rows',
        _small('LiteCountry', 'ClearNoon', 1),
        how='odd',
        storage='mcap+zstd',
        rejected={'truncated': 1},
    ),
    'gaps': Recording(
        'a camera that is silent for 0.5 s and for 2.8 s',
        _small('LiteHighway', 'WetNoon', 14),
        how='gaps',
    ),
    'reversed_stamps': Recording(
        'two frames in the wrong order, then a simulator that starts its clock anew',
        _small('LiteCountry', 'ClearNoon', 14),
        how='reversed',
        storage='sqlite3',
    ),
}


def takes(recording: Recording) -> Iterator[Take]:
    """Yield the takes of a bag in the order in which they were recorded."""
    pictures = shots(recording.drive)
    if recording.how == 'odd':
        yield from _odd_takes(next(pictures))
        return
    at_ns = 0
    for index, shot in enumerate(pictures):
        if recording.how == 'gaps':
            at_ns += {4: 400_000_000, 9: 2_700_000_000}.get(index, 0)
        stamp_ns = _FIRST_STAMP_NS + at_ns
        if recording.how == 'reversed':
            # 4 and 5 exchanged; from 9 on the clock of a simulator that was started again
            stamp_ns += {4: _PERIOD_NS, 5: -_PERIOD_NS}.get(index, 0)
            stamp_ns -= 15_000_000_000 if index >= 9 else 0
        yield Take(*shot, stamp_ns, at_ns)
        at_ns += _PERIOD_NS


def _odd_takes(shot: Shot) -> Iterator[Take]:
    for index, (encoding, padding) in enumerate((*ODD, ('mono8', 0))):
        at_ns = index * _PERIOD_NS
        cut_rows = 20 if index == len(ODD) else 0
        yield Take(*shot, _FIRST_STAMP_NS + at_ns, at_ns, encoding, padding, cut_rows)

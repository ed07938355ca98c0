"""How the camera node fares, in one sentence and in figures; nothing here knows ROS."""

from dataclasses import dataclass, field
import time

from seg_node.carla.shot import RigCounts
from seg_node.health import Level

_WINDOW_S = 5.0
_SILENT_AFTER_S = 3.0
#: Of the ticks; a few lost ones are told too, but are no reason to worry.
_LOST_SHARE = 0.01


@dataclass
class CameraStatus:
    """Written by the loop that ticks, read by the one that publishes diagnostics."""

    server: str = ''
    town: str = ''
    weather: str = ''
    shots: int = 0
    error: str = 'no simulator yet'  # empty while pictures come
    counts: RigCounts = field(default_factory=RigCounts)
    _recent: tuple[tuple[float, int], ...] = ()  # monotonic seconds, simulated nanoseconds

    def note_shot(self, stamp_ns: int) -> None:
        """Count a published picture."""
        now_s = time.monotonic()
        kept = tuple(item for item in self._recent if now_s - item[0] < _WINDOW_S)
        self._recent = (*kept, (now_s, stamp_ns))
        self.shots += 1
        self.error = ''

    def verdict(self) -> tuple[int, str]:
        """Return a level and one sentence."""
        recent = self._recent
        if self.error:
            return Level.ERROR, self.error
        if not recent or time.monotonic() - recent[-1][0] > _SILENT_AFTER_S:
            return Level.ERROR, 'no picture for some seconds: the simulator stands still'
        lost = self.counts.lost_total
        text = f'{self._rate_hz():.1f} pictures a second, {self._pace():.2f} times real time'
        if lost > _LOST_SHARE * max(1, self.counts.shots):
            reasons = ', '.join(f'{count} {why}' for why, count in self.counts.lost.items())
            return Level.WARN, f'{text}; pictures lost: {reasons}'
        return Level.OK, text

    def figures(self) -> dict[str, str]:
        """Return what machines may want to read."""
        return {
            'town': self.town,
            'weather': self.weather,
            'shots': str(self.shots),
            'lost': str(self.counts.lost_total),
            'late': str(self.counts.late),
            'relocations': str(sum(self.counts.relocations.values())),
            'rate_hz': f'{self._rate_hz():.2f}',
            'pace': f'{self._pace():.3f}',
        }

    def _rate_hz(self) -> float:
        recent = self._recent
        seconds = recent[-1][0] - recent[0][0] if len(recent) > 1 else 0.0
        return (len(recent) - 1) / seconds if seconds > 0 else 0.0

    def _pace(self) -> float:
        """Return simulated seconds for each of the time of day."""
        recent = self._recent
        seconds = recent[-1][0] - recent[0][0] if len(recent) > 1 else 0.0
        return (recent[-1][1] - recent[0][1]) / 1e9 / seconds if seconds > 0 else 0.0

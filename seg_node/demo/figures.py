"""What a run of the demo counted and timed, and how that is told."""

from collections.abc import Iterable
from dataclasses import dataclass, field
import math
from typing import Any

from seg_node.latency import Percentiles


@dataclass
class Figures:
    """Counts and times of one drive; several are added up by :meth:`pooled`."""

    model: str
    sent: int
    masks: int
    seconds: float  # from the first mask to the last
    intervals: int  # between these masks
    dropped: int  # by the node, since it started
    lost_in_transport: int  # likewise
    times_ms: dict[str, list[float]] = field(default_factory=dict)

    @classmethod
    def pooled(cls, parts: Iterable['Figures']) -> 'Figures':
        """Add up drives that one node saw one after the other; at least one."""
        first, *others = parts
        total = cls(**{**vars(first), 'times_ms': {k: [*v] for k, v in first.times_ms.items()}})
        for part in others:
            total.sent += part.sent
            total.masks += part.masks
            total.seconds += part.seconds
            total.intervals += part.intervals
            total.dropped, total.lost_in_transport = part.dropped, part.lost_in_transport
            for name, values in part.times_ms.items():
                total.times_ms.setdefault(name, []).extend(values)
        return total

    def as_dict(self, times: Iterable[str]) -> dict[str, Any]:
        """
        Return what ``summary.json`` says of a drive.

        :param times: which of the times; each becomes three percentiles, None without a value.
        """
        return {
            'model': self.model,
            'sent': self.sent,
            'masks': self.masks,
            'rate_hz': self.intervals / self.seconds if self.seconds else 0.0,
            'dropped': self.dropped,
            'lost_in_transport': self.lost_in_transport,
            **{name: _percentiles(self.times_ms.get(name, ())) for name in times},
        }


def _percentiles(values_ms: Iterable[float]) -> dict[str, float | None]:
    found = vars(Percentiles.of(values_ms))
    return {name: None if math.isnan(value) else value for name, value in found.items()}


def head_lines(summary: dict[str, Any]) -> list[str]:
    """Return the lines for a terminal that every drive has."""
    counted = summary['masks'] + summary['dropped'] + summary['lost_in_transport']
    rest = max(0, summary['sent'] - counted)
    return [
        f'model      {summary["model"]}',
        f'frames     {summary["sent"]} sent, {summary["masks"]} masks at '
        f'{summary["rate_hz"]:.1f} Hz, {summary["dropped"]} dropped for newer ones, '
        f'{summary["lost_in_transport"]} lost in transport'
        + (f', {rest} without a trace' if rest else ''),
    ]


def times_text(times_ms: dict[str, float | None]) -> str:
    """Return percentiles as ``p50 1.0 ms, p95 2.0 ms, p99 3.0 ms``."""
    return ', '.join(
        f'{name} unknown' if value is None else f'{name} {value:.1f} ms'
        for name, value in times_ms.items()
    )

"""The gate: int8 enters a bundle when it is faster and as good, and not because it is int8."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from training.timing import Latency

#: The metric that decides; thin lines are what int8 loses first.
METRIC = 'lane_iou'


@dataclass(frozen=True)
class GateConfig:
    """
    What a variant must reach to enter the bundle.

    :param max_drop: most that lane_iou may fall below fp32 of the same engine, on every set.
    :param min_speed_up: it must be more than this many times faster than the faster one of fp32
        and bf16 of the same engine.
    """

    max_drop: float = 0.005
    min_speed_up: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what means nothing, naming the field."""
        if not 0 <= self.max_drop <= 1:
            raise ValueError(f'max_drop: must be 0 to 1, got {self.max_drop}')
        if not self.min_speed_up > 0:
            raise ValueError(f'min_speed_up: must be above 0, got {self.min_speed_up}')


@dataclass(frozen=True)
class Verdict:
    """Whether a variant may enter, and why not."""

    drop: float  # of lane_iou on the set where it is largest; below 0 where it rises
    speed_up: float  # over the fastest of fp32 and bf16
    rival: str  # name of that one
    reasons: tuple[str, ...]  # against it; none lets it enter

    @property
    def passes(self) -> bool:
        """Whether the variant may enter."""
        return not self.reasons


def judge(
    config: GateConfig,
    metric: Mapping[str, float],
    reference: Mapping[str, float],
    latency: Latency,
    rivals: Mapping[str, Latency],
    never: str = '',
) -> Verdict:
    """
    Compare a variant with its own engine's fp32 and bf16.

    :param metric: lane_iou by name of the set; sets that do not annotate lanes are left out.
    :param reference: the same of fp32 in the same engine.
    :param latency: of the variant.
    :param rivals: the same of fp32 and bf16 in the same engine, measured in the same run.
    :param never: why a variant of this kind does not enter whatever it reaches; empty for none.
    """
    reasons = [never] if never else []
    drops = {name: reference[name] - value for name, value in metric.items()}
    # a NaN must not pass wherever it stands, hence the negated comparison of each
    refused = [name for name in drops if not round(drops[name], 6) <= config.max_drop]
    worst = max(refused or drops, key=lambda name: drops[name])
    if refused:
        reasons.append(
            f'{METRIC} falls by {drops[worst]:.4f} on {worst} (allowed {config.max_drop:g})'
        )
    factors = {name: speed_up(latency, rival) for name, rival in rivals.items()}
    rival = min(factors, key=lambda name: factors[name])
    if not factors[rival] > config.min_speed_up:
        reasons.append(
            f'it is {factors[rival]:.2f} times as fast as {rival} (needed: more than '
            f'{config.min_speed_up:g})'
        )
    return Verdict(drops[worst], factors[rival], rival, tuple(reasons))


def speed_up(latency: Latency, rival: Latency) -> float:
    """
    Return how many times faster than a rival an engine is, by the median and by the best run.

    The smaller of the two counts: on a busy machine the median is a matter of luck, and the best
    run alone says nothing of a usual one.
    """
    return min(rival.p50_ms / latency.p50_ms, rival.least_ms / latency.least_ms)


def choose(passing: Sequence[tuple[str, float, float]], even: float = 1.05) -> str | None:
    """
    Return which of several variants of one engine enters: the most exact of the fastest.

    :param passing: name, median latency in ms, and drop of each that passes.
    :param even: latencies that differ by less than this factor count as the same.
    """
    if not passing:
        return None
    limit_ms = min(p50_ms for _, p50_ms, _ in passing) * even
    fast = [variant for variant in passing if variant[1] <= limit_ms]
    return min(fast, key=lambda variant: variant[2])[0]

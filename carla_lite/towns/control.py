"""What rules a junction: lights, signs, stop lines, crossings for pedestrians."""

from typing import Literal

from carla_lite.roads.builder import Builder, end_section
from carla_lite.roads.network import Crossing, Signal, STOP_SIGN, TRAFFIC_LIGHT, YIELD_SIGN
from carla_lite.towns.arms import behind_kerb, Seen
import numpy as np

Control = Literal['lights', 'stop', 'yield', 'none']


def furnish(builder: Builder, item: Seen, control: Control, group: int) -> None:
    """Add to a road's end what rules it."""
    road, end = item.road, item.arm.touch.end
    inward = -1.0 if end == 'end' else 1.0
    edge = road.length if end == 'end' else 0.0
    crossings: tuple[Crossing, ...] = ()
    setback = 0.6
    if item.arm.walked and road.length > 25.0:
        width = 3.0
        low = edge + inward * setback
        crossings = (Crossing(min(low, low + inward * width), width),)
        setback += width + 1.0
    s = edge + inward * setback
    signals: tuple[Signal, ...] = ()
    orientation: Literal['+', '-'] = '+' if end == 'end' else '-'
    if control == 'lights':
        signals = tuple(_lights(item, s, orientation, group))
    elif control == 'stop' or (control == 'yield' and item.arm.minor):
        kind = STOP_SIGN if control == 'stop' else YIELD_SIGN
        if item.arriving:
            lanes = (item.arriving[0], item.arriving[-1])
            t = _post(item, 0)
            number = f'{road.number * 100 + 90 + (end == "end")}'
            signals = (Signal(number, s, t, kind, orientation, lanes, 2.2),)
    builder.furnish(road.number, signals, crossings)


def _lights(item: Seen, s: float, orientation: Literal['+', '-'], group: int) -> list[Signal]:
    lights = []
    for index, lane in enumerate(reversed(item.arriving)):
        number = f'{item.road.number * 100 + (0 if orientation == "+" else 10) + index + 1}'
        t = _post(item, index)
        lights.append(
            Signal(number, s, t, TRAFFIC_LIGHT, orientation, (lane, lane), 5.0, group=group)
        )
    return lights


def _post(item: Seen, index: int) -> float:
    """Return t of a post: right of the road, left of it, right again."""
    road, end = item.road, item.arm.touch.end
    section, s = end_section(road, end)
    right = -1 if end == 'end' else 1  # sign of t on the right of the traffic
    side = right if index % 2 == 0 else -right
    outer = 0.0
    for lane in section.lanes:
        if lane.number * side > 0 and not behind_kerb(lane):
            edge = float(road.lane_edges(section, lane.number, np.array([s]))[0, 1])
            outer = max(outer, abs(edge))
    return side * (outer + 0.7 + 0.6 * index)

"""Cross-sections of streets, and how one becomes another along the way."""

from dataclasses import dataclass, replace

from carla_lite.roads.builder import NO_MARK, Profile, Strip
from carla_lite.roads.network import LaneKind, Mark
from carla_lite.towns.paint import Paint

_ORDER: tuple[LaneKind, ...] = (
    'median', 'border', 'driving', 'biking', 'parking', 'shoulder', 'none', 'sidewalk',
)  # fmt: skip
_BEHIND_KERB = ('sidewalk', 'none')


@dataclass(frozen=True)
class Street:
    """
    What lies beside each other on a street.

    :param right: driving lanes along the reference line, ``left`` against it; without it, it is
        a one-way street.
    :param median_m: width of the strip between the directions.
    :param parking: on the right and on the left side.
    :param verge_m: grass between roadway and sidewalk.
    :param turn_m: width of an added lane for left turns, right and left side.
    """

    right: int
    left: int
    lane_m: float = 3.5
    median_m: float = 0.0
    bike_m: float = 0.0
    parking: tuple[bool, bool] = (False, False)
    parking_m: float = 2.3
    shoulder_m: float = 0.0
    verge_m: float = 0.0
    sidewalk_m: float = 0.0
    turn_m: tuple[float, float] = (0.0, 0.0)

    def profile(self, paint: Paint, s: float = 0.0) -> Profile:
        """Return the cross-section from s on."""
        right, left = self._side(0, paint), self._side(1, paint)
        if not self.left or not self.right:
            middle = paint.edge
        else:
            middle = NO_MARK if self.median_m > 0 else paint.centre
        return Profile(right, left, middle, s)

    def _side(self, side: int, paint: Paint) -> tuple[Strip, ...]:
        lanes = (self.right, self.left)[side]
        strips = []
        two_way = self.right > 0 and self.left > 0
        if self.median_m > 0 and two_way:
            half = max(self.median_m / 2 - self.turn_m[side], 0.3)
            strips.append(Strip('median', half, paint.inner))
        if lanes and self.turn_m[side]:
            solid = replace(paint.lane, kind='solid')
            strips.append(Strip('driving', self.turn_m[side], solid, name='turn'))
        beyond = self.parking[side] or self.bike_m > 0
        for index in range(lanes):
            inside = index < lanes - 1
            mark = paint.lane if inside else _edge_mark(paint, beyond, self.bike_m > 0)
            strips.append(Strip('driving', self.lane_m, mark, name=f'lane {index}'))
        if self.bike_m and lanes:
            strips.append(Strip('biking', self.bike_m, NO_MARK))
        if self.parking[side]:
            strips.append(Strip('parking', self.parking_m, paint.bay))
        if self.shoulder_m:
            strips.append(Strip('shoulder', self.shoulder_m))
        if self.verge_m:
            strips.append(Strip('none', self.verge_m))
        if self.sidewalk_m:
            strips.append(Strip('sidewalk', self.sidewalk_m))
        return tuple(strips)


def between(first: Profile, then: Profile, s: float) -> Profile:
    """Return the section in which one cross-section becomes another."""
    right, left = _merged(first.right, then.right), _merged(first.left, then.left)
    parted = right[0].kind == 'median'  # the lines run along the strip, however narrow it is
    return Profile(right, left, NO_MARK if parted else then.middle, s)


def varied(rungs: list[tuple[float, Profile]], taper_m: float, length: float) -> list[Profile]:
    """
    Return a road's sections.

    :param rungs: (s, cross-section) from 0 on; the change to each is finished where it begins.
    """
    profiles = [rungs[0][1]]
    for s, profile in rungs[1:]:
        before = profiles[-1]
        profiles.append(between(before, profile, s - taper_m))
        if s < length - 0.1:
            profiles.append(replace(profile, s=s))
    return profiles


def kerb_width(strips: tuple[Strip, ...]) -> float:
    """Return metres from the reference line to the edge of the roadway."""
    return sum(_end(strip) for strip in strips if strip.kind not in _BEHIND_KERB)


def full_width(strips: tuple[Strip, ...]) -> float:
    """Return metres from the reference line to where the street ends."""
    return sum(_end(strip) for strip in strips)


def _end(strip: Strip) -> float:
    return strip.width if strip.to is None else strip.to


def _merged(first: tuple[Strip, ...], then: tuple[Strip, ...]) -> tuple[Strip, ...]:
    before, after = _named(first), _named(then)
    strips = []
    for key in sorted({*before, *after}):
        model = after.get(key) or before[key]
        begin = _end(before[key]) if key in before else 0.0
        end = after[key].width if key in after else 0.0
        mark = model.mark if key in after or model.kind == 'median' else NO_MARK
        strips.append(replace(model, width=begin, to=end, mark=mark))
    return tuple(strips)


def _named(strips: tuple[Strip, ...]) -> dict[tuple[int, int, str], Strip]:
    # the added lane for left turns lies inside the others
    return {
        (_ORDER.index(strip.kind), 0 if strip.name == 'turn' else 1, strip.name): strip
        for strip in strips
    }


def _edge_mark(paint: Paint, beyond: bool, bike: bool) -> Mark:
    if bike:
        return replace(paint.edge, kind='solid' if paint.edge.kind == 'none' else paint.edge.kind)
    return NO_MARK if beyond and paint.bay.kind == 'none' else paint.edge

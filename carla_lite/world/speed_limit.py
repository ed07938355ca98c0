"""How fast vehicles may go in a town."""

import re
import statistics

_USUAL_KMH = 50.0
_TO_KMH = {'m/s': 3.6, 'km/h': 1.0, 'mph': 1.609344, '': 3.6}
_SPEED = re.compile(r'<speed\b[^>]*>')


def speed_limit_kmh(opendrive: str) -> float:
    """Return the usual limit of a map's roads: the middle one of all that it states."""
    limits = []
    for element in _SPEED.findall(opendrive):
        parts = dict(re.findall(r'(max|unit)="([^"]*)"', element))
        try:
            limits.append(float(parts['max']) * _TO_KMH[parts.get('unit', '')])
        except (KeyError, ValueError):
            continue  # such as max="no limit"
    return statistics.median(limits) if limits else _USUAL_KMH

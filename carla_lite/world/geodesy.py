"""Latitude, longitude and altitude of places, as CARLA works them out."""

from collections.abc import Mapping
from dataclasses import dataclass
import math
import re

from carla_lite.pose import Pose
from carla_lite.world.noise import amounts, generator
import numpy as np

_RADIUS_M = 6378137.0 * 0.9996  # the sphere, at the scale of a transverse Mercator's middle
_FARTHEST = 100.0  # of radii: cosh of much more is no number
_AXES = ('lat', 'lon', 'alt')
_NOWHERE = (42.0, 2.0)  # what CARLA takes where a map says nothing


@dataclass(frozen=True)
class GeoReference:
    """
    Where on Earth a map's origin is.

    :param latitude: degrees; so is ``longitude``.
    """

    latitude: float = _NOWHERE[0]
    longitude: float = _NOWHERE[1]

    @staticmethod
    def of(opendrive: str) -> 'GeoReference':
        """Return what ``+lat_0`` and ``+lon_0`` of a map's ``<geoReference>`` say."""
        text = re.search(r'<geoReference>(.*?)</geoReference>', opendrive, re.DOTALL)
        found = dict(re.findall(r'\+(lat_0|lon_0)=([-+.\deE]+)', text.group(1) if text else ''))
        try:
            return GeoReference(float(found['lat_0']), float(found['lon_0']))
        except (KeyError, ValueError):
            return GeoReference()

    def place(self, x: float, y: float, z: float) -> tuple[float, float, float]:
        """
        Return latitude and longitude in degrees and altitude in metres.

        CARLA 0.9.16 counts y, which points right of x, to the north; so does this.
        """
        east = max(-_FARTHEST, min(_FARTHEST, x / _RADIUS_M))
        north = y / _RADIUS_M + math.radians(self.latitude)
        latitude = math.asin(math.sin(north) / math.cosh(east))
        longitude = math.radians(self.longitude) + math.atan2(math.sinh(east), math.cos(north))
        return math.degrees(latitude), math.degrees(longitude), z


class Gnss:
    """
    A GNSS receiver with the blueprint's noise.

    :param attributes: the sensor actor's; the same ``noise_seed`` gives the same noise.
    """

    def __init__(self, reference: GeoReference, attributes: Mapping[str, str]) -> None:
        self._reference = reference
        self._bias = amounts(attributes, [f'noise_{axis}_bias' for axis in _AXES])
        self._spread = amounts(attributes, [f'noise_{axis}_stddev' for axis in _AXES])
        self._random = generator(attributes)

    def measure(self, pose: Pose) -> tuple[float, float, float]:
        """Return latitude and longitude in degrees and altitude in metres of the receiver."""
        noise = self._bias + self._spread * self._random.standard_normal(3)
        true = self._reference.place(pose.x, pose.y, pose.z)
        latitude, longitude, altitude = (float(value) for value in np.add(true, noise))
        return latitude, longitude, altitude

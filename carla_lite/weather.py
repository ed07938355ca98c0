"""The weather, with CARLA's fourteen parameters and presets."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Weather:
    """
    CARLA's weather parameters in wire order: per cent, degrees, metres.

    :param sun_altitude_angle: degrees over the horizon; below 0 it is night.
    :param fog_distance: metres at which the fog begins.
    :param wetness: per cent; ``precipitation_deposits`` makes puddles.
    """

    cloudiness: float = 5.0
    precipitation: float = 0.0
    precipitation_deposits: float = 0.0
    wind_intensity: float = 10.0
    sun_azimuth_angle: float = 0.0
    sun_altitude_angle: float = 45.0
    fog_density: float = 2.0
    fog_distance: float = 0.75
    fog_falloff: float = 0.1
    wetness: float = 0.0
    scattering_intensity: float = 1.0
    mie_scattering_scale: float = 0.03
    rayleigh_scattering_scale: float = 0.0331
    dust_storm: float = 0.0

    @property
    def is_night(self) -> bool:
        """Whether lamps and headlights burn."""
        return self.sun_altitude_angle < 0.0


#: What a server starts with, by the names of ``carla.WeatherParameters`` and FoggyNoon, our own.
#: Wet roads are wetter than the client's by the same name, whose ``wetness`` is 0 by day.
PRESETS = {
    'ClearNoon': Weather(),
    'CloudyNoon': Weather(cloudiness=60.0),
    'WetNoon': Weather(5.0, 0.0, 50.0, wetness=30.0),
    'MidRainyNoon': Weather(60.0, 60.0, 60.0, 60.0, -1.0, 45.0, 3.0, 0.75, 0.1, 60.0),
    'HardRainNoon': Weather(100.0, 100.0, 90.0, 100.0, -1.0, 45.0, 7.0, 0.75, 0.1, 100.0),
    'ClearSunset': Weather(sun_azimuth_angle=-1.0, sun_altitude_angle=15.0),
    'CloudySunset': Weather(60.0, sun_azimuth_angle=-1.0, sun_altitude_angle=15.0),
    'WetSunset': Weather(5.0, 0.0, 50.0, sun_altitude_angle=15.0, wetness=30.0),
    'ClearNight': Weather(sun_altitude_angle=-90.0, fog_density=60.0, fog_distance=75.0),
    'HardRainNight': Weather(100.0, 100.0, 90.0, 100.0, -1.0, -90.0, 100.0, 0.75, 0.1, 100.0),
    'MidRainSunset': Weather(60.0, 60.0, 60.0, 60.0, -1.0, 15.0, 3.0),
    'HardRainSunset': Weather(100.0, 100.0, 90.0, 100.0, -1.0, 15.0, 7.0),
    'SoftRainNoon': Weather(20.0, 30.0, 50.0, 30.0, -1.0, 45.0, 3.0),
    'SoftRainSunset': Weather(20.0, 30.0, 50.0, 30.0, -1.0, 15.0, 2.0),
    'SoftRainNight': Weather(60.0, 30.0, 50.0, 30.0, -1.0, -90.0, 60.0, wetness=60.0),
    'MidRainyNight': Weather(80.0, 60.0, 60.0, 60.0, -1.0, -90.0, 60.0, wetness=80.0),
    'WetCloudyNoon': Weather(60.0, 0.0, 50.0, 10.0, -1.0, 45.0, 3.0),
    'WetCloudySunset': Weather(60.0, 0.0, 50.0, 10.0, -1.0, 15.0, 2.0),
    'WetCloudyNight': Weather(60.0, 0.0, 50.0, 10.0, -1.0, -90.0, 60.0, wetness=60.0),
    'WetNight': Weather(5.0, 0.0, 50.0, 10.0, -1.0, -90.0, 60.0, 75.0, 1.0, wetness=60.0),
    'CloudyNight': Weather(60.0, 0.0, 0.0, 10.0, -1.0, -90.0, 60.0),
    'DustStorm': Weather(100.0, 0.0, 0.0, 100.0, -1.0, 45.0, 2.0, dust_storm=100.0),
    'FoggyNoon': Weather(40.0, fog_density=45.0, fog_distance=5.0, fog_falloff=0.3),
}

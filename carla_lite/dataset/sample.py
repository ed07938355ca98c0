"""One sample of a data set, from its number alone."""

from dataclasses import dataclass
from typing import Any

from carla_lite.dataset.chance import darken_walks, draw_lens, draw_view, draw_weather
from carla_lite.dataset.settings import Settings
from carla_lite.dataset.traffic import draw_traffic, own_bonnet
from carla_lite.look import draw_look, usual_look
from carla_lite.render.picture import Picture
from carla_lite.render.renderer import Instant, Renderer
from carla_lite.tags import Tag
from carla_lite.town import Town
from carla_lite.towns import build_town
import numpy as np

LANE_MARKING, ROAD = 1, 2
#: A picture with less road than this teaches nothing; another place is drawn.
_LEAST_ROAD = 0.03
_TRIES = 6


@dataclass(frozen=True)
class Sample:
    """A picture (H, W, 3) uint8 BGR, its mask (H, W) uint8 of label ids, and where it is from."""

    picture: np.ndarray
    mask: np.ndarray
    facts: dict[str, Any]


class TownSamples:
    """
    The samples of one town.

    :param number: of the town in the data set; its kind and seed follow from it.
    """

    def __init__(self, settings: Settings, number: int) -> None:
        rng = np.random.default_rng([settings.seed, number, 1])
        names = list(settings.towns)
        shares = np.array([settings.towns[name] for name in names])
        name = names[rng.choice(len(names), p=shares / shares.sum())]
        self._settings, self._number = settings, number
        self.town: Town = build_town(name, int(rng.integers(2**31)))
        self._renderer = Renderer(self.town, usual_look(), settings.ingredients)

    def sample(self, index: int) -> Sample:
        """Return one of the town's samples; the same index gives the same one."""
        settings = self._settings
        for attempt in range(_TRIES):
            rng = np.random.default_rng([settings.seed, self._number, index, attempt, 2])
            picture, facts = self._draw(rng)
            mask = label_ids(picture.tags)
            if (mask > 0).mean() >= _LEAST_ROAD:
                break
        return Sample(picture.bgr, mask, facts)

    def _draw(self, rng: np.random.Generator) -> tuple[Picture, dict[str, Any]]:
        settings, town = self._settings, self.town
        look = usual_look() if settings.usual_look else draw_look(int(rng.integers(2**31)))
        weather = draw_weather(rng, settings.weather)
        view, car = draw_view(rng, town, settings)
        movers, poses = draw_traffic(rng, town, car, settings, weather.is_night)
        if town.scale == 1.0 and rng.random() < settings.bonnet_share:
            movers.append(own_bonnet(rng, view.pose, car))
        lights = (car, *poses) if weather.is_night else ()
        instant = Instant(weather, tuple(movers), tuple(lights), int(rng.integers(2**31)))
        self._renderer.dress(darken_walks(look, settings.dark_walks))
        picture = self._renderer.render(view, instant, draw_lens(rng, settings.lens_strength))
        facts = {
            'town': town.name, 'town_seed': town.seed, 'look_seed': look.seed,
            'route': self._number, 'sun_altitude_deg': round(weather.sun_altitude_angle, 1),
            'precipitation': round(weather.precipitation), 'fog': round(weather.fog_density),
            'camera_height_m': round(view.pose.z - car.z, 3), 'fov_deg': round(view.fov, 1),
        }  # fmt: skip
        return picture, facts


def label_ids(tags: np.ndarray) -> np.ndarray:
    """Return 1 for lane markings, 2 for road, 0 for all else, (H, W) uint8."""
    table = np.zeros(256, np.uint8)
    table[Tag.ROAD_LINES], table[Tag.ROADS] = LANE_MARKING, ROAD
    return table[tags]

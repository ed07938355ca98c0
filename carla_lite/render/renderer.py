"""One view of a town with its actors."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

from carla_lite.look import Look
from carla_lite.materials import Material
from carla_lite.mesh import joined, Layer, Mesh, quads
from carla_lite.render.air import add_bloom, add_rain, wet_ground
from carla_lite.render.ingredients import Ingredients
from carla_lite.render.instant import Instant
from carla_lite.render.lens import develop, distort, LensEffects
from carla_lite.render.light import daylight
from carla_lite.render.paint_shop import PaintShop
from carla_lite.render.picture import CameraView, Picture
from carla_lite.render.rasteriser import draw_numbers
from carla_lite.render.selection import Quads, Selection
from carla_lite.render.shading import Band, Scene, Shader, world_normals
from carla_lite.render.shadows import draw_shadows
from carla_lite.render.sky import Sky
from carla_lite.render.surface_points import joined_points
from carla_lite.tags import Tag
from carla_lite.town import Town
from carla_lite.weather import Weather
import numpy as np

_SHADOW_RANGE_M = 70.0
_HORIZON_M = 3000.0
#: Tracks are in halls: even light from above, whatever the weather.
_INDOORS = Weather(cloudiness=100.0, sun_altitude_angle=70.0)
_BANDS = 2  # of rows, each in a thread of its own: numpy and OpenCV let go of the interpreter
_ALL = Ingredients()
_FAULTLESS = LensEffects()

__all__ = ['Instant', 'Renderer']


class Renderer:
    """
    Draws views of one town.

    :param look: colours and wear of the town's materials.
    :param ingredients: what to leave out, to learn what it is worth.
    """

    def __init__(self, town: Town, look: Look, ingredients: Ingredients = _ALL) -> None:
        self._town, self._on = town, ingredients
        still = [town.surface if ingredients.dirt else _without_dirt(town.surface)]
        if ingredients.scenery:
            still.append(town.scenery)
        self._selection = Selection(joined(still), town.scale)
        self._threads = ThreadPoolExecutor(_BANDS, 'render')
        self.dress(look)

    def dress(self, look: Look) -> None:
        """Give the town another look."""
        self._look = look
        self._paint = PaintShop(look, self._town.scale)
        self._sky = Sky(look.seed, indoors=self._town.scale < 1.0)

    def render(
        self, view: CameraView, instant: Instant, lens: LensEffects = _FAULTLESS
    ) -> Picture:
        """Return what a camera sees; colours, tags, instances and depth agree in each pixel."""
        rng = np.random.default_rng([self._look.seed & 0xFFFFFFFF, instant.frame & 0xFFFFFFFF])
        lens = lens if self._on.lens else _FAULTLESS
        visible = self._selection.visible(view, instant.movers, self._ground_below(view))
        bands = self._shaded(view, instant, visible)
        picture = np.concatenate([band.picture for band in bands], axis=1)
        numbers = np.concatenate([band.numbers for band in bands])
        self._finish(picture, bands, self._weather(instant), rng)
        tags = np.take(np.append(np.uint8(Tag.SKY), visible.mesh.tag), numbers)
        instances = np.take(np.append(np.uint16(0), visible.mesh.instance), numbers)
        depth_m = np.concatenate([band.points.depth_m for band in bands])
        return Picture(
            distort(develop(picture, lens, rng), lens.distortion),
            distort(tags, lens.distortion),
            distort(instances, lens.distortion),
            distort(depth_m, lens.distortion),
        )

    def _ground_below(self, view: CameraView) -> Mesh:
        """Return a plane a little under the town, so that no gap in it shows the sky."""
        x, y, scale = view.pose.x, view.pose.y, self._town.scale
        z = self._town.height_at(x, y) - 0.3 * scale
        # Four triangles that meet under the camera: a plane to the horizon has no middle.
        ends = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * _HORIZON_M * scale + (x, y)
        rim = np.column_stack([ends, np.full(4, z)])
        middle = np.array([x, y, z])
        corners = [[rim[i], rim[i - 1], middle, middle] for i in range(4)]
        hall = scale < 1.0
        return quads(
            np.array(corners),
            Tag.GROUND if hall else Tag.TERRAIN,
            Material.FLOOR if hall else Material.GRASS,
            Layer.TERRAIN,
        )

    def _shaded(self, view: CameraView, instant: Instant, visible: Quads) -> list[Band]:
        weather = self._weather(instant)
        normals = world_normals(view, visible)
        outdoors = self._town.scale == 1.0
        scene = Scene(
            view, visible, normals, weather, daylight(weather), instant, self._town.lamps, outdoors
        )
        thin = visible.mesh.layer == Layer.PAINT
        near_m = self._selection.near_m
        samples = draw_numbers(
            visible.corners, thin, view.width, view.height, view.focal_px, near_m
        )
        shadow = self._shadow(scene, near_m)
        shader = Shader(scene, samples, shadow, self._paint, self._sky, self._on)
        edges = np.linspace(0, view.height, min(_BANDS, view.height) + 1).astype(int).tolist()
        bands = [range(*ends) for ends in pairwise(edges)]
        return list(self._threads.map(shader.band, bands))

    def _shadow(self, scene: Scene, near_m: float) -> np.ndarray | None:
        light = scene.light
        contrast = float((1.0 - light.shade).max())
        if not self._on.shadows or light.to_sun[2] < 0.03 or contrast < 0.05:
            return None
        reach = _SHADOW_RANGE_M * min(1.0, 2 * self._town.scale)
        position = scene.view.pose.position()
        casters = self._selection.casters(position, reach, scene.instant.movers)
        return draw_shadows(scene.view, casters, light.to_sun, near_m)

    def _weather(self, instant: Instant) -> Weather:
        if self._town.scale < 1.0:
            return _INDOORS
        if self._on.weather:
            return instant.weather
        sun = instant.weather
        return Weather(
            sun_azimuth_angle=sun.sun_azimuth_angle, sun_altitude_angle=sun.sun_altitude_angle
        )

    def _finish(
        self, picture: np.ndarray, bands: list[Band], weather: Weather, rng: np.random.Generator
    ) -> None:
        """Add what depends on more than a pixel's own ray, in place."""
        if self._town.scale == 1.0:
            if weather.wetness > 1 or weather.precipitation_deposits > 1:
                points = joined_points([band.points for band in bands])
                is_ground = np.concatenate([band.is_ground for band in bands])
                puddles = self._paint.puddles(points, weather.precipitation_deposits / 100)
                wet_ground(picture, is_ground, points, puddles, weather)
            add_rain(picture, weather, rng)
        add_bloom(picture, 1.2 if weather.is_night else 0.5)


def _without_dirt(mesh: Mesh) -> Mesh:
    return mesh.rows(np.flatnonzero((mesh.layer != Layer.DIRT) & (mesh.layer != Layer.LITTER)))

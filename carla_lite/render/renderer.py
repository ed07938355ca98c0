"""One view of a town with its actors."""

from dataclasses import dataclass, field

from carla_lite.look import Look
from carla_lite.mesh import joined, Layer, Mesh
from carla_lite.pose import Pose
from carla_lite.render.air import add_bloom, add_fog, add_rain, wet_ground
from carla_lite.render.ingredients import Ingredients
from carla_lite.render.lens import develop, distort, LensEffects
from carla_lite.render.light import Daylight, daylight, lamp_light
from carla_lite.render.paint_shop import LIGHT_SCALE, PaintShop
from carla_lite.render.picture import CameraView, Picture
from carla_lite.render.rasteriser import draw_numbers, SAMPLES
from carla_lite.render.selection import Quads, Selection
from carla_lite.render.shadows import draw_shadows
from carla_lite.render.sky import Sky
from carla_lite.render.surface_points import face_normals, Points, surface_points
from carla_lite.tags import Tag
from carla_lite.town import Town
from carla_lite.weather import Weather
import cv2
import numpy as np

_SHADOW_RANGE_M = 70.0
_ALL = Ingredients()
_FAULTLESS = LensEffects()


@dataclass(frozen=True)
class Instant:
    """
    What changes from tick to tick.

    :param movers: meshes of vehicles, walkers and switched lamps, in the world.
    :param headlights: poses of vehicles whose lamps burn.
    :param frame: number of the tick; noise and rain are drawn from it.
    """

    weather: Weather
    movers: tuple[Mesh, ...] = ()
    headlights: tuple[Pose, ...] = ()
    frame: int = 0
    time_s: float = 0.0


@dataclass(frozen=True)
class _Seen:
    """What is seen where: the visibility buffer and what follows from it."""

    numbers: np.ndarray  # (SAMPLES * H, SAMPLES * W) int32
    at_pixel: np.ndarray  # (H, W) intp, the numbers at the pixels' middles
    mesh: Mesh
    normals: np.ndarray  # (n, 3) float32 in the world, towards the camera
    points: Points
    is_ground: np.ndarray = field(repr=False)  # (H, W) bool


class Renderer:
    """
    Draws views of one town.

    :param look: colours and wear of the town's materials.
    """

    def __init__(self, town: Town, look: Look, ingredients: Ingredients = _ALL) -> None:
        self._town, self._look, self._on = town, look, ingredients
        still = [_without_dirt(town.surface) if not ingredients.dirt else town.surface]
        if ingredients.scenery:
            still.append(town.scenery)
        self._selection = Selection(joined(still), town.scale)
        self._paint = PaintShop(look, ingredients, town.scale)
        self._sky = Sky(look.seed)

    def render(
        self, view: CameraView, instant: Instant, lens: LensEffects = _FAULTLESS
    ) -> Picture:
        """Return what a camera sees; colours, tags, instances and depth agree in each pixel."""
        quads = self._selection.visible(view, instant.movers)
        seen = self._look_at(view, quads)
        rng = np.random.default_rng([self._look.seed & 0xFFFFFFFF, instant.frame & 0xFFFFFFFF])
        if not self._on.lens:
            lens = _FAULTLESS
        light = self._lit(view, instant, seen, rng)
        mesh = seen.mesh
        tags = np.take(np.append(np.uint8(Tag.SKY), mesh.tag), seen.at_pixel)
        instances = np.take(np.append(np.uint16(0), mesh.instance), seen.at_pixel)
        return Picture(
            distort(develop(light, lens, rng), lens.distortion),
            distort(tags, lens.distortion),
            distort(instances, lens.distortion),
            distort(seen.points.depth_m, 0.0),
        )

    def _look_at(self, view: CameraView, quads: Quads) -> _Seen:
        thin = quads.mesh.layer == Layer.PAINT
        numbers = draw_numbers(
            quads.corners, thin, view.width, view.height, view.focal_px, self._selection.near_m
        )
        # Look-ups want the platform's own integers; else each of them converts its own copy.
        at_pixel = numbers[::SAMPLES, ::SAMPLES].astype(np.intp)
        points = surface_points(view, at_pixel, quads.corners)
        normals = face_normals(quads.corners) @ view.pose.rotation().T.astype(np.float32)
        flat = np.append(False, quads.mesh.layer != Layer.OBJECT)
        return _Seen(numbers, at_pixel, quads.mesh, normals, points, np.take(flat, at_pixel))

    def _lit(
        self, view: CameraView, instant: Instant, seen: _Seen, rng: np.random.Generator
    ) -> np.ndarray:
        """Return the light that reaches the camera, (H, W, 3) float32 BGR, 255 for white."""
        weather = instant.weather if self._on.weather else Weather(
            sun_altitude_angle=instant.weather.sun_altitude_angle,
            sun_azimuth_angle=instant.weather.sun_azimuth_angle,
        )  # fmt: skip
        light = daylight(weather)
        horizon = self._sky.horizon(weather, light)
        picture = self._coloured(view, seen, light, horizon)
        self._shade(picture, view, instant, seen, light)
        scale = self._town.scale
        wet = weather.wetness > 1 or weather.precipitation_deposits > 1
        self._draw_sky(picture, view, weather, seen, light)
        if wet and scale == 1.0:
            puddles = self._paint.puddles(seen.points, weather.precipitation_deposits / 100)
            wet_ground(picture, seen.is_ground, seen.points, puddles, weather)
        if scale == 1.0:
            add_fog(picture, seen.points, weather, horizon, scale)
            add_rain(picture, weather, rng)
        add_bloom(picture, 1.2 if light.night > 0.5 else 0.5)
        return picture

    def _coloured(
        self, view: CameraView, seen: _Seen, light: Daylight, horizon: np.ndarray
    ) -> np.ndarray:
        table = self._paint.lit_colours(seen.mesh, light.on_faces(seen.normals), horizon)
        large = np.take(table.view(np.uint32)[:, 0], seen.numbers).view(np.uint8)
        large = large.reshape(*seen.numbers.shape, 4)
        small = cv2.pyrDown(large)  # its middle tap is the pixel's first sample: no shift
        small = small[: view.height, : view.width].astype(np.float32)
        picture = np.ascontiguousarray(small[..., :3])
        picture *= np.float32(1 / LIGHT_SCALE)
        if self._on.wear and self._look.wear:
            bare = self._paint.ground() * light.on_faces(np.array([[0, 0, 1.0]], np.float32))[0]
            gone = self._paint.worn(seen.mesh, seen.at_pixel, seen.points)
            gone *= small[..., 3] * np.float32(1 / 255)
            picture += gone[..., None] * (bare.astype(np.float32) - picture)
        if self._on.grain:
            picture *= self._paint.grain(
                seen.mesh, seen.normals, seen.at_pixel, seen.points, view.focal_px
            )
        return picture

    def _shade(
        self, picture: np.ndarray, view: CameraView, instant: Instant, seen: _Seen,
        light: Daylight,
    ) -> None:  # fmt: skip
        """Add shadows and lamps to what daylight lit, in place."""
        contrast = 1.0 - light.shade
        if self._on.shadows and light.to_sun[2] > 0.03 and float(contrast.max()) > 0.05:
            reach = _SHADOW_RANGE_M * self._town.scale if self._town.scale < 1 else _SHADOW_RANGE_M
            position = view.pose.position()
            casters = self._selection.casters(position, reach, instant.movers)
            shadow = draw_shadows(view, casters, light.to_sun, self._selection.near_m)
            share = np.where(seen.is_ground, shadow, 0).astype(np.float32) / 255
            picture *= 1.0 - share[..., None] * contrast
        if light.night > 0.1 and self._on.lamps:
            added = lamp_light(
                seen.points, self._town.lamps, instant.headlights, view.pose.position()
            )
            base = np.maximum(light.ambient, 0.05)
            lit = np.minimum(light.night * added / base, 12.0)
            lit[seen.at_pixel == 0] = 0
            picture *= 1.0 + lit

    def _draw_sky(
        self, picture: np.ndarray, view: CameraView, weather: Weather, seen: _Seen, light: Daylight
    ) -> None:
        sky = seen.at_pixel == 0
        rows = np.flatnonzero(sky.any(axis=1))
        if len(rows):
            last = int(rows[-1]) + 1
            drawn = self._sky.draw(view, weather, light, last)
            np.copyto(picture[:last], drawn, where=sky[:last, :, None])


def _without_dirt(mesh: Mesh) -> Mesh:
    keep = np.flatnonzero((mesh.layer != Layer.DIRT) & (mesh.layer != Layer.LITTER))
    return mesh.rows(keep)

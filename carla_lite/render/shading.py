"""From the visibility buffer to the light that reaches the camera, pixel by pixel."""

from dataclasses import dataclass

from carla_lite.mesh import Layer
from carla_lite.render.air import add_fog
from carla_lite.render.ingredients import Ingredients
from carla_lite.render.instant import Instant
from carla_lite.render.light import Daylight, lamp_light
from carla_lite.render.paint_shop import LIGHT_SCALE, PaintShop
from carla_lite.render.picture import CameraView, planes
from carla_lite.render.rasteriser import SAMPLES
from carla_lite.render.selection import Quads
from carla_lite.render.sky import Sky
from carla_lite.render.surface_points import face_normals, planes_of, Points, surface_points
from carla_lite.weather import Weather
import cv2
import numpy as np

_UP = np.array([[0.0, 0.0, 1.0]], np.float32)


@dataclass(frozen=True)
class Scene:
    """What all rows of a view have in common."""

    view: CameraView
    quads: Quads
    normals: np.ndarray  # (n, 3) float32 in the world, towards the camera
    weather: Weather
    light: Daylight
    instant: Instant
    lamps: np.ndarray  # (m, 3) float32 metres
    fog: bool


@dataclass(frozen=True)
class Band:
    """
    Some rows of a view.

    ``picture``: (3, h, W) float32 BGR, 255 for white; ``numbers``: (h, W) intp of the visibility
    buffer; ``is_ground``: (h, W) bool.
    """

    picture: np.ndarray
    numbers: np.ndarray
    is_ground: np.ndarray
    points: Points


def world_normals(view: CameraView, quads: Quads) -> np.ndarray:
    """Return (n, 3) float32 unit normals in the world, towards the camera."""
    return face_normals(quads.corners) @ view.pose.rotation().T.astype(np.float32)


class Shader:
    """
    Colours the rows of a view; rows are independent, so that they can be done side by side.

    :param scene: what the rows have in common.
    :param samples: (SAMPLES H, SAMPLES W) int32, the visibility buffer.
    :param shadow: (H, W) uint8 share of the sun that is kept off the ground, or None.
    """

    def __init__(
        self,
        scene: Scene,
        samples: np.ndarray,
        shadow: np.ndarray | None,
        paint: PaintShop,
        sky: Sky,
        ingredients: Ingredients,
    ) -> None:
        self._scene, self._samples, self._shadow = scene, samples, shadow
        self._paint, self._sky, self._on = paint, sky, ingredients
        self._horizon = sky.horizon(scene.weather, scene.light)
        # Colours are tabled in bytes as by day, whatever the hour: dark ones would lose their hue.
        self._level = float(np.clip(scene.light.on_faces(_UP).max(), 0.02, 1.0))
        light = scene.light.on_faces(scene.normals) / self._level
        self._table = paint.lit_colours(scene.quads.mesh, light, self._horizon / self._level)
        self._shining = paint.shining(scene.quads.mesh)
        self._planes = planes_of(scene.quads.corners)
        self._flat = np.append(False, scene.quads.mesh.layer != Layer.OBJECT)
        self._albedo = self._smooth_albedo()

    def band(self, rows: range) -> Band:
        """Return some rows as the light leaves the world for the camera."""
        scene, part = self._scene, slice(rows.start, rows.stop)
        # Look-ups want the platform's own integers; else each of them converts its own copy.
        numbers = self._samples[SAMPLES * rows.start : SAMPLES * rows.stop : SAMPLES, ::SAMPLES]
        numbers = numbers.astype(np.intp)
        points = surface_points(scene.view, numbers, self._planes, rows.start)
        is_ground = np.take(self._flat, numbers)
        picture = self._coloured([plane[part] for plane in self._albedo], numbers, points)
        if self._shadow is not None:
            share = np.where(is_ground, self._shadow[part], 0) * np.float32(1 / 255)
            picture *= 1.0 - share * planes(1.0 - scene.light.shade)
        if scene.light.night > 0.1 and self._on.lamps:
            self._add_lamps(picture, numbers, points)
        self._draw_sky(picture, numbers == 0, rows)
        if scene.fog:
            add_fog(picture, points, scene.weather, self._horizon)
        return Band(picture, numbers, is_ground, points)

    def _smooth_albedo(self) -> tuple[np.ndarray, ...]:
        """Return four (H, W) uint8 planes: BGR in daylight without shadows, share of paint."""
        large = np.take(self._table.view(np.uint32)[:, 0], self._samples).view(np.uint8)
        small = cv2.pyrDown(large.reshape(*self._samples.shape, 4))
        return tuple(cv2.split(small))  # pyrDown's middle tap is a pixel's first sample: no shift

    def _coloured(
        self, albedo: list[np.ndarray], numbers: np.ndarray, points: Points
    ) -> np.ndarray:
        scene = self._scene
        picture = np.stack(albedo[:3]).astype(np.float32)
        picture *= np.float32(self._level / LIGHT_SCALE)
        if self._on.wear and self._paint.wears:
            bare = self._paint.ground() * scene.light.on_faces(_UP)[0]
            gone = self._paint.worn(scene.quads.mesh, numbers, points)
            gone *= albedo[3] * np.float32(1 / 255)
            picture += gone * (planes(bare) - picture)
        if self._on.grain:
            picture *= self._paint.grain(
                scene.quads.mesh, scene.normals, numbers, points, scene.view.focal_px
            )
        return picture

    def _add_lamps(self, picture: np.ndarray, numbers: np.ndarray, points: Points) -> None:
        scene = self._scene
        camera = scene.view.pose.position()
        added = lamp_light(points, scene.lamps, scene.instant.headlights, camera)
        base = planes(np.maximum(scene.light.ambient, 0.05))
        lit = np.minimum(base + scene.light.night * added, 1.4) / base
        lit[:, numbers == 0] = 1.0
        picture *= lit
        if self._shining.any():
            for plane, own in zip(picture, self._shining.T, strict=True):
                plane += np.float32(scene.light.night) * np.take(own, numbers)

    def _draw_sky(self, picture: np.ndarray, sky: np.ndarray, rows: range) -> None:
        with_sky = np.flatnonzero(sky.any(axis=1))
        if len(with_sky):
            end = int(with_sky[-1]) + 1
            scene = self._scene
            drawn = self._sky.draw(
                scene.view, scene.weather, scene.light, range(rows.start, rows.start + end)
            )
            np.copyto(picture[:, :end], drawn, where=sky[:end])

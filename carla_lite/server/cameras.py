"""Cameras: what those with a subscriber see at one instant, drawn once for each view."""

from dataclasses import dataclass

from carla_lite.look import draw_look
from carla_lite.protocol.messages import image_parts, sensor_header
from carla_lite.protocol.streams import StreamServer
from carla_lite.render.picture import CameraView, Picture
from carla_lite.render.renderer import Instant, Renderer
from carla_lite.server.movers import movers_of
from carla_lite.town import Town
from carla_lite.world.actors import Actor
from carla_lite.world.world import World
import numpy as np

_MAX_DEPTH_M = 1000.0
_MAX_SIDE_PX = 8192


@dataclass(frozen=True)
class Shot:
    """What a camera is to send."""

    stream_id: int
    kind: str
    view: CameraView
    header: bytes


@dataclass(frozen=True)
class Shots:
    """All cameras of one tick and the instant that they see."""

    instant: Instant | None
    shots: tuple[Shot, ...]


class Cameras:
    """The cameras of one town."""

    def __init__(self, streams: StreamServer, town: Town, seed: int) -> None:
        self._streams = streams
        self._renderer = Renderer(town, draw_look(seed))

    def aim(self, world: World) -> Shots:
        """Return what is to be drawn of this tick; nothing of it changes afterwards."""
        if world.settings.no_rendering:
            return Shots(None, ())
        shots = tuple(
            self._shot(actor, world)
            for actor in world.actors.values()
            if actor.kind.startswith('sensor.camera.')
            and self._streams.has_subscribers(actor.stream_id)
            and world.is_due(actor)
        )
        instant = movers_of(world) if shots else None
        return Shots(instant, shots)

    def shoot(self, shots: Shots, must_arrive: bool) -> None:
        """Draw and publish; views that several cameras share are drawn once."""
        if shots.instant is None:
            return
        pictures: dict[CameraView, Picture] = {}
        for shot in shots.shots:
            if shot.view not in pictures:
                pictures[shot.view] = self._renderer.render(shot.view, shots.instant)
            bgra = _ENCODERS[shot.kind](pictures[shot.view])
            parts = image_parts(shot.header, shot.view.fov, bgra)
            self._streams.publish(shot.stream_id, parts, must_arrive)

    @staticmethod
    def _shot(actor: Actor, world: World) -> Shot:
        width = int(actor.number('image_size_x', 800))
        height = int(actor.number('image_size_y', 600))
        view = CameraView(width, height, actor.number('fov', 90.0), actor.pose)
        header = sensor_header(actor.kind, world.frame, world.time_s, actor.pose)
        return Shot(actor.stream_id, actor.kind, view, header)


def _opaque(picture: Picture) -> np.ndarray:
    bgra = np.empty((*picture.tags.shape, 4), np.uint8)
    bgra[..., 3] = 255
    return bgra


def _colours(picture: Picture) -> np.ndarray:
    bgra = _opaque(picture)
    bgra[..., :3] = picture.bgr
    return bgra


def _classes(picture: Picture) -> np.ndarray:
    bgra = _opaque(picture)
    bgra[..., :2] = 0
    bgra[..., 2] = picture.tags
    return bgra


def _instances(picture: Picture) -> np.ndarray:
    bgra = _classes(picture)
    bgra[..., 1] = picture.instances & 255
    bgra[..., 0] = picture.instances >> 8
    return bgra


def _depths(picture: Picture) -> np.ndarray:
    share = np.clip(picture.depth_m / _MAX_DEPTH_M, 0.0, 1.0)
    number = (share.astype(np.float64) * (2**24 - 1)).astype(np.uint32)
    bgra = _opaque(picture)
    for channel, shift in ((2, 0), (1, 8), (0, 16)):
        bgra[..., channel] = number >> shift
    return bgra


_ENCODERS = {
    'sensor.camera.rgb': _colours,
    'sensor.camera.semantic_segmentation': _classes,
    'sensor.camera.instance_segmentation': _instances,
    'sensor.camera.depth': _depths,
}

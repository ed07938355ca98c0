"""
Cameras: what those with a subscriber see at one instant, drawn once for each view.

They draw in a thread of their own, from what the tick froze for them: the tick is answered at once
and the client's work goes on beside the drawing. The next synchronous tick waits for it.
"""

from collections import defaultdict
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
import logging
from typing import Protocol

from carla_lite.protocol.messages import image_parts, sensor_header
from carla_lite.protocol.streams import StreamServer
from carla_lite.render.lens import LensEffects
from carla_lite.render.picture import CameraView, Picture
from carla_lite.render.renderer import Instant
from carla_lite.server.lenses import lens_of
from carla_lite.server.movers import instant_of, Mount, mount_of
from carla_lite.world.actors import Actor
from carla_lite.world.world import World
import cv2
import numpy as np

_LOG = logging.getLogger(__name__)
_COLOUR = 'sensor.camera.rgb'
_MAX_DEPTH_M = 1000.0


@dataclass(frozen=True)
class Shot:
    """
    What a camera is to send.

    :param mount: the vehicle that the camera is in, which it sees as no other does.
    """

    stream_id: int
    kind: str
    view: CameraView
    lens: LensEffects
    mount: Mount
    header: bytes


@dataclass(frozen=True)
class Shots:
    """All cameras of one tick and the instant that they see."""

    instant: Instant | None
    shots: tuple[Shot, ...]


class Draws(Protocol):
    """What a renderer can do."""

    def render(self, view: CameraView, instant: Instant, lens: LensEffects = ...) -> Picture:
        """Return what a camera sees."""


class Cameras:
    """The cameras of one town."""

    def __init__(self, streams: StreamServer, renderer: Draws) -> None:
        self._streams = streams
        self._renderer = renderer
        # One thread for good: with a new one each tick, malloc kept 1 kB of each.
        self._draughtsman = ThreadPoolExecutor(1, 'cameras')
        self._drawing: Future[None] | None = None

    @property
    def is_idle(self) -> bool:
        """Whether all that was asked for is published."""
        return self._drawing is None or self._drawing.done()

    def finish(self) -> None:
        """Wait until all that was asked for is published."""
        if self._drawing is not None:
            wait([self._drawing])

    def aim(self, world: World) -> Shots:
        """Return what is to be drawn of this tick; nothing of it changes afterwards."""
        shots = tuple(
            self._shot(actor, world)
            for actor in world.actors.values()
            if actor.kind.startswith('sensor.camera.')
            and not world.settings.no_rendering
            and self._streams.has_subscribers(actor.stream_id)
            and world.is_due(actor)
        )
        return Shots(instant_of(world) if shots else None, shots)

    def shoot(self, shots: Shots, must_arrive: bool) -> None:
        """Begin to draw and publish."""
        if shots.instant is not None:
            self._drawing = self._draughtsman.submit(
                self._draw, shots.shots, shots.instant, must_arrive
            )

    def _draw(self, shots: tuple[Shot, ...], instant: Instant, must_arrive: bool) -> None:
        groups: dict[object, list[Shot]] = defaultdict(list)
        for shot in shots:
            groups[shot.view, shot.lens.distortion].append(shot)
        try:
            for group in groups.values():
                self._draw_group(group, instant, must_arrive)
        except Exception:
            _LOG.exception('the cameras of frame %d failed', instant.frame)

    def _draw_group(self, group: list[Shot], instant: Instant, must_arrive: bool) -> None:
        """Draw one view, once for each way to develop it: labels come along with the colours."""
        mounts = sorted((shot.mount for shot in group), key=lambda mount: mount.bonnet is None)
        instant = mounts[0].seen_by(instant)
        pictures: dict[LensEffects, Picture] = {}
        for shot in sorted(group, key=lambda shot: shot.kind != _COLOUR):
            lens = shot.lens if shot.kind == _COLOUR or not pictures else next(iter(pictures))
            if lens not in pictures:
                pictures[lens] = self._renderer.render(shot.view, instant, lens)
            bgra = _ENCODERS[shot.kind](pictures[lens])
            parts = image_parts(shot.header, shot.view.fov, bgra)
            self._streams.publish(shot.stream_id, parts, must_arrive)

    @staticmethod
    def _shot(actor: Actor, world: World) -> Shot:
        width = int(actor.number('image_size_x', 800))
        height = int(actor.number('image_size_y', 600))
        view = CameraView(width, height, actor.number('fov', 90.0), actor.pose)
        header = sensor_header(actor.kind, world.frame, world.time_s, actor.pose)
        lens, mount = lens_of(actor), mount_of(actor)
        return Shot(actor.stream_id, actor.kind, view, lens, mount, header)


def _colours(picture: Picture) -> np.ndarray:
    return np.asarray(cv2.cvtColor(picture.bgr, cv2.COLOR_BGR2BGRA))


def _classes(picture: Picture) -> np.ndarray:
    zero, full = _plane(picture, 0), _plane(picture, 255)
    return np.asarray(cv2.merge([zero, zero, np.ascontiguousarray(picture.tags), full]))


def _instances(picture: Picture) -> np.ndarray:
    low = (picture.instances & 255).astype(np.uint8)
    high = (picture.instances >> 8).astype(np.uint8)
    tags = np.ascontiguousarray(picture.tags)
    return np.asarray(cv2.merge([high, low, tags, _plane(picture, 255)]))


def _depths(picture: Picture) -> np.ndarray:
    share = np.clip(picture.depth_m, 0.0, _MAX_DEPTH_M).astype(np.float64) / _MAX_DEPTH_M
    number = np.rint(share * (2**24 - 1)).astype('<u4')
    parts = number.view(np.uint8).reshape(*number.shape, 4)  # lowest byte first
    return np.asarray(
        cv2.merge([parts[..., 2], parts[..., 1], parts[..., 0], _plane(picture, 255)])
    )


def _plane(picture: Picture, value: int) -> np.ndarray:
    return np.full(picture.tags.shape, value, np.uint8)


_ENCODERS = {
    _COLOUR: _colours,
    'sensor.camera.semantic_segmentation': _classes,
    'sensor.camera.instance_segmentation': _instances,
    'sensor.camera.depth': _depths,
}

"""The cameras on the car: RGB, truth and depth at one pose, delivered together."""

from collections.abc import Callable, Mapping
import threading
from typing import Any

import numpy as np
from seg_node.carla.actors import blueprint_of, MadeActors
from seg_node.carla.config import CameraMount
from seg_node.carla.connection import asking
from seg_node.carla.errors import CarlaError
from seg_node.carla.pairing import Pairing
from seg_node.carla.pose import Pose

RGB, TRUTH, DEPTH = 'rgb', 'semantic_segmentation', 'depth'

Picture = tuple[np.ndarray, Pose]  # the array, and where the camera was in the world


class Sensors:
    """All sensors of a rig; their pictures meet in one pairing."""

    def __init__(
        self,
        carla: Any,
        world: Any,
        ego: Any,
        made: MadeActors,
        cameras: tuple[CameraMount, ...],
        stop: threading.Event | None = None,
    ) -> None:
        """
        Spawn the sensors and listen.

        :param stop: ends all waiting for pictures when it is set.
        :raises CarlaError: when a blueprint or an attribute is unknown.
        """
        kinds = {(camera.name, kind): camera for camera in cameras for kind in _kinds_of(camera)}
        self.pairing = Pairing((stream_name(*key) for key in kinds), stop)
        for (name, kind), camera in kinds.items():
            with asking(f'spawning the {kind} camera {name}'):
                blueprint = _blueprint(world, camera, kind)
                sensor = made.spawn(world, blueprint, camera.pose.transform(carla), ego)
                if sensor is None:
                    raise CarlaError(f'the {kind} camera {name} could not be spawned')
                made.listen(sensor, self._receiver(stream_name(name, kind), kind))

    def _receiver(self, stream: str, kind: str) -> Callable[[Any], None]:
        decode = _DECODERS[kind]

        def receive(image: Any) -> None:
            # The raw data dies with the image: each decoder copies what it keeps.
            pixels = np.frombuffer(image.raw_data, np.uint8)
            pixels = pixels.reshape(image.height, image.width, 4)
            self.pairing.put(stream, image.frame, (decode(pixels), Pose.of(image.transform)))

        return receive


def stream_name(camera: str, kind: str) -> str:
    """Return what a sensor's deliveries are called, such as ``front/rgb``."""
    return f'{camera}/{kind}'


def depth_m(pixels: np.ndarray) -> np.ndarray:
    """
    Decode a depth picture: (H, W) float32 metres along the camera's axis.

    :param pixels: (H, W, 4) uint8 BGRA, 24 bits from red to blue over 1000 m.
    """
    blue, green, red = (pixels[:, :, channel].astype(np.float32) for channel in range(3))
    return (red + 256.0 * green + 65536.0 * blue) * np.float32(1000.0 / (2**24 - 1))


_DECODERS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    RGB: lambda pixels: pixels.copy(),
    TRUTH: lambda pixels: pixels[:, :, 2].copy(),  # the class stands in the red byte
    DEPTH: depth_m,
}


def _kinds_of(camera: CameraMount) -> list[str]:
    return [RGB, *([TRUTH] if camera.truth else []), *([DEPTH] if camera.depth else [])]


def _blueprint(world: Any, camera: CameraMount, kind: str) -> Any:
    blueprint = blueprint_of(world, f'sensor.camera.{kind}')
    attributes = {
        'image_size_x': str(camera.width),
        'image_size_y': str(camera.height),
        'fov': repr(float(camera.fov_deg)),
        'role_name': camera.name,
        'ros_name': camera.name,
    }
    for name, value in attributes.items():
        if blueprint.has_attribute(name):
            blueprint.set_attribute(name, value)
    for name, value in camera.attributes.items() if kind == RGB else ():
        if not blueprint.has_attribute(name):
            known = ', '.join(sorted(attribute.id for attribute in blueprint))
            raise CarlaError(f"cameras have no attribute '{name}': they have {known}")
        blueprint.set_attribute(name, str(value))
    return blueprint

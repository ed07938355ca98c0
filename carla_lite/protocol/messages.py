"""What goes through streams, as bytes."""

from collections.abc import Iterable
import struct

from carla_lite.pose import Pose
import msgpack
import numpy as np

_HEADER = struct.Struct('<QQd6f')
_IMAGE = struct.Struct('<IIf')
_WORLD = struct.Struct('<Qdf3iI')
_ACTOR = struct.Struct('<IB15f54s')
_ACTIVE = 1

#: Numbers of sensor kinds in the registry of the 0.9.16 client.
SENSOR_TYPES = {
    'sensor.other.collision': 0,
    'sensor.camera.depth': 1,
    'sensor.other.gnss': 4,
    'sensor.other.imu': 5,
    'sensor.other.obstacle': 7,
    'sensor.camera.rgb': 13,
    'sensor.camera.semantic_segmentation': 14,
    'sensor.camera.instance_segmentation': 15,
}
_WORLD_OBSERVER = 17

MAP_CHANGED = 1

Vector = tuple[float, float, float]


def sensor_header(kind: str | int, frame: int, time_s: float, pose: Pose) -> bytes:
    """Return the 48 bytes before every measurement."""
    number = SENSOR_TYPES[kind] if isinstance(kind, str) else kind
    place = (pose.x, pose.y, pose.z, pose.pitch, pose.yaw, pose.roll)
    return _HEADER.pack(number, frame, time_s, *place)


def image_parts(header: bytes, fov: float, bgra: np.ndarray) -> list[bytes | memoryview]:
    """
    Return an image as buffers to send.

    :param bgra: (H, W, 4) uint8, contiguous; not copied.
    """
    height, width = bgra.shape[:2]
    return [header + _IMAGE.pack(width, height, fov), bgra.data.cast('B')]


def packed_parts(header: bytes, value: object) -> list[bytes | memoryview]:
    """Return a measurement that travels as msgpack: GNSS, IMU, collision."""
    return [header, msgpack.packb(value)]


def actor_state(
    actor_id: int,
    pose: Pose,
    velocity: Vector,
    angular_velocity: Vector,
    acceleration: Vector,
    rest: bytes,
) -> bytes:
    """
    Return the 119 bytes of an actor in the world's state.

    :param rest: what only this kind of actor has, see below.
    """
    return _ACTOR.pack(
        actor_id, _ACTIVE, pose.x, pose.y, pose.z, pose.pitch, pose.yaw, pose.roll,
        *velocity, *angular_velocity, *acceleration, rest,
    )  # fmt: skip


def world_state(
    frame: int,
    time_s: float,
    delta_s: float,
    wall_s: float,
    episode_id: int,
    flags: int,
    states: Iterable[bytes],
) -> bytes:
    """Return the message of the world's own stream."""
    header = sensor_header(_WORLD_OBSERVER, frame, time_s, Pose())
    return header + _WORLD.pack(episode_id, wall_s, delta_s, 0, 0, 0, flags) + b''.join(states)


_VEHICLE = struct.Struct('<3f3Bif2BIB')
_LIGHT = struct.Struct('<32s4fI?B')
_SIGN = struct.Struct('<32s')
_WALKER = struct.Struct('<4f?')


def vehicle_state(
    control: tuple[float, float, float, bool, bool, bool, int],
    speed_limit_kmh: float,
    traffic_light: tuple[int, int] | None,
) -> bytes:
    """
    Return what only vehicles have.

    :param control: throttle, steer, brake, hand brake, reverse, manual, gear.
    :param traffic_light: the actor and its state of the light that the vehicle stands at.
    """
    light_id, light_state = traffic_light or (0, 3)
    return _VEHICLE.pack(
        *control, speed_limit_kmh, light_state, traffic_light is not None, light_id, 0
    )


def light_state(
    signal_id: str, times_s: Vector, elapsed_s: float, pole: int, frozen: bool, state: int
) -> bytes:
    """
    Return what only traffic lights have.

    :param times_s: green, yellow, red.
    """
    return _LIGHT.pack(signal_id.encode()[:31], *times_s, elapsed_s, pole, frozen, state)


def walker_state(direction: Vector, speed_mps: float, jump: bool) -> bytes:
    """Return what only walkers have."""
    return _WALKER.pack(*direction, speed_mps, jump)


def sign_state(signal_id: str) -> bytes:
    """Return what only signs have."""
    return _SIGN.pack(signal_id.encode()[:31])

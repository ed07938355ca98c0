"""From a camera's attributes, which are CARLA's, to what the renderer's lens does."""

import math

from carla_lite.render.lens import LensEffects
from carla_lite.world.actors import Actor

# CARLA's defaults, which change nothing here
_GAMMA = 2.2
_TEMPERATURE = 6500.0
_LENS_K = -1.0
_K1_OF_LENS_K = 0.1
_MAX_K1 = 0.4
_BLUR_WIDTH_PX = 1920.0  # the width for which blur_radius counts pixels
_FRAME_S = 1.0 / 60.0  # of which motion_blur_intensity is the share that the shutter is open


def lens_of(camera: Actor) -> LensEffects:
    """Return what a camera of this tick does to its light."""
    width = camera.number('image_size_x', 800)
    distortion = distortion_of(camera)
    is_plain = camera.attributes.get('enable_postprocess_effects', 'true').lower() != 'true'
    if is_plain or camera.kind != 'sensor.camera.rgb':
        return LensEffects(distortion=distortion)
    return LensEffects(
        exposure=2.0 ** _between(camera.number('exposure_compensation'), -8.0, 8.0),
        gamma=_GAMMA / _between(camera.number('gamma', _GAMMA), 0.5, 8.0),
        warmth=_between((camera.number('temp', _TEMPERATURE) - _TEMPERATURE) / 6500.0, -1.0, 1.0),
        tint=_between(camera.number('tint'), -1.0, 1.0),
        vignette=_between(camera.number('lens_circle_multiplier') / 10.0, 0.0, 1.0),
        blur_px=_between(camera.number('blur_radius') * width / _BLUR_WIDTH_PX, 0.0, 20.0),
        motion_px=_smear_px(camera, width),
        noise=_between(camera.number('lite_noise'), 0.0, 100.0),
        distortion=distortion,
        jpeg_quality=int(_between(camera.number('lite_jpeg_quality'), 0, 100)),
    )


def distortion_of(camera: Actor) -> float:
    """Return k1 of the lens; none for CARLA's own default, whose pictures are pinhole ones."""
    return _between(
        (camera.number('lens_k', _LENS_K) - _LENS_K) * _K1_OF_LENS_K, -_MAX_K1, _MAX_K1
    )


def _smear_px(camera: Actor, width: float) -> int:
    """Return how far the picture turns aside while the shutter is open."""
    if camera.parent is None:
        return 0
    turn_rad = math.radians(abs(camera.parent.angular_velocity[2]))
    focal_px = width / (2.0 * math.tan(math.radians(camera.number('fov', 90.0)) / 2.0))
    smear_px = turn_rad * _FRAME_S * camera.number('motion_blur_intensity') * focal_px
    most_px = camera.number('motion_blur_max_distortion') / 100.0 * width
    return int(_between(smear_px, 0.0, _between(most_px, 0.0, width)))


def _between(value: float, low: float, high: float) -> float:
    return min(high, max(low, value)) if math.isfinite(value) else low

"""The cameras of a collection."""

from dataclasses import dataclass, field

from training.errors import ConfigError

#: Attributes of CARLA's cameras that move things in the picture.
_BENDING = {'lens_k', 'lens_kcube', 'lens_x_size', 'lens_y_size', 'fov', 'image_size_x'}
_WIDEST_DEG = 170.0


@dataclass(frozen=True)
class VaryConfig:
    """
    How far the camera of each drive is off its own place: no two vehicles are mounted alike.

    :param height_share: of its height, either way.
    :param pitch_deg: either way, as the others.
    """

    height_share: float = 0.0
    pitch_deg: float = 0.0
    yaw_deg: float = 0.0
    roll_deg: float = 0.0
    fov_deg: float = 0.0


@dataclass(frozen=True)
class CameraConfig:
    """
    One camera on the vehicle.

    :param name: stands in ``samples.jsonl``.
    :param fov_deg: horizontal field of view.
    :param forward_m: before the middle of the vehicle.
    :param right_m: right of it.
    :param height_m: over the ground.
    :param pitch_deg: nose up; a camera that looks down has a negative one.
    :param yaw_deg: to the right.
    :param roll_deg: right side down.
    :param lens: k1 and k2 of the radial distortion as OpenCV defines it, 0 for a pinhole; pictures
        and labels are bent alike, by the collector.
    :param attributes: further ones of the RGB camera's blueprint, such as
        ``motion_blur_intensity`` or ``exposure_compensation``.
    """

    name: str = 'front'
    width: int = 512
    height: int = 256
    fov_deg: float = 90.0
    forward_m: float = 1.5
    right_m: float = 0.0
    height_m: float = 1.6
    pitch_deg: float = -6.0
    yaw_deg: float = 0.0
    roll_deg: float = 0.0
    lens: tuple[float, float] = (0.0, 0.0)
    attributes: dict[str, str] = field(default_factory=dict)

    def check(self, vary: VaryConfig) -> None:
        """
        Refuse what no camera can be.

        :param vary: how much its field of view may differ from the one stated.
        :raises ConfigError: naming the flag and the remedy.
        """
        if not 0 < self.fov_deg < _WIDEST_DEG:
            raise ConfigError(
                f'--cameras: fov_deg of {self.name} is {self.fov_deg:g}, use 1 to 169'
            )
        if not vary.fov_deg < self.fov_deg < _WIDEST_DEG - vary.fov_deg:
            raise ConfigError(
                f'--vary.fov_deg is {vary.fov_deg:g}, too much for the {self.fov_deg:g} degrees '
                f'of {self.name}: lower it'
            )
        if not (16 <= self.width <= 4096 and 16 <= self.height <= 4096):
            raise ConfigError(
                f'--cameras: {self.name} has {self.width}x{self.height} pixels, use 16 to 4096 '
                'each way'
            )
        if bending := sorted(_BENDING & set(self.attributes)):
            raise ConfigError(
                f'--cameras: {bending[0]} of {self.name} would bend its pictures and not its '
                'labels: use lens, which bends both'
            )

"""What a rig yields: pictures and truth of one and the same simulated moment."""

from dataclasses import dataclass, field

import numpy as np
from seg_node.carla.pose import Pose
from seg_node.frame import Frame


@dataclass(frozen=True)
class Shot:
    """All cameras at one tick; every picture and label has this frame number."""

    frame_number: int  # the server's
    stamp_ns: int  # simulation time
    pictures: dict[str, Frame]  # by camera: (H, W, 4) uint8 BGRA
    tags: dict[str, np.ndarray]  # by camera with truth: (H, W) uint8, the simulator's classes
    depths_m: dict[str, np.ndarray]  # by camera with depth: (H, W) float32 metres along its axis
    camera_poses: dict[str, Pose]  # in the world
    ego_pose: Pose  # in the world
    speed_mps: float


@dataclass(frozen=True)
class LostShot:
    """A tick without a complete set of pictures."""

    frame_number: int
    stamp_ns: int
    reason: str  # short and stable, so that losses can be counted by it


@dataclass
class RigCounts:
    """What a rig has seen so far."""

    shots: int = 0
    lost: dict[str, int] = field(default_factory=dict)  # by reason
    late: int = 0  # pictures that came after their shot had been given up
    relocations: dict[str, int] = field(default_factory=dict)  # of the ego, by reason

    @property
    def lost_total(self) -> int:
        """How many ticks were lost, for whatever reason."""
        return sum(self.lost.values())

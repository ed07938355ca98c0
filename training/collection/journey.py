"""How the car of a rig gets along a route: placed step by step, or driven."""

from collections.abc import Iterator

from seg_node.carla.connection import asking
from seg_node.carla.pose import Pose
from seg_node.carla.rig import Rig
from seg_node.carla.shot import LostShot, Shot
from training.collection.config import CollectConfig
from training.collection.errors import CollectError
from training.collection.routes import route_poses, spread_starts, Wander
from training.collection.schedule import Drive


class Journey:
    """The shots of one drive, however the car moves."""

    def __init__(self, rig: Rig, config: CollectConfig, drive: Drive) -> None:
        self._rig, self._config, self._drive = rig, config, drive

    def shots(self, first_step: int) -> Iterator[Shot | LostShot]:
        """Yield the shots from a step on; steps before are driven again where they must be."""
        return (
            self._placed(first_step)
            if self._config.driver == 'place'
            else self._driven(first_step)
        )

    def _placed(self, first_step: int) -> Iterator[Shot | LostShot]:
        with asking('freezing the car'):
            self._rig.ego.set_simulate_physics(False)  # it would sink or roll between two ticks
        poses = self._poses()
        for _ in range(first_step):
            next(poses)
        for number, pose in enumerate(poses):
            self._rig.teleport(pose)
            if number == 0:
                self._warm_up()
            shot = self._rig.tick()
            # The car stands where it was put: what was lost can be taken again.
            yield self._rig.tick() if isinstance(shot, LostShot) else shot

    def _driven(self, first_step: int) -> Iterator[Shot | LostShot]:
        starts = self._starts()
        self._rig.teleport(starts[self._drive.route % len(starts)])
        self._warm_up()
        for _ in range(first_step):
            self._rig.tick()
        while True:
            yield self._rig.tick()

    def _warm_up(self) -> None:
        for _ in range(self._config.warmup_ticks):
            self._rig.tick()

    def _poses(self) -> Iterator[Pose]:
        starts = self._starts()
        spawn_points = self._rig.map.get_spawn_points()
        first = self._drive.route % len(starts)
        return route_poses(
            self._rig.map,
            [spawn_points[index].location for index in starts[first:] + starts[:first]],
            self._config.spacing_m,
            Wander(self._config.wander_m, self._config.wander_deg),
            (self._config.seed, self._drive.route),
        )

    def _starts(self) -> list[int]:
        """Return the spawn points in the order of the routes."""
        places = [(place.x_m, place.y_m) for place in self._rig.spawn_points()]
        if not places:
            raise CollectError(f'{self._rig.town} has no spawn points: leave it out of --towns')
        return spread_starts(places, self._config.seed)

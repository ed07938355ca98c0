"""The rig's settings, schedules and pairing: what needs no simulator."""

import threading

import pytest
from seg_node.carla.config import CameraMount, RigConfig
from seg_node.carla.errors import CarlaError
from seg_node.carla.pairing import IncompleteError, Pairing
from seg_node.carla.schedule import Schedule


@pytest.mark.parametrize(
    ('make', 'words'),
    [
        (lambda: CameraMount('a b'), "camera name 'a b' cannot be part of a topic"),
        (lambda: CameraMount(width=0), '0x450 is no size'),
        (lambda: CameraMount(fov_deg=180.0), 'fov_deg 180 is no field of view'),
        (lambda: RigConfig(rate_hz=1.0), 'rate_hz 1 is out of range'),
        (lambda: RigConfig(port=0), 'port 0 is no port'),
        (lambda: RigConfig(autopilot='me'), "autopilot 'me' is unknown"),  # type: ignore[arg-type]
        (lambda: RigConfig(cameras=(CameraMount(), CameraMount())), 'two cameras have one name'),
        (lambda: Schedule.parse('ClearNoon', 'weather_schedule'), "'ClearNoon' is no NAME:FRAMES"),
        (lambda: Schedule.parse('ClearNoon:0', 'weather_schedule'), 'is no NAME:FRAMES'),
    ],
)
def test_a_config_that_cannot_be(make, words: str) -> None:
    with pytest.raises(CarlaError, match=words):
        make()


def test_a_schedule_begins_again() -> None:
    schedule = Schedule.parse(' ClearNoon:2, HardRainNight:1,ClearNoon:1 ', 'weather_schedule')
    assert [schedule.at(frame) for frame in range(6)] == [
        'ClearNoon', 'ClearNoon', 'HardRainNight', 'ClearNoon', 'ClearNoon', 'ClearNoon',
    ]  # fmt: skip
    assert schedule.names == ('ClearNoon', 'HardRainNight')
    assert Schedule.parse('', 'x').at(7) == ''


def test_pairs_come_in_any_order_and_late_ones_are_counted() -> None:
    pairing = Pairing(['rgb', 'truth'])
    pairing.put('truth', 7, 'T7')
    pairing.put('rgb', 8, 'R8')
    pairing.put('rgb', 7, 'R7')
    assert pairing.take(7, 0.0) == {'rgb': 'R7', 'truth': 'T7'}
    with pytest.raises(IncompleteError, match='no truth'):
        pairing.take(8, 0.05)
    pairing.put('truth', 8, 'T8')
    assert pairing.late == 1
    threading.Timer(
        0.1, lambda: [pairing.put(name, 10, name) for name in ('truth', 'rgb')]
    ).start()
    pairing.put('rgb', 9, 'R9')
    assert pairing.take(10, 5.0) == {'rgb': 'rgb', 'truth': 'truth'}
    pairing.put('truth', 9, 'T9')
    assert pairing.late == 2

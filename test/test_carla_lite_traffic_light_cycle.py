"""Groups of a junction take turns; nobody has green against somebody else's green."""

from carla_lite.errors import CarlaLiteError
from carla_lite.pose import Pose
from carla_lite.town import TrafficLight
from carla_lite.world.traffic_light_cycle import Cycle, GREEN, OFF, RED, Times, YELLOW
from hypothesis import given, settings
from hypothesis import strategies as st
import pytest


def lights(*groups_of_junctions):
    """Return two lights for each group; names are junction.group.number."""
    return [
        TrafficLight(f'{junction}.{group}.{number}', Pose(), junction, group, Pose())
        for junction, groups in enumerate(groups_of_junctions)
        for group in groups
        for number in (0, 1)
    ]


def states(cycle, names):
    return [cycle.state(name) for name in names]


def test_a_turn_is_green_then_yellow_then_red_and_the_next_group_follows():
    cycle = Cycle(lights((0, 1)), Times(5.0, 2.0, 1.0))
    seen = []
    for _ in range(16):
        seen.append((cycle.state('0.0.0'), cycle.state('0.1.0')))
        cycle.step(1.0)
    turn = [GREEN] * 5 + [YELLOW] * 2 + [RED]
    assert [first for first, _ in seen] == turn + [RED] * 8
    assert [second for _, second in seen] == [RED] * 8 + turn
    assert (cycle.state('0.0.0'), cycle.state('0.1.0')) == (GREEN, RED)  # and again


SECONDS = st.floats(0.0, 20.0)


@settings(max_examples=80, deadline=None)
@given(
    groups=st.lists(st.sets(st.integers(0, 6), min_size=1, max_size=4), min_size=1, max_size=3),
    times=st.lists(st.tuples(SECONDS, SECONDS, SECONDS), min_size=4, max_size=4),
    steps=st.lists(st.floats(0.0, 30.0), max_size=40),
)
def test_never_two_groups_at_once_and_lights_of_a_group_agree(groups, times, steps):
    cycle = Cycle(town := lights(*groups))
    for light in town:
        green, yellow, red = times[light.group % 4]
        cycle.set_times(light.signal_id, green, yellow, red)
    for dt_s in steps:
        cycle.step(dt_s)
        for junction in {light.junction for light in town}:
            here = [light for light in town if light.junction == junction]
            shown = {(light.group, cycle.state(light.signal_id)) for light in here}
            assert len(shown) == len({light.group for light in here})
            assert sum(state != RED for _, state in shown) <= 1
        assert all(cycle.elapsed_s(light.signal_id) >= 0 for light in town)


def test_every_group_gets_its_green_however_long_the_steps():
    names = ['0.3.0', '0.5.1', '0.9.0']
    for dt_s in (0.05, 0.7, 2.3):
        cycle = Cycle(lights((3, 5, 9)), Times(5.0, 1.0, 1.0))
        total = dict.fromkeys(names, 0.0)
        for _ in range(int(210 / dt_s)):
            cycle.step(dt_s)
            for name in names:
                total[name] += dt_s * (cycle.state(name) == GREEN)
        assert all(value == pytest.approx(50.0, abs=8.0) for value in total.values())


def test_one_long_step_ends_where_many_short_ones_do():
    one, many = (Cycle(lights((0, 1, 2), (4,))) for _ in range(2))
    one.step(37.5)
    for _ in range(375):
        many.step(0.1)
    for name in ('0.0.0', '0.1.1', '0.2.0', '1.4.0'):
        assert one.state(name) == many.state(name)
    assert one.elapsed_s('0.2.0') == pytest.approx(many.elapsed_s('0.2.0'))


def test_elapsed_counts_from_the_change():
    cycle = Cycle(lights((0, 1)), Times(5.0, 2.0, 1.0))
    cycle.step(4.0)
    assert cycle.elapsed_s('0.0.0') == cycle.elapsed_s('0.1.0') == 4.0
    cycle.step(1.5)
    assert cycle.state('0.0.0') == YELLOW and cycle.elapsed_s('0.0.0') == pytest.approx(0.5)
    assert cycle.elapsed_s('0.1.0') == pytest.approx(5.5)


def test_frozen_lights_stand_and_go_on_from_there():
    cycle = Cycle(lights((0, 1)), Times(5.0, 2.0, 1.0))
    cycle.step(4.0)
    cycle.freeze(True)
    cycle.step(100.0)
    assert cycle.state('0.0.0') == GREEN and cycle.elapsed_s('0.0.0') == 4.0 and cycle.frozen
    cycle.freeze(False)
    cycle.step(1.0)
    assert cycle.state('0.0.0') == YELLOW


def test_a_state_set_by_hand_lasts_until_the_groups_next_change():
    cycle = Cycle(lights((0, 1)), Times(5.0, 2.0, 1.0))
    cycle.set_state('0.1.0', GREEN)
    cycle.set_state('0.0.0', OFF)
    cycle.step(4.0)
    assert (cycle.state('0.1.0'), cycle.state('0.1.1')) == (GREEN, RED)
    assert cycle.state('0.0.0') == OFF and cycle.elapsed_s('0.0.0') == 4.0
    cycle.step(2.0)
    assert cycle.state('0.0.0') == YELLOW
    cycle.step(2.0)
    assert states(cycle, ['0.1.0', '0.1.1', '0.0.0']) == [GREEN, GREEN, RED]
    cycle.set_state('0.0.0', GREEN)
    cycle.reset()
    assert states(cycle, ['0.0.0', '0.0.1', '0.1.0']) == [GREEN, GREEN, RED]
    assert cycle.elapsed_s('0.1.0') == 0.0


def test_times_are_of_the_group():
    cycle = Cycle(lights((0, 1)))
    cycle.set_times('0.1.1', green_s=99.0)
    assert cycle.times('0.1.0') == Times(green_s=99.0)
    assert cycle.times('0.0.0') == Times()
    assert cycle.group('0.1.0') == ['0.0.0', '0.0.1', '0.1.0', '0.1.1']


@pytest.mark.parametrize(
    'ask',
    [
        lambda cycle: cycle.state('nobody'),
        lambda cycle: cycle.set_state('0.0.0', 7),
        lambda cycle: cycle.set_times('0.0.0', green_s=-1.0),
        lambda cycle: cycle.set_times('0.0.0', red_s=float('nan')),
    ],
)
def test_wrong_asks_are_answered_in_a_sentence(ask):
    cycle = Cycle(lights((0,)))
    with pytest.raises(CarlaLiteError, match=r'traffic light.*\.$'):
        ask(cycle)
    assert cycle.state('0.0.0') == GREEN


def test_a_town_without_lights_has_a_cycle_too():
    Cycle([]).step(1.0)

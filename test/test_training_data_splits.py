from dataclasses import replace
from itertools import pairwise
import json

import cv2
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from rendered_roads import write_pairs
from training.data.near_duplicates import distinct, small_gray
from training.data.pair_files import Pair
from training.data.pairs import PairsFolder
from training.data.sources import SetConfig, SourceConfig
from training.data.splits import choose_part
from training.errors import DataError


@pytest.fixture
def folder(tmp_path):
    return write_pairs(tmp_path / 'roads', 12, ('background', 'lane_marking', 'road'))


def open_set(folder, **settings):
    return PairsFolder.open(SetConfig(path=folder.name, **settings), folder.parent)


def names_of(folder, **settings):
    return [pair.name for pair in open_set(folder, **settings).pairs]


def list_drives(folder):
    """Two towns of three routes with two samples each, ten metres apart in one line."""
    lines = []
    for number in range(12):
        pose = {'x_m': 10.0 * number, 'y_m': 0.0}
        lines.append({
            'name': f'{number:04}', 'town': f'Town0{number // 6}', 'route': number // 2 % 3,
            'split': 'train', 'camera': {'pose': pose},
        })  # fmt: skip
    (folder / 'samples.jsonl').write_text(''.join(json.dumps(line) + '\n' for line in lines))


def test_whole_routes_and_towns_are_held_out(folder):
    list_drives(folder)
    routes = {'hold_out_routes': (1,)}
    assert names_of(folder, part='held_out', **routes) == ['0002', '0003', '0008', '0009']
    assert len(names_of(folder, part='train', **routes)) == 8
    towns = {'hold_out_towns': ('Town01',)}
    assert names_of(folder, part='held_out', **towns) == [f'{i:04}' for i in range(6, 12)]
    assert names_of(folder, part='train', **towns) == [f'{i:04}' for i in range(6)]


def test_training_keeps_its_distance_from_what_is_held_out(folder):
    list_drives(folder)
    held = {'hold_out_routes': (0,), 'gap_m': 15.0}
    assert names_of(folder, part='held_out', **held) == ['0000', '0001', '0006', '0007']
    # 0002 is 10 m past 0001; 0005 is as near to 0006, but that is another town
    assert names_of(folder, part='train', **held) == ['0003', '0004', '0005', '0009', '0010',
                                                      '0011']  # fmt: skip


@st.composite
def drives(draw):
    places = st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(-50, 50))
    drawn = draw(st.lists(places, min_size=2, max_size=40))
    return {
        f'{number:03}': {
            'town': f'Town{town}', 'route': route, 'camera': {'pose': {'x_m': x_m, 'y_m': 0}}
        }
        for number, (town, route, x_m) in enumerate(drawn)
    }  # fmt: skip


@given(listing=drives(), data=st.data(), gap_m=st.sampled_from([0.0, 3.0, 20.0]))
@settings(max_examples=80, deadline=None)
def test_no_split_by_place_leaks(tmp_path_factory, listing, data, gap_m):
    root = tmp_path_factory.getbasetemp()
    routes = data.draw(st.sets(st.sampled_from([line['route'] for line in listing.values()])))
    towns = data.draw(st.sets(st.sampled_from([line['town'] for line in listing.values()])))
    source = SetConfig(
        hold_out_routes=tuple(routes), hold_out_towns=tuple(towns), gap_m=gap_m, part='train'
    )
    pairs = [Pair(name, root, root) for name in listing]
    if not routes and not towns:
        return
    try:
        train, held = (
            [listing[pair.name] for pair in choose_part(pairs, listing, each, root)]
            for each in (source, replace(source, part='held_out'))
        )
    except DataError as error:
        assert 'is empty' in str(error)
        return
    assert not {line['town'] for line in train} & towns
    assert not {line['route'] for line in train} & routes
    assert all(line['town'] in towns or line['route'] in routes for line in held)
    for line in train:
        for other in held:
            apart = abs(line['camera']['pose']['x_m'] - other['camera']['pose']['x_m'])
            assert line['town'] != other['town'] or apart >= gap_m
    assert gap_m or len(train) + len(held) == len(listing)


@pytest.mark.parametrize(('change', 'told'), [
    ({'hold_out_routes': (7,)}, r'hold_out_routes names 7, samples\.jsonl has routes: 0, 1, 2'),
    ({'hold_out_towns': ('Twon',)}, 'hold_out_towns names Twon.*Town00, Town01'),
    ({'hold_out_routes': (1,), 'hold_out': 3}, 'state one or the other'),
    ({'hold_out_towns': ('Town00', 'Town01')}, 'part train is empty: hold out fewer'),
])  # fmt: skip
def test_a_split_that_cannot_be_made_is_told_in_one_line(folder, change, told):
    list_drives(folder)
    with pytest.raises(DataError, match=told) as caught:
        open_set(folder, part='train', **change)
    assert '\n' not in str(caught.value)


def test_routes_need_a_listing_and_gaps_poses(folder):
    with pytest.raises(DataError, match=r'has no samples\.jsonl that would tell routes'):
        open_set(folder, part='train', hold_out_routes=(1,))
    lines = [{'name': f'{i:04}', 'route': i % 2, 'town': 'Town00'} for i in range(12)]
    (folder / 'samples.jsonl').write_text(''.join(json.dumps(line) + '\n' for line in lines))
    assert len(open_set(folder, part='train', hold_out_routes=(1,))) == 6
    with pytest.raises(DataError, match=r'0000 has none.*set gap_m to 0'):
        open_set(folder, part='train', hold_out_routes=(1,), gap_m=5)


def test_a_gap_to_nothing_is_refused(folder):
    with pytest.raises(DataError, match='gap_m keeps away from held-out routes and towns, and'):
        open_set(folder, part='train', hold_out=2, gap_m=5)


@pytest.mark.parametrize('field', ['hold_out', 'gap', 'shots', 'gap_m', 'skip_near_duplicates'])
def test_a_negative_count_is_refused_by_name(field):
    with pytest.raises(ValueError, match=f'{field}: must be 0 or more'):
        SetConfig(**{field: -1})
    with pytest.raises(ValueError, match='weight'):
        SourceConfig(weight=-0.5)


def stand_still(folder, numbers):
    """Let frames repeat the one before them, but for the noise of a camera."""
    rng = np.random.default_rng(0)
    for number in numbers:
        image = cv2.imread(str(folder / f'images/{number - 1:04}.png'))
        noisy = np.clip(image + rng.normal(0, 2, image.shape).round(), 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f'images/{number:04}.png'), noisy)


def test_frames_of_a_waiting_car_are_left_out_and_counted(folder):
    stand_still(folder, (3, 4, 5, 9))
    pairs = open_set(folder, skip_near_duplicates=1.0)
    assert [pair.name for pair in pairs.pairs] == [
        f'{i:04}' for i in range(12) if i not in (3, 4, 5, 9)
    ]
    assert pairs.near_duplicates == 4
    assert open_set(folder).near_duplicates == 0
    again = open_set(folder, skip_near_duplicates=1.0)
    assert again.pairs == pairs.pairs
    held = open_set(folder, skip_near_duplicates=1.0, part='held_out', hold_out=4)
    assert (len(held), held.near_duplicates) == (3, 1), 'of this part only'


def test_a_slow_change_adds_up():
    step = [np.full((32, 64), value, np.int16) for value in range(0, 40, 2)]
    assert distinct(step, 5.0) == [0, 3, 6, 9, 12, 15, 18]
    assert distinct(step, 1.0) == list(range(20))
    assert distinct([], 1.0) == []


@given(st.lists(st.integers(0, 255), max_size=30), st.integers(1, 40))
def test_neighbours_that_are_kept_differ_and_what_is_left_out_does_not(levels, least):
    small = [small_gray(np.full((4, 8, 3), level, np.uint8)) for level in levels]
    kept = distinct(small, least)
    for position in range(len(levels)):
        last = max(index for index in kept if index <= position)
        apart = np.abs(small[position] - small[last]).mean()
        assert apart < least or position == last
    assert all(np.abs(small[a] - small[b]).mean() >= least
               for a, b in pairwise(kept))  # fmt: skip

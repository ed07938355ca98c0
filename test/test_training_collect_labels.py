"""What the labels of a recording are: told by a picture that tells, checked after, or said."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip('rosbags', reason='rosbags is not installed')

from recordings import image_message, write_bag
from seg_node.carla.tags import NEW_TAGS, OLD_TAGS, TagTable
from seg_node.labels import LANE_MARKING, ROAD, UNLABELLED
from test_training_collect_bag import IMAGE, LABELS, read, scenes
from training.collect import collect
from training.collection.config import BagConfig, CollectConfig, KeepConfig
from training.collection.errors import CollectError


def record_tags(path: Path, tags: Sequence[np.ndarray]) -> Path:
    """Record grey pictures of tags, each below a picture that differs from the others."""
    labels = [image_message(index, picture, 'mono8') for index, picture in enumerate(tags)]
    images = [image_message(index, image) for index, (image, _) in enumerate(scenes(len(tags)))]
    write_bag(path, {IMAGE: images, LABELS: labels})
    return path


def tag_config(bag: Path, output: Path, tags: Any = 'auto') -> CollectConfig:
    source = BagConfig(bag, IMAGE, LABELS, tags=tags)
    return CollectConfig(
        output=output, bag=source, image_format='png', keep=KeepConfig(min_road=0.0)
    )


def masks_of(folder: Path) -> list[np.ndarray]:
    pairs = read(folder)
    return [pairs.read(index)[1] for index in range(len(pairs))]


def tiles(*numbers: int) -> np.ndarray:
    """Return tags, (64, 128) uint8, in columns of these numbers."""
    return np.repeat(np.repeat([numbers], 128 // len(numbers), axis=1), 64, axis=0).astype(
        np.uint8
    )


@pytest.mark.parametrize('table', [OLD_TAGS, NEW_TAGS], ids=['old', 'new'])
def test_a_picture_that_decides_nothing_does_not_decide(tmp_path: Path, table: TagTable) -> None:
    """
    Nothing at all, then no road; and what looks like label ids does not bring them back.

    2 and 1 are a fence and a wall, or a sidewalk and a road.
    """
    empty, wall = np.zeros((64, 128), np.uint8), np.full((64, 128), 11, np.uint8)
    tags = [empty, wall, tiles(11, table.road), tiles(2, 1), tiles(table.road, table.road_line)]
    collect(tag_config(record_tags(tmp_path / 'bag', tags), tmp_path / 'set'), quiet=True)
    for tag, mask in zip(tags, masks_of(tmp_path / 'set'), strict=True):
        assert np.array_equal(mask == ROAD, tag == table.road)
        assert np.array_equal(mask == LANE_MARKING, tag == table.road_line)
        assert np.array_equal(mask == UNLABELLED, tag == 0)


@pytest.mark.parametrize(('tags', 'told', 'truth'), [
    ([(2, 1), (11, 24)], 'looked like label ids first .* with the number 11', 'new'),
    ([(11, 1), (7, 6)], 'the tags of CARLA 0.9.14 .* tags of CARLA 0.9.13', 'old'),
    ([(11, 7), (1, 24)], 'the tags of CARLA 0.9.13 .* tags of CARLA 0.9.14', 'new'),
    ([(11, 20), (11, 12)], 'no picture tells what its numbers mean', 'old'),
])  # fmt: skip
def test_labels_that_contradict_are_refused_until_it_is_said_what_they_are(
    tmp_path: Path, tags: list[tuple[int, ...]], told: str, truth: Any
) -> None:
    pictures = [tiles(*numbers) for numbers in tags]
    bag = record_tags(tmp_path / 'bag', pictures)
    with pytest.raises(CollectError, match=f'{told}.*--bag.tags old') as caught:
        collect(tag_config(bag, tmp_path / 'set'), quiet=True)
    assert '\n' not in str(caught.value) and 'goes on' not in str(caught.value)
    table = {'old': OLD_TAGS, 'new': NEW_TAGS}[truth]
    collect(tag_config(bag, tmp_path / 'told', truth), quiet=True)
    for tag, mask in zip(pictures, masks_of(tmp_path / 'told'), strict=True):
        assert np.array_equal(mask == ROAD, tag == table.road)
        assert np.array_equal(mask == LANE_MARKING, tag == table.road_line)

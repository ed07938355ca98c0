"""From where to where: the sets of each direction, and which frames a seed draws."""

from dataclasses import dataclass
from pathlib import Path
import shutil

import numpy as np
from training.data.pairs import PairsFolder
from training.data.sources import SetConfig

_LANES = ('lane_marking',)


@dataclass(frozen=True)
class Direction:
    """
    One adaptation.

    :param base: what is adapted when nobody says otherwise.
    :param pool: frames that the few are drawn from.
    :param test: frames of the new place that nothing is learnt from.
    :param known: frames of a place that the base knows, to see what is forgotten.
    """

    name: str
    title: str
    base: Path
    pool: SetConfig
    test: SetConfig
    known: SetConfig


def directions(rendered: Path) -> dict[str, Direction]:
    """
    Return the directions by name.

    :param rendered: pairs folder of rendered pictures that no network was trained on.
    """
    track = SetConfig('track_tape', _LANES, hold_out=20)
    town = SetConfig('carla_town_a', _LANES, hold_out=100, gap=10)
    # the shipped model knows the town: it would be no base for its direction
    base, known = Path('runs/rendered_more'), SetConfig(str(rendered.resolve()))
    found = (
        Direction('track', 'To a robot track', base,
                  part_of(track, 'train'), part_of(track, 'held_out'), known),
        Direction('town', 'To a CARLA town', base,
                  part_of(town, 'train'), part_of(town, 'held_out'), known),
    )  # fmt: skip
    return {direction.name: direction for direction in found}


def part_of(item: SetConfig, part: str) -> SetConfig:
    """Return a part of a set."""
    return SetConfig(**{**vars(item), 'part': part})


def drawn(frames: int, shots: int, seed: int) -> list[int]:
    """
    Return which frames a seed draws, in their order.

    More shots of a seed hold all frames that fewer shots hold, so a curve shows what more frames
    add, and not another draw.
    """
    return sorted(np.random.default_rng(seed).permutation(frames)[:shots].tolist())


def link_frames(pool: PairsFolder, indices: list[int], folder: Path) -> SetConfig:
    """
    Make a pairs folder of links to some frames of a set.

    :return: the new set, with what the old one states of its labels.
    """
    shutil.rmtree(folder, ignore_errors=True)  # of a measurement on other data
    for name in ('images', 'masks'):
        (folder / name).mkdir(parents=True)
    for index in indices:
        pair = pool.pairs[index]
        for name, path in (('images', pair.image), ('masks', pair.mask)):
            (folder / name / path.name).symlink_to(path.resolve())
    judged = tuple(name for name, yes in zip(pool.labels, pool.annotated, strict=True) if yes)
    return SetConfig(
        str(folder.resolve()), judged, covers=pool.source.covers, remap=pool.source.remap,
        licence=pool.licence,
    )  # fmt: skip

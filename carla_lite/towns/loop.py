"""LiteLoop: a rounded loop."""

from carla_lite.roads.builder import Builder, Profile, Strip
from carla_lite.roads.network import Mark, Network
from carla_lite.roads.path import Stance, cut, draw, length_of
import numpy as np


def loop_network(rng: np.random.Generator) -> Network:
    """Return a loop of three roads or more."""
    builder = Builder('LiteLoop', 'suburb')
    course = rounded(rng)
    lanes = int(rng.integers(1, 4))
    width = float(rng.uniform(3.0, 3.7))
    dash = Mark('broken')
    strips = tuple(
        Strip('driving', width, dash if index < lanes - 1 else Mark('solid'))
        for index in range(lanes)
    ) + (Strip('sidewalk', 2.0),)
    profile = Profile(strips, strips, Mark('solid solid', 'yellow'))
    count = 4
    marks = np.linspace(0.0, length_of(course), count + 1)
    numbers = [
        builder.road(cut(course, float(a), float(b)), [profile]) for a, b in zip(marks, marks[1:])
    ]
    for first, then in zip(numbers, numbers[1:] + numbers[:1]):
        builder.follow(first, then)
    return builder.build()


def rounded(rng: np.random.Generator):
    """Return a closed line with four round corners."""
    radius = float(rng.uniform(18, 35))
    a, b = float(rng.uniform(90, 150)), float(rng.uniform(50, 90))
    quarter = (radius * np.pi / 2, 1 / radius)
    steps = [(a, 0.0), quarter, (b, 0.0), quarter] * 2
    return draw(Stance(0.0, 0.0, 0.0), steps)

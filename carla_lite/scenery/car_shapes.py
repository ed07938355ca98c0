"""Outlines of vehicles, seen from the side, as shares of their length and height."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Outline:
    """
    A body's upper edge from the front bumper's bottom over the roof to the rear bumper's.

    :param edge: (x, z, half width), x from -0.5 (rear) to 0.5, z 0..1, half width up to 0.5;
        exactly ten: front bottom, grille's top, bonnet's front, bonnet's back, roof's front,
        roof's back, belt's back, boot's end, rear bumper's top, rear bottom.
    :param wheels: x of the axles; ``radius`` as a share of the height.
    :param panes: side windows as x from, to at the belt, and the same at the roof.
    """

    edge: tuple[tuple[float, float, float], ...]
    wheels: tuple[float, ...]
    radius: float
    panes: tuple[tuple[float, float, float, float], ...]
    has_rear_window: bool = True


SALOON = Outline(
    (
        (0.49, 0.16, 0.42),
        (0.5, 0.43, 0.44),
        (0.46, 0.54, 0.45),
        (0.19, 0.67, 0.46),
        (0.03, 0.99, 0.35),
        (-0.2, 1.0, 0.35),
        (-0.37, 0.7, 0.45),
        (-0.48, 0.68, 0.44),
        (-0.5, 0.4, 0.44),
        (-0.49, 0.18, 0.42),
    ),
    (0.3, -0.29),
    0.225,
    ((0.14, -0.06, 0.02, -0.07), (-0.08, -0.32, -0.09, -0.2)),
)

HATCH = Outline(
    (
        (0.49, 0.15, 0.42),
        (0.5, 0.42, 0.44),
        (0.45, 0.53, 0.45),
        (0.21, 0.66, 0.46),
        (0.04, 0.98, 0.37),
        (-0.36, 1.0, 0.37),
        (-0.46, 0.65, 0.45),
        (-0.49, 0.6, 0.45),
        (-0.5, 0.38, 0.45),
        (-0.49, 0.17, 0.43),
    ),
    (0.31, -0.3),
    0.215,
    ((0.16, -0.08, 0.03, -0.09), (-0.1, -0.4, -0.11, -0.34)),
)

VAN = Outline(
    (
        (0.49, 0.13, 0.43),
        (0.5, 0.36, 0.45),
        (0.47, 0.46, 0.46),
        (0.36, 0.55, 0.47),
        (0.24, 0.97, 0.42),
        (-0.48, 1.0, 0.42),
        (-0.495, 0.6, 0.46),
        (-0.497, 0.55, 0.46),
        (-0.5, 0.25, 0.46),
        (-0.49, 0.14, 0.45),
    ),
    (0.31, -0.3),
    0.165,
    ((0.32, 0.12, 0.25, 0.12),),
)

LORRY = Outline(
    (
        (0.49, 0.12, 0.46),
        (0.5, 0.28, 0.47),
        (0.498, 0.3, 0.47),
        (0.497, 0.42, 0.47),
        (0.485, 0.8, 0.45),
        (0.31, 0.82, 0.45),
        (0.3, 0.5, 0.47),
        (0.3, 0.3, 0.47),
        (0.3, 0.2, 0.46),
        (0.3, 0.15, 0.46),
    ),
    (0.36, -0.22, -0.36),
    0.15,
    ((0.48, 0.34, 0.47, 0.34),),
    has_rear_window=False,
)

COACH = Outline(
    (
        (0.495, 0.1, 0.47),
        (0.5, 0.3, 0.48),
        (0.499, 0.33, 0.48),
        (0.498, 0.36, 0.48),
        (0.49, 0.93, 0.47),
        (-0.49, 1.0, 0.47),
        (-0.497, 0.5, 0.48),
        (-0.498, 0.45, 0.48),
        (-0.5, 0.3, 0.48),
        (-0.495, 0.12, 0.47),
    ),
    (0.32, -0.26),
    0.155,
    (
        (0.47, 0.32, 0.46, 0.32),
        (0.3, 0.12, 0.3, 0.12),
        (0.1, -0.08, 0.1, -0.08),
        (-0.1, -0.28, -0.1, -0.28),
        (-0.3, -0.47, -0.3, -0.46),
    ),
)


def outline_of(kind: str, length_m: float, height_m: float) -> Outline:
    """Return the outline of a kind; a car's depends on how long it is for its height."""
    if kind == 'car':
        return SALOON if length_m / height_m > 3.0 else HATCH
    return {'van': VAN, 'truck': LORRY, 'bus': COACH}[kind]

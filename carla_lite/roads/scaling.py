"""A network in another size: tracks of small robots are drawn as streets ten times too large."""

from dataclasses import replace

from carla_lite.roads.network import (
    Corner,
    Crossing,
    Cubic,
    Junction,
    Lane,
    Mark,
    Network,
    Piece,
    Road,
    Section,
    Signal,
)


def scaled(network: Network, size: float) -> Network:
    """Return the network with every length multiplied; its ``scale`` says by how much."""
    return replace(
        network,
        roads=tuple(_road(road, size) for road in network.roads),
        junctions=tuple(_junction(junction, size) for junction in network.junctions),
        scale=network.scale * size,
    )


def _road(road: Road, size: float) -> Road:
    return replace(
        road,
        pieces=tuple(_piece(piece, size) for piece in road.pieces),
        sections=tuple(_section(section, size) for section in road.sections),
        elevation=tuple(_cubic(cubic, size) for cubic in road.elevation),
        superelevation=tuple(
            replace(_cubic(cubic, size), a=cubic.a, b=cubic.b / size, c=cubic.c / size**2,
                    d=cubic.d / size**3)
            for cubic in road.superelevation
        ),
        speed_mps=road.speed_mps * size,
        signals=tuple(_signal(signal, size) for signal in road.signals),
        crossings=tuple(Crossing(c.s * size, c.width_m * size) for c in road.crossings),
        bridges=tuple((begin * size, end * size) for begin, end in road.bridges),
    )  # fmt: skip


def _junction(junction: Junction, size: float) -> Junction:
    corners = tuple(Corner(c.kerb * size, c.outer * size) for c in junction.corners)
    return replace(junction, outline=junction.outline * size, corners=corners)


def _piece(piece: Piece, size: float) -> Piece:
    return Piece(
        piece.s * size,
        piece.x * size,
        piece.y * size,
        piece.heading,
        piece.length * size,
        piece.curvature / size,
    )


def _section(section: Section, size: float) -> Section:
    lanes = tuple(_lane(lane, size) for lane in section.lanes)
    return Section(section.s * size, lanes, _mark(section.middle, size))


def _lane(lane: Lane, size: float) -> Lane:
    widths = tuple(_cubic(cubic, size) for cubic in lane.widths)
    return replace(lane, widths=widths, mark=_mark(lane.mark, size))


def _mark(mark: Mark, size: float) -> Mark:
    return replace(
        mark,
        width_m=mark.width_m * size,
        dash_m=mark.dash_m * size,
        gap_m=mark.gap_m * size,
    )


def _cubic(cubic: Cubic, size: float) -> Cubic:
    return Cubic(cubic.s * size, cubic.a * size, cubic.b, cubic.c / size, cubic.d / size**2)


def _signal(signal: Signal, size: float) -> Signal:
    return replace(signal, s=signal.s * size, t=signal.t * size, height_m=signal.height_m * size)

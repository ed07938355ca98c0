"""
Which samples of a set are for training and which are held out, without leaking.

Neighbours in time are near-duplicates, so samples are never drawn at random: whole blocks, routes
or towns are held out, with a gap in between.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from training.data.listing import Listing, SAMPLES
from training.data.pair_files import Pair
from training.data.sources import SetConfig
from training.errors import DataError


def choose_part(
    pairs: Sequence[Pair], listing: Listing | None, source: SetConfig, folder: Path
) -> tuple[Pair, ...]:
    """
    Return the samples of the source's part, in driving order.

    :param pairs: of the whole set, in driving order.
    :raises DataError: for a part that is empty, or a split that the set cannot make.
    """
    by_place = bool(source.hold_out_routes or source.hold_out_towns)
    if by_place and (source.hold_out or source.gap):
        raise DataError(
            f'{folder}: hold_out and gap cut a block, hold_out_routes and hold_out_towns whole '
            'drives: state one or the other (gap_m keeps drives apart)'
        )
    if source.gap_m and not by_place:
        raise DataError(
            f'{folder}: gap_m keeps away from held-out routes and towns, and none is named: name '
            'them with hold_out_routes or hold_out_towns, or take gap_m out'
        )
    if source.part == 'all':
        return tuple(pairs)
    if by_place:
        chosen = _by_place(pairs, _require(listing, folder), source, folder)
    elif listing is not None and not source.hold_out:
        wanted = {'train': 'train', 'held_out': 'validation'}[source.part]
        chosen = [pair for pair in pairs if listing[pair.name].get('split') == wanted]
    else:
        chosen = _by_block(pairs, source)
    if not chosen:
        raise DataError(
            f'{folder}: part {source.part} is empty with hold_out {source.hold_out} and '
            f'gap {source.gap}: lower them'
            if not by_place
            else f'{folder}: part {source.part} is empty: hold out fewer routes or towns, or '
            f'lower gap_m {source.gap_m:g}'
        )
    return tuple(chosen)


def spread(pairs: tuple[Pair, ...], shots: int, folder: Path) -> tuple[Pair, ...]:
    """
    Take some samples, evenly spread: the first ones of a drive all show the same street.

    :param shots: how many; 0 takes all.
    :raises DataError: when there are not so many.
    """
    if not 0 <= shots <= len(pairs):
        raise DataError(
            f'{folder}: shots is {shots} and the part has {len(pairs)} samples: use 1 to '
            f'{len(pairs)}, or 0 for all'
        )
    if not shots:
        return pairs
    chosen = np.linspace(0, len(pairs) - 1, shots).round().astype(int)
    return tuple(pairs[index] for index in chosen.tolist())


def _by_block(pairs: Sequence[Pair], source: SetConfig) -> list[Pair]:
    border = len(pairs) - source.hold_out
    if source.part == 'train':
        return list(pairs[: max(0, border - source.gap)])
    return list(pairs[max(0, border) :])


def _by_place(
    pairs: Sequence[Pair], listing: Listing, source: SetConfig, folder: Path
) -> list[Pair]:
    _check_named(listing, source, folder)
    held = [_is_held(listing[pair.name], source) for pair in pairs]
    if source.part == 'held_out':
        return [pair for pair, out in zip(pairs, held, strict=True) if out]
    rest = [pair for pair, out in zip(pairs, held, strict=True) if not out]
    if not source.gap_m:
        return rest
    places = {pair.name: _place(listing, pair.name, folder) for pair in pairs}
    border: dict[str, np.ndarray] = {}
    for town in {town for town, _ in places.values()}:
        inside = [
            places[pair.name][1]
            for pair, out in zip(pairs, held, strict=True)
            if out and places[pair.name][0] == town
        ]
        border[town] = np.array(inside, float).reshape(-1, 2)
    return [pair for pair in rest if _is_far(*places[pair.name], border, source.gap_m)]


def _is_held(line: dict, source: SetConfig) -> bool:
    return line.get('route') in source.hold_out_routes or line.get('town') in source.hold_out_towns


def _is_far(
    town: str, place: tuple[float, float], border: dict[str, np.ndarray], gap_m: float
) -> bool:
    away = np.linalg.norm(border[town] - place, axis=1)
    return bool(away.min(initial=np.inf) >= gap_m)


def _place(listing: Listing, name: str, folder: Path) -> tuple[str, tuple[float, float]]:
    line = listing[name]
    try:
        pose = line['camera']['pose']
        return str(line.get('town')), (float(pose['x_m']), float(pose['y_m']))
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f'{folder}: gap_m needs the camera pose of every sample, and {name} has none in '
            f'{SAMPLES}: set gap_m to 0, or hold out whole towns'
        ) from error


def _check_named(listing: Listing, source: SetConfig, folder: Path) -> None:
    """Refuse routes and towns that no sample has: nothing would be held out."""
    for key, wanted in (('route', source.hold_out_routes), ('town', source.hold_out_towns)):
        there = {line[key] for line in listing.values() if key in line}
        if strange := [name for name in wanted if name not in there]:
            known = ', '.join(map(str, sorted(there, key=str))) or 'none'
            raise DataError(
                f'{folder}: hold_out_{key}s names {strange[0]}, {SAMPLES} has {key}s: {known}'
            )


def _require(listing: Listing | None, folder: Path) -> Listing:
    if listing is None:
        raise DataError(
            f'{folder} has no {SAMPLES} that would tell routes and towns: split by block with '
            'hold_out and gap'
        )
    return listing

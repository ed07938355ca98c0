"""The files of a pairs folder: which picture belongs to which mask, and what is missing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.data.listing import Listing, SAMPLES
from training.data.sources import SetConfig
from training.errors import DataError

_PICTURES = ('.jpg', '.jpeg', '.png')
_SOFT = ('.png', '.npz')


@dataclass(frozen=True)
class Pair:
    """One picture and its mask, on disk."""

    name: str
    image: Path
    mask: Path
    soft: Path | None = None  # class probabilities, where the source names a folder of them


def find_pairs(folder: Path, source: SetConfig, listing: Listing | None) -> list[Pair]:
    """
    Return all pairs of a folder in the order of their names, which is the driving order.

    :param listing: what counts, where there is a ``samples.jsonl``.
    :raises DataError: for the first kind of files that lack their partner, or an empty set.
    """
    files = _list_files(folder, source, listing)
    for kind, names in missing_partners(files, listing).items():
        _refuse(kind, names, folder)
    images, masks, soft = files['images'], files['masks'], files.get('soft', {})
    if not images:
        raise DataError(
            f'{folder}: the set is empty; it needs pictures ({", ".join(_PICTURES)}) in '
            f'{source.images}/ and masks of the same names in {source.masks}/'
        )
    return [Pair(name, images[name], masks[name], soft.get(name)) for name in sorted(images)]


def refuse_without_soft_label(pairs: Sequence[Pair], source: SetConfig, folder: Path) -> None:
    """
    Refuse a part of a set of which a teacher has left something out.

    :raises DataError: naming the first sample.
    """
    if source.soft_labels:
        _refuse('soft', [pair.name for pair in pairs if pair.soft is None], folder)


def _refuse(kind: str, names: Sequence[str], folder: Path) -> None:
    if names:
        what, remedy = _REMEDIES[kind]
        raise DataError(f'{folder}: {names[0]} {what} (and {len(names) - 1} more): {remedy}')


#: By kind of gap: what is said of a name, and the remedy.
_REMEDIES = {
    'listed': (f'is listed in {SAMPLES} and not there', 'collect it again or take out its line'),
    'mask': ('has no mask', 'every picture needs a mask of the same name'),
    'picture': ('has no picture', 'every mask needs a picture of the same name'),
    'soft': ('has no soft label', 'let the teacher write one for every picture'),
}


def missing_partners(
    files: dict[str, dict[str, Path]], listing: Listing | None
) -> dict[str, list[str]]:
    """Return the names that lack something, by what they lack."""
    images, masks = set(files['images']), set(files['masks'])
    return {
        'listed': sorted(set(listing or ()) - images - masks),
        'mask': sorted(images - masks),
        'picture': sorted(masks - images),
    }


def list_gaps(folder: Path, source: SetConfig, listing: Listing | None) -> list[tuple[str, str]]:
    """
    Return every name that lacks something, with what is said of it.

    :raises DataError: when a folder of pictures or masks is missing altogether.
    """
    gaps = missing_partners(_list_files(folder, source, listing), listing)
    return [(name, _REMEDIES[kind][0]) for kind, names in gaps.items() for name in names]


def _list_files(
    folder: Path, source: SetConfig, listing: Listing | None
) -> dict[str, dict[str, Path]]:
    """Return the paths by name, of pictures, masks and, where the source has them, soft labels."""
    wanted: dict[str, tuple[str, tuple[str, ...]]]
    wanted = {'masks': (source.masks, _PICTURES), 'images': (source.images, _PICTURES)}
    if source.soft_labels:
        wanted['soft'] = (source.soft_labels, _SOFT)
    files = {}
    for use, (name, suffixes) in wanted.items():
        place = folder / name
        if use == 'soft' and not place.is_dir() and Path(name).is_dir():
            place = Path(name)  # a teacher may have written where the set itself may not be
        found = _by_name(_with_suffix(place, suffixes, use))
        if listing is not None:
            found = {stem: path for stem, path in found.items() if stem in listing}
        files[use] = found
    return files


def _by_name(paths: Iterator[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in paths:
        if (other := found.setdefault(path.stem, path)) != path:
            raise DataError(
                f'{path.parent} holds {path.stem} twice, as {path.suffix} and {other.suffix}: '
                'remove one'
            )
    return found


def _with_suffix(folder: Path, suffixes: tuple[str, ...], use: str) -> Iterator[Path]:
    if not folder.is_dir():
        there = sorted(path.name for path in folder.parent.iterdir() if path.is_dir())
        flag = {'soft': 'soft_labels'}.get(use, use)
        raise DataError(
            f'{folder} is missing: a pairs folder has images/ and masks/, this one has '
            f'{", ".join(there) or "no folders"}; name the right one with {flag} or path'
        )
    return (path for path in folder.iterdir() if path.suffix.lower() in suffixes)

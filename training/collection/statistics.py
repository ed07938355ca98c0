"""What a collection has come to, counted over the lines of ``samples.jsonl``."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
import hashlib
from typing import Any

#: What samples are counted by.
_GROUPS = ('split', 'town', 'weather', 'time')


def summarise(lines: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """
    Count samples and classes.

    :param lines: of the samples, in order.
    :return: ``samples``; by split, town, weather, time and camera how many of them; of each class
        its ``share`` of the pixels and the share of ``pictures`` that show it; ``sha256`` over
        all files, as ``PairsFolder.sha256`` computes it.
    """
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    pixels: Counter[str] = Counter()
    pictures: Counter[str] = Counter()
    hashes = []
    for line in lines:
        for group in _GROUPS:
            groups[group][line[group]] += 1
        groups['camera'][line['camera']['name']] += 1
        pixels.update(line['pixels'])
        pictures.update(name for name, count in line['pixels'].items() if count)
        hashes.append((line['name'], line))
    total, samples = sum(pixels.values()), len(hashes)
    return {
        'samples': samples,
        **{group: dict(sorted(counts.items())) for group, counts in groups.items()},
        'classes': {
            name: {
                'share': round(count / total, 5),
                'pictures': round(pictures[name] / samples, 5),
            }
            for name, count in pixels.items()
        },
        'sha256': _sha256([line for _, line in sorted(hashes, key=lambda item: item[0])]),
    }


def _sha256(lines: Iterable[Mapping[str, Any]]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        for kind in ('image', 'mask'):
            digest.update(f'{line[kind]}\0'.encode())
            digest.update(bytes.fromhex(line[f'{kind}_sha256']))
    return digest.hexdigest()

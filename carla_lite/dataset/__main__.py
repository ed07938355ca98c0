"""
Draw a pairs folder of rendered roads: pictures, masks and where each is from.

Every sample follows from the settings and its number alone, so a run that was stopped goes on
where it was. Ingredients can be left out, one or several, to learn what each is worth.
"""

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
import hashlib
import json
import os
from pathlib import Path
import sys
import time

from carla_lite.dataset.sample import TownSamples
from carla_lite.dataset.settings import read_settings, Settings
from carla_lite.errors import CarlaLiteError
import cv2


def draw_town(settings: Settings, number: int, samples: int, out: Path) -> list[str]:
    """
    Draw the samples of one town that are not there yet.

    :return: the lines of ``samples.jsonl``, also of those that were there.
    """
    facts_file = out / 'towns' / f'{number:05d}.jsonl'
    if facts_file.exists():
        return facts_file.read_text(encoding='utf-8').splitlines()
    cv2.setNumThreads(1)
    town = TownSamples(settings, number)
    lines = []
    for index in range(samples):
        sample = town.sample(index)
        name = f'{number:05d}_{index:03d}'
        quality = [cv2.IMWRITE_JPEG_QUALITY, settings.jpeg_quality]
        _write(out / 'images' / f'{name}.jpg', sample.picture, quality)
        _write(out / 'masks' / f'{name}.png', sample.mask, [cv2.IMWRITE_PNG_COMPRESSION, 3])
        files = {'name': name, 'image': f'images/{name}.jpg', 'mask': f'masks/{name}.png'}
        lines.append(json.dumps(files | sample.facts))
    _write_text(facts_file, '\n'.join(lines) + '\n')
    return lines


def draw_all(settings: Settings, frames: int, out: Path, workers: int) -> None:
    """Draw a whole data set; what is there already is kept."""
    for folder in ('images', 'masks', 'towns'):
        (out / folder).mkdir(parents=True, exist_ok=True)
    _claim(out, settings)
    each = settings.frames_per_town
    counts = [min(each, frames - start) for start in range(0, frames, each)]
    begin_s = time.monotonic()
    lines: list[str] = []
    with ProcessPoolExecutor(workers) as pool:
        jobs = [
            pool.submit(draw_town, settings, number, count, out)
            for number, count in enumerate(counts)
        ]
        for done, job in enumerate(jobs, 1):
            lines += job.result()
            rate = len(lines) / (time.monotonic() - begin_s)
            if done % 10 == 0 or done == len(jobs):
                print(f'{len(lines)} of {frames} pairs, {rate:.1f} a second', file=sys.stderr)
    _write_text(out / 'samples.jsonl', '\n'.join(lines) + '\n')


def _claim(out: Path, settings: Settings) -> None:
    """Write what the folder is, or refuse one that was begun with other settings."""
    text = json.dumps(settings.as_dict(), sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    statement = out / 'dataset.json'
    if statement.exists():
        there = json.loads(statement.read_text(encoding='utf-8')).get('settings_sha256')
        if there != digest:
            raise CarlaLiteError(f'{out} was drawn with other settings: name another --out')
        return
    content = {
        'labels': {'background': 0, 'lane_marking': 1, 'road': 2},
        'annotated': ['background', 'lane_marking', 'road'],
        'licence': 'Apache-2.0',
        'origin': 'carla_lite.dataset',
        'settings': settings.as_dict(),
        'settings_sha256': digest,
    }
    _write_text(statement, json.dumps(content, indent=2) + '\n')


def _write(path: Path, image: object, parameters: list[int]) -> None:
    encoded = cv2.imencode(path.suffix, image, parameters)[1].tobytes()  # type: ignore[call-overload]
    temporary = path.with_suffix('.part')
    temporary.write_bytes(encoded)
    temporary.replace(path)


def _write_text(path: Path, text: str) -> None:
    temporary = path.with_suffix('.part')
    temporary.write_text(text, encoding='utf-8')
    temporary.replace(path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        settings = read_settings(options.settings) if options.settings else Settings()
        if options.seed is not None:
            settings = replace(settings, seed=options.seed)
        for name in options.without:
            settings = settings.without(name)
        draw_all(settings, options.frames, options.out, options.workers)
    except (CarlaLiteError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='python -m carla_lite.dataset', description=__doc__)
    parser.add_argument(
        '--settings', type=Path, metavar='JSON', help='as carla_lite/dataset/settings.py states'
    )
    parser.add_argument('--frames', type=int, default=1000, help='how many pairs')
    parser.add_argument('--out', type=Path, default=Path('out/rendered'), metavar='DIR')
    parser.add_argument('--seed', type=int, help="another than the settings'")
    parser.add_argument(
        '--without', action='append', default=[], metavar='INGREDIENT',
        help='leave one out: shadows, grain, lens, looks, town:LiteTrack ...; may be repeated',
    )  # fmt: skip
    parser.add_argument('--workers', type=int, default=os.cpu_count() or 1, metavar='N')
    return parser


if __name__ == '__main__':
    sys.exit(main())

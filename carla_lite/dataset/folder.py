"""The pairs folder on disk: whole files only, and nothing drawn twice."""

from collections.abc import Sequence
import hashlib
import json
import os
from pathlib import Path

from carla_lite.dataset.sample import Sample
from carla_lite.dataset.settings import Settings
from carla_lite.errors import CarlaLiteError
import cv2
import numpy as np


class PairsFolder:
    """
    A folder of drawn pairs.

    :param path: ``images/``, ``masks/``, ``towns/`` (what is drawn of each), ``samples.jsonl`` and
        ``dataset.json``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def claim(self, settings: Settings) -> None:
        """
        Say what the folder is.

        :raises CarlaLiteError: when it was begun with other settings, or its statement is damaged.
        """
        text = json.dumps(settings.as_dict(), sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()
        statement = self.path / 'dataset.json'
        if statement.exists():
            if _digest_in(statement) != digest:
                raise CarlaLiteError(
                    f'{self.path} was drawn with other settings: name another --out'
                )
            return
        content = {
            'labels': {'background': 0, 'lane_marking': 1, 'road': 2},
            'annotated': ['background', 'lane_marking', 'road'],
            'licence': 'Apache-2.0',
            'origin': 'carla_lite.dataset',
            'settings': settings.as_dict(),
            'settings_sha256': digest,
        }
        _write(statement, (json.dumps(content, indent=2) + '\n').encode())

    def lines_of(self, town: int) -> list[str]:
        """Return the lines of a town's samples that are drawn already; damaged ones are not."""
        try:
            lines = self._town(town).read_text(encoding='utf-8').splitlines()
            return lines if all(isinstance(json.loads(line), dict) for line in lines) else []
        except (FileNotFoundError, ValueError):
            return []

    def add(self, town: int, index: int, sample: Sample, jpeg_quality: int) -> str:
        """Write a sample's files; return its line."""
        name = f'{town:05d}_{index:03d}'
        files = {'name': name, 'image': f'images/{name}.jpg', 'mask': f'masks/{name}.png'}
        quality = [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality]
        _write_picture(self.path / files['image'], sample.picture, quality)
        _write_picture(self.path / files['mask'], sample.mask, [cv2.IMWRITE_PNG_COMPRESSION, 3])
        return json.dumps(files | sample.facts)

    def close_town(self, town: int, lines: Sequence[str]) -> None:
        """Say that a town's samples are drawn."""
        _write_lines(self._town(town), lines)

    def close(self, lines: Sequence[str]) -> None:
        """List all samples."""
        _write_lines(self.path / 'samples.jsonl', lines)

    def _town(self, number: int) -> Path:
        return self.path / 'towns' / f'{number:05d}.jsonl'


def _digest_in(statement: Path) -> str:
    try:
        return json.loads(statement.read_text(encoding='utf-8'))['settings_sha256']
    except (ValueError, KeyError, TypeError) as error:
        raise CarlaLiteError(
            f'{statement} is damaged: remove the folder, or name another --out'
        ) from error


def _write_lines(path: Path, lines: Sequence[str]) -> None:
    _write(path, ''.join(f'{line}\n' for line in lines).encode())


def _write_picture(path: Path, image: np.ndarray, parameters: list[int]) -> None:
    _write(path, cv2.imencode(path.suffix, image, parameters)[1].tobytes())


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix('.part')
    with temporary.open('wb') as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)

"""Picture files, one or a folder of them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
import re

import cv2
import numpy as np
from seg_node.frame import Frame
from seg_node.image_decoding import check_size, ImageError
from seg_node.image_headers import encoded_size, HeaderError
from seg_node.sources.base import Source, SourceError, SourceFrame, SourceKind

IMAGE_SUFFIXES = frozenset(
    {'.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff', '.pgm', '.ppm'}
)
#: Files whose end and size are looked at before they are decoded.
_CHECKED_SUFFIXES = frozenset({'.jpg', '.jpeg', '.png'})


class ImageSource(Source):
    """Picture files in the order given; they have no clock, so every stamp is 0."""

    def __init__(self, path: Path, paths: Sequence[Path], kind: SourceKind) -> None:
        """
        Take picture files.

        :param path: what the user named: the folder, or the one file.
        :param paths: the files in order.
        :param kind: ``folder`` or ``image``.
        """
        super().__init__(path)
        self.kind = kind
        self.paths = tuple(paths)
        self.length = len(self.paths)
        stems = Counter(path.stem for path in self.paths)
        self._names = [
            path.stem if stems[path.stem] == 1 else path.name.replace('.', '_')
            for path in self.paths
        ]

    @classmethod
    def of_folder(cls, folder: Path) -> 'ImageSource':
        """
        Take the pictures of a folder, ``frame2`` before ``frame10``.

        :raises SourceError: when there are none.
        """
        paths = [
            path
            for path in folder.iterdir()
            if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith('.')
        ]
        if not paths:
            raise SourceError(
                f'no pictures in {folder}: they should end in {", ".join(sorted(IMAGE_SUFFIXES))}'
            )
        return cls(folder, sorted(paths, key=_natural_order), 'folder')

    def _read(self) -> Iterator[SourceFrame]:
        for name, path in zip(self._names, self.paths, strict=True):
            try:
                yield SourceFrame(name, Frame(read_image(path), 'bgr'))
            except (ImageError, OSError) as error:
                self.faults.append(f'{path.name}: {error}')


def read_image(path: Path) -> np.ndarray:
    """
    Read a picture file, turned as its EXIF orientation says.

    :return: (H, W, 3) uint8 BGR.
    :raises ImageError: for a file that is damaged or no picture.
    """
    content = path.read_bytes()
    if path.suffix.lower() in _CHECKED_SUFFIXES:
        try:
            check_size(*encoded_size(content))
        except HeaderError as error:
            raise ImageError(str(error)) from error
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise ImageError('damaged') from error
    if image is None:
        raise ImageError('damaged')
    return image


def _natural_order(path: Path) -> list[tuple[int, int, str]]:
    """Sort digits by value and before text."""
    parts = re.split(r'(\d+)', path.name)
    return [(0, int(part), part) if part.isdecimal() else (1, 0, part) for part in parts if part]

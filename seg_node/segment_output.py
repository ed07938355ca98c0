"""Files that a run leaves: masks, overlays as pictures or as one video, each whole or absent."""

from collections.abc import Iterator
from contextlib import contextmanager, ExitStack
from pathlib import Path

import cv2
import numpy as np
from seg_node.atomic_files import replacing, write_bytes
from seg_node.errors import SegNodeError
from seg_node.paths import not_written

#: MPEG-4 part 2: every OpenCV build can write it, unlike H.264.
_VIDEO_CODEC = 'mp4v'
_JPEG_QUALITY = 90
_FAST_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 1)


class OutputError(SegNodeError):
    """A result that cannot be written."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """
    Write a file or make a folder within the block.

    :raises PathError: when the system does not let us.
    """
    try:
        yield
    except OSError as error:
        raise not_written(path, error) from error


class ResultWriter:
    """
    Writes the results of one run below a folder.

    ``masks/NAME.png`` holds label ids. Overlays become ``overlays/NAME.jpg``, or the one
    ``overlay.mp4`` of a video, which appears when the run ends well and not before.
    """

    def __init__(self, folder: Path, video_rate_hz: float | None = None) -> None:
        """
        Prepare a folder.

        :param folder: made when missing; files of the same names are replaced.
        :param video_rate_hz: write the overlays as a video of this rate.
        """
        self._folder = folder
        self._video = (
            OverlayVideo(folder / 'overlay.mp4', video_rate_hz) if video_rate_hz else None
        )
        with writing(folder / 'masks'):
            (folder / 'masks').mkdir(parents=True, exist_ok=True)

    def write(self, name: str, labels: np.ndarray, overlay: np.ndarray) -> None:
        """
        Write the results of one frame.

        :param name: names the files.
        :param labels: (H, W) uint8 label ids.
        :param overlay: (H, W, 3) uint8 BGR.
        """
        self._put(f'masks/{name}.png', encode('.png', labels, _FAST_PNG))
        if self._video is not None:
            self._video.write(overlay)
        else:
            content = encode('.jpg', overlay, (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))
            self._put(f'overlays/{name}.jpg', content)

    def _put(self, name: str, content: bytes) -> None:
        with writing(self._folder / name):
            write_bytes(self._folder / name, content)

    def __enter__(self) -> 'ResultWriter':
        return self

    def __exit__(self, *exception: object) -> None:
        if self._video is not None:
            self._video.close(*exception)


class OverlayVideo:
    """An MP4 that stands at its path only when it was closed without an exception."""

    def __init__(self, path: Path, rate_hz: float) -> None:
        self._path = path
        self._rate_hz = rate_hz
        self._stack = ExitStack()
        self._writer: cv2.VideoWriter | None = None

    def write(self, picture: np.ndarray) -> None:
        """Append a picture, (H, W, 3) uint8 BGR; all must have the size of the first."""
        if self._writer is None:
            self._writer = self._open(picture)
        self._writer.write(picture)

    def close(self, *exception: object) -> None:
        """Finish the file, or drop it when given an exception."""
        if self._writer is not None:
            self._writer.release()
            self._writer = None
        with writing(self._path):
            self._stack.__exit__(*(exception or (None, None, None)))  # type: ignore[arg-type]

    def _open(self, picture: np.ndarray) -> cv2.VideoWriter:
        with writing(self._path):
            temporary = self._stack.enter_context(replacing(self._path))
        height, width = picture.shape[:2]
        codec = cv2.VideoWriter.fourcc(*_VIDEO_CODEC)
        writer = cv2.VideoWriter(str(temporary), codec, self._rate_hz, (width, height))
        if not writer.isOpened():
            raise OutputError(
                f'OpenCV cannot write {self._path}: install opencv-python-headless, or give '
                'pictures instead of a video'
            )
        return writer


def encode(suffix: str, picture: np.ndarray, settings: tuple[int, ...] = ()) -> bytes:
    """
    Encode a picture as the content of a file.

    :param suffix: ``.png`` or ``.jpg``.
    :param picture: (H, W) or (H, W, 3) uint8 BGR.
    :param settings: of ``cv2.imencode``.
    """
    done, content = cv2.imencode(suffix, picture, settings)
    if not done:
        raise OutputError(f'OpenCV cannot write {suffix} pictures of shape {picture.shape}')
    return content.tobytes()

"""Video files, read by OpenCV's FFmpeg."""

from collections.abc import Iterator
from contextlib import contextmanager
import os
from pathlib import Path

import cv2
from seg_node.frame import Frame
from seg_node.sources.base import Source, SourceError, SourceFrame

#: Where a file does not state its rate, or states nonsense.
_DEFAULT_RATE_HZ = 30.0
_MAX_RATE_HZ = 1000.0
# FFmpeg's own complaints would stand above our one line; only fatal ones are left
_QUIET = ('OPENCV_FFMPEG_LOGLEVEL', '8')


class VideoSource(Source):
    """Frames of a video; their stamps count from 0 at the rate that the file states."""

    kind = 'video'

    def __init__(self, path: Path) -> None:
        """
        Open a video once to see what it is.

        :raises SourceError: when it is no video, or one without frames.
        """
        super().__init__(path)
        capture = self._open()
        try:
            rate_hz = capture.get(cv2.CAP_PROP_FPS)
            length = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
            if not capture.grab():
                raise SourceError(f'{path} holds no frames: it may not have been recorded whole')
        finally:
            capture.release()
        self.rate_hz = rate_hz if 0 < rate_hz <= _MAX_RATE_HZ else _DEFAULT_RATE_HZ
        self.length = length if length > 0 else None

    def _read(self) -> Iterator[SourceFrame]:
        capture = self._open()
        index = 0
        try:
            while True:
                done, image = capture.read()
                if not done:
                    break
                stamp_ns = round(index * 1e9 / (self.rate_hz or _DEFAULT_RATE_HZ))
                yield SourceFrame(f'{index:06d}', Frame(image, 'bgr', stamp_ns))
                index += 1
        finally:
            capture.release()
        if self.length and index < self.length:
            self.faults.append(f'{self.path.name}: ends after {index} of {self.length} frames')

    def _open(self) -> cv2.VideoCapture:
        os.environ.setdefault(*_QUIET)
        with _quiet():
            capture = cv2.VideoCapture(str(self.path), cv2.CAP_FFMPEG)
        if not capture.isOpened():
            raise SourceError(
                f'{self.path} is neither a picture, a bag nor a video that OpenCV can read: '
                'check that it was recorded and copied whole'
            )
        return capture


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep OpenCV from warning of what is told better here; 4.6 (Ubuntu 24.04) has no way to."""
    logging = getattr(cv2.utils, 'logging', None)
    if logging is None:
        yield
        return
    before = logging.getLogLevel()
    logging.setLogLevel(logging.LOG_LEVEL_ERROR)
    try:
        yield
    finally:
        logging.setLogLevel(before)

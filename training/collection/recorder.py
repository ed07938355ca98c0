"""From moments to files, in a thread of its own, so that the simulator never waits for a disk."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
import hashlib
import queue
import threading
import time
from typing import Any

import cv2
import numpy as np
from seg_node.labels import LANE_LABELS, UNLABELLED
from training.collection.config import CollectConfig, sun_altitude_deg
from training.collection.errors import CollectError
from training.collection.filters import check_road, SplitGap, Standstill
from training.collection.ledger import Ledger
from training.collection.moment import Developed, Moment, SkipError, Skipped
from training.collection.sample_folder import EncodedSample, IMAGES, MASKS, SampleFolder

#: Moments that may wait for the thread; each holds its pictures.
_WAITING = 8
#: A kill costs at most this much work.
_COMMIT_SAMPLES, _COMMIT_S = 32, 2.0


@dataclass(frozen=True)
class DriveEnd:
    """The last step of a drive has been handed over."""

    number: int


@dataclass
class Progress:
    """What has come of the moments so far, runs before this one included."""

    samples: int
    skipped: Counter[str] = field(default_factory=Counter)
    drive: int = 0
    step: int = 0
    seconds: float = 0.0


class Recorder:
    """Judges, encodes and writes moments in the order they are put."""

    def __init__(
        self,
        folder: SampleFolder,
        config: CollectConfig,
        advance: Callable[[Progress], None] = lambda progress: None,
    ) -> None:
        """
        Start the thread, going on where the folder's ledger stands.

        :param folder: open; stays so.
        :param advance: called by the thread after each moment.
        """
        self._folder, self._config, self._advance = folder, config, advance
        ledger = folder.ledger
        self.progress = Progress(
            ledger.samples, Counter(ledger.skipped), ledger.drive, ledger.step, ledger.seconds
        )
        self._still, self._gap = Standstill(config.keep), SplitGap(config.split.gap_m)
        self._still.restore(ledger.memory)
        for line in folder.lines():
            if view := line['camera'].get('pose'):
                self._gap.keep(line['town'], line['split'], view['x_m'], view['y_m'])
        self._lines: list[dict[str, Any]] = []
        self._committed_s = time.monotonic()
        self._queue: queue.Queue[Moment | Skipped | DriveEnd | None] = queue.Queue(_WAITING)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name='recorder', daemon=True)
        self._thread.start()

    def put(self, item: Moment | Skipped | DriveEnd) -> None:
        """
        Hand over what came next; waits when the thread is far behind.

        :raises CollectError: when the thread has met one, for this or an earlier moment.
        """
        self._hand_over(item)
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """
        Write what was put, make it count, end the thread.

        :raises CollectError: when that fails.
        """
        self._hand_over(None)
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def __enter__(self) -> 'Recorder':
        return self

    def __exit__(self, kind: object, *_exception: object) -> None:
        try:
            self.close()
        except CollectError:
            if kind is None:
                raise
            # what ended the block is told; the folder stands as it was last committed

    def _hand_over(self, item: Moment | Skipped | DriveEnd | None) -> None:
        while self._thread.is_alive():
            try:
                self._queue.put(item, timeout=0.2)
            except queue.Full:
                continue
            return

    def _run(self) -> None:
        try:
            while (item := self._queue.get()) is not None:
                self._take_or_salvage(item)
                late_s = time.monotonic() - self._committed_s
                if len(self._lines) >= _COMMIT_SAMPLES or late_s > _COMMIT_S:
                    self._commit()
            self._commit()
        except BaseException as error:  # told by the next put or close
            self._failure = error

    def _take_or_salvage(self, item: Moment | Skipped | DriveEnd) -> None:
        try:
            self._take(item)
        except BaseException:
            with suppress(CollectError):  # what was written before may still be made to count
                self._commit()
            raise

    def _take(self, item: Moment | Skipped | DriveEnd) -> None:
        progress = self.progress
        if isinstance(item, DriveEnd):
            progress.drive, progress.step = item.number + 1, 0
            return
        if isinstance(item, Skipped):
            progress.skipped[item.reason] += 1
        else:
            try:
                self._record(item)
                progress.samples += 1
            except SkipError as skip:
                progress.skipped[str(skip)] += 1
        progress.drive, progress.step = item.drive.number, item.step + 1
        self._advance(progress)

    def _record(self, moment: Moment) -> None:
        """
        Write one moment.

        :raises SkipError: when it is not worth keeping.
        """
        self._still.check_view(moment)
        place = None if moment.view is None else (moment.view.x_m, moment.view.y_m)
        drive = moment.drive
        town = moment.facts.get('town', drive.town)
        if place:
            self._gap.check(town, drive.split, *place)
        developed = moment.develop()
        pixels = np.bincount(developed.labels.reshape(-1), minlength=256)
        check_road(pixels, self._config.keep.min_road)
        thumbnail = self._still.check_picture(moment, developed.image)
        sample = self._encode(moment, developed, pixels)
        self._folder.put(sample)
        self._lines.append(sample.line)
        self._still.keep(moment, thumbnail)
        if place:
            self._gap.keep(town, drive.split, *place)

    def _encode(self, moment: Moment, developed: Developed, pixels: np.ndarray) -> EncodedSample:
        config = self._config
        suffix = f'.{config.image_format}'
        quality = (cv2.IMWRITE_JPEG_QUALITY, config.jpeg_quality) if suffix == '.jpg' else _FAST
        image, mask = (
            _encode(suffix, developed.image, quality),
            _encode('.png', developed.labels, _FAST),
        )
        name = sample_name(moment)
        line = {
            'name': name,
            'image': f'{IMAGES}/{name}{suffix}',
            'mask': f'{MASKS}/{name}.png',
            **describe(moment, developed.image.shape[1], developed.image.shape[0]),
            'pixels': _pixel_counts(pixels),
            'image_sha256': hashlib.sha256(image).hexdigest(),
            'mask_sha256': hashlib.sha256(mask).hexdigest(),
        }
        return EncodedSample(name, suffix, image, mask, line)

    def _commit(self) -> None:
        """
        Make what was taken count.

        :raises CollectError: when that fails; the ledger then stays at the samples that count,
            for a step that is noted without its sample would never be taken again.
        """
        progress, now_s = self.progress, time.monotonic()
        progress.seconds += now_s - self._committed_s
        self._committed_s = now_s
        ledger = Ledger(
            what=self._folder.ledger.what,
            drive=progress.drive,
            step=progress.step,
            skipped=dict(progress.skipped),
            memory=self._still.memory(),
            seconds=round(progress.seconds, 3),
        )
        self._folder.commit(self._lines, ledger)
        self._lines = []


#: PNG at its quickest: masks compress well at any level.
_FAST = (cv2.IMWRITE_PNG_COMPRESSION, 1)


def sample_name(moment: Moment) -> str:
    """Name a sample after drive and step, so that names sort in driving order."""
    return f'{moment.drive.number:04d}_{moment.step:05d}'


def describe(moment: Moment, width: int, height: int) -> dict[str, Any]:
    """Return what ``samples.jsonl`` says of a moment."""
    drive = moment.drive
    camera: dict[str, Any] = {'name': drive.camera.name, 'width': width, 'height': height}
    if moment.view is not None:
        camera['pose'] = {name: round(value, 4) for name, value in vars(moment.view).items()}
        camera['height_m'] = drive.camera.height_m
    if moment.k is not None:
        camera['k'] = list(moment.k)
    return {
        'split': drive.split,
        'town': drive.town,
        'weather': drive.weather,
        'time': drive.time,
        'sun_altitude_deg': sun_altitude_deg(drive.time),
        'route': drive.route,
        'drive': drive.number,
        'step': moment.step,
        'frame': moment.frame,
        'stamp_ns': moment.stamp_ns,
        'camera': camera,
        **moment.facts,
    }


def _pixel_counts(pixels: np.ndarray) -> dict[str, int]:
    counts = {label.name: int(pixels[label.id]) for label in LANE_LABELS}
    return {**counts, 'unlabelled': int(pixels[UNLABELLED])}


def _encode(suffix: str, picture: np.ndarray, settings: tuple[int, ...]) -> bytes:
    done, content = cv2.imencode(suffix, picture, settings)
    if not done:
        raise CollectError(f'OpenCV cannot write {suffix} pictures of shape {picture.shape}')
    return content.tobytes()

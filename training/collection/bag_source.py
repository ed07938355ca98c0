"""Pairs from a recording: messages of two image topics with exactly the same stamp."""

from collections.abc import Iterator
from contextlib import suppress
import heapq
from typing import Any, NamedTuple

from seg_node.cdr_stamp import read_stamp_ns
from seg_node.image_decoding import ImageError
from seg_node.preprocess import to_bgr
from seg_node.sources.bag import BagMessage, BagSource, CAMERA_INFO_TYPE
from seg_node.sources.base import SourceError
from training.collection.camera import CameraConfig
from training.collection.config import BagConfig, CollectConfig
from training.collection.errors import CollectError
from training.collection.label_reader import LabelReader
from training.collection.moment import DAMAGED, Developed, LOST_PAIR, Moment, SkipError, Skipped
from training.collection.schedule import Drive

#: How long a message waits for its partner, on the recorder's clock.
_PATIENCE_NS = 5_000_000_000
_IMAGE, _LABELS = 0, 1


class BagPairs:
    """The pairs of a rosbag2 recording, in the order in which they became complete."""

    def __init__(self, config: CollectConfig) -> None:
        """
        Open the recording.

        :raises SegNodeError: when it is no bag, or a topic is missing.
        """
        self._config = config.bag
        self._image = _open(config.bag, config.bag.image, 'image')
        try:
            self._labels = _open(config.bag, config.bag.labels, 'labels')
        except BaseException:
            self._image.close()
            raise
        self._reader = LabelReader(self._labels.topic, config.bag.tags)

    def close(self) -> None:
        """Close the recording's files."""
        self._image.close()
        self._labels.close()

    def __enter__(self) -> 'BagPairs':
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def schedule(self) -> tuple[Drive, ...]:
        """Return the one drive that a recording is."""
        bag = self._config
        camera = CameraConfig(name=self._image.topic)
        return (Drive(0, bag.town, bag.weather, 'preset', 0, camera, bag.split),)

    def origin(self) -> dict[str, Any]:
        """Say which recording the samples come from."""
        topics = {'image': self._image.topic, 'labels': self._labels.topic}
        return {'bag': self._image.path.name, **topics}

    def drive(self, drive: Drive, first_step: int) -> Iterator[Moment | Skipped]:
        """Yield pairs and messages without partner, from a step on; nothing is decoded here."""
        self._look_what_labels_are()
        k = self._camera_matrix()
        for step, found in enumerate(self._pairs()):
            if step < first_step:
                continue
            if found.image is None or found.labels is None:
                yield Skipped(drive, step, LOST_PAIR)
            else:
                yield self._moment(drive, step, found, k)
        if faults := [*self._image.faults, *self._labels.faults]:
            raise CollectError(f'{faults[0]}: what came before is kept; mend the bag or leave it')

    def _moment(
        self, drive: Drive, step: int, found: 'Stamped', k: tuple[float, ...] | None
    ) -> Moment:
        def develop() -> Developed:
            assert found.image is not None
            assert found.labels is not None
            try:
                image = self._image.decode(found.image)
                labels = self._labels.decode(found.labels)
            except ImageError as error:
                raise SkipError(DAMAGED) from error
            if image.size != labels.size:
                raise SkipError('labels of another size')
            return Developed(to_bgr(image.image, image.pixel_format), self._reader.read(labels))

        return Moment(drive, step, step, found.stamp_ns, develop, k=k)

    def _look_what_labels_are(self) -> None:
        """Look from the recording's beginning on, so that a resumed run decides as the first."""
        for message in self._labels.messages():
            with suppress(ImageError):  # a damaged message decides nothing
                if self._reader.learn(self._labels.decode(message)):
                    break
        self._reader.check_decided()

    def _camera_matrix(self) -> tuple[float, ...] | None:
        if self._image.camera_info_topic is None:
            return None
        for message in self._image.messages(with_camera_info=True):
            if message.message_type == CAMERA_INFO_TYPE:
                return tuple(float(value) for value in self._image.parse(message).k)
        return None

    def _pairs(self) -> Iterator['Stamped']:
        """Match messages by stamp; those without partner come when their time is over."""
        waiting: dict[int, tuple[int, int, BagMessage]] = {}  # stamp: kind, received, message
        arriving = heapq.merge(
            ((message.received_ns, _IMAGE, message) for message in self._image.messages()),
            ((message.received_ns, _LABELS, message) for message in self._labels.messages()),
            key=lambda item: item[:2],
        )
        for received_ns, kind, message in arriving:
            try:
                stamp_ns = read_stamp_ns(message.content)
            except ValueError:
                yield Stamped(0, None, None)
                continue
            partner = waiting.pop(stamp_ns, None)
            if partner is None:
                waiting[stamp_ns] = kind, received_ns, message
            elif partner[0] == kind:  # a stamp twice: the older one is of no use any more
                waiting[stamp_ns] = kind, received_ns, message
                yield _alone(stamp_ns, *partner)
            else:
                image, labels = (message, partner[2])[:: 1 if kind == _IMAGE else -1]
                yield Stamped(stamp_ns, image, labels)
            while waiting:
                oldest_ns, entry = next(iter(waiting.items()))
                if received_ns - entry[1] <= _PATIENCE_NS:
                    break
                yield _alone(oldest_ns, *waiting.pop(oldest_ns))
        for stamp_ns, entry in waiting.items():
            yield _alone(stamp_ns, *entry)


class Stamped(NamedTuple):
    """What was recorded for one stamp."""

    stamp_ns: int
    image: BagMessage | None
    labels: BagMessage | None


def _open(bag: BagConfig, topic: str, flag: str) -> BagSource:
    assert bag.path is not None
    try:
        return BagSource(bag.path, topic or None)
    except SourceError as error:
        raise CollectError(f'{error} (--bag.{flag})') from error


def _alone(stamp_ns: int, kind: int, _received_ns: int, message: BagMessage) -> Stamped:
    return Stamped(stamp_ns, *((message, None) if kind == _IMAGE else (None, message)))

"""What a label topic of a recording holds, found out from its pictures, and label ids of it."""

from typing import Literal

import numpy as np
from seg_node.carla.tags import (
    labels_of_picture,
    NEW_TAGS,
    OLD_TAGS,
    recognise,
    recognise_table,
    TagError,
    TagTable,
)
from seg_node.frame import Frame
from seg_node.labels import LANE_LABELS, UNLABELLED
from seg_node.preprocess import to_bgr
from training.collection.errors import CollectError, SpoiltError
from training.collection.moment import DAMAGED, SkipError

TagsConfig = Literal['auto', 'old', 'new']
_LABEL_IDS = (*(label.id for label in LANE_LABELS), UNLABELLED)
_TABLES: dict[str, TagTable] = {'old': OLD_TAGS, 'new': NEW_TAGS}


class LabelReader:
    """
    Finds out what a label topic holds, and turns it into label ids.

    Grey pictures of nothing but label ids are label ids; other grey ones are semantic tags.
    Coloured ones are tags in the red channel, or in the colours of the palette.
    """

    def __init__(self, topic: str, tags: TagsConfig = 'auto') -> None:
        """
        Know nothing of the topic yet, unless it is told.

        :param tags: the table of tags that it holds; ``auto`` finds out.
        """
        self._topic = topic
        self._table = _TABLES.get(tags)
        self._holds: Literal['ids', 'tags', 'palette'] | None = 'tags' if self._table else None
        self._is_certain = self._table is not None

    def learn(self, frame: Frame) -> bool:
        """
        Learn from a picture what the topic holds; return whether that is known now.

        A picture of nothing but 0 fits everything, and one without road fits both tables.

        :raises CollectError: when the picture shows that the topic holds no labels.
        """
        picture = _picture_of(frame)
        if self._is_known() or not picture[..., :3].any():
            return self._is_known()
        try:
            if picture.ndim == 2:
                if self._holds is None and np.isin(picture, _LABEL_IDS).all():
                    self._holds = 'ids'
                    return True
            elif recognise(picture) == 'palette':
                self._holds = 'palette'
                return True
        except TagError as error:
            raise CollectError(f'topic {self._topic} of the bag: {error}') from error
        self._holds = 'tags'
        try:
            self._table = recognise_table(_numbers_of(picture))
        except TagError:
            return False
        return True

    def check_decided(self) -> None:
        """
        Return if it is known what the topic holds.

        :raises CollectError: otherwise.
        """
        if not self._is_known():
            raise CollectError(
                f'topic {self._topic} of the bag: no picture tells what its numbers mean, for '
                f'none shows enough road: say it with --bag.tags old (CARLA {OLD_TAGS.releases}) '
                f'or --bag.tags new ({NEW_TAGS.releases})'
            )

    def read(self, frame: Frame) -> np.ndarray:
        """
        Return label ids, (H, W) uint8.

        :raises SpoiltError: when the picture shows that what was decided is wrong.
        :raises SkipError: when it is none of labels.
        """
        picture = _picture_of(frame)
        if self._holds == 'ids':
            return self._checked_ids(picture)
        try:
            if not self._is_certain and picture[..., :3].any():
                self._check(picture)
            return labels_of_picture(picture, self._table or NEW_TAGS)
        except TagError as error:
            raise SkipError(DAMAGED) from error

    def _is_known(self) -> bool:
        return self._holds in ('ids', 'palette') or self._table is not None

    def _checked_ids(self, picture: np.ndarray) -> np.ndarray:
        if picture.ndim != 2:
            raise self._spoilt('coloured')
        strange = picture[~np.isin(picture, _LABEL_IDS)]
        if strange.size:
            raise self._spoilt(f'with the number {strange[0]}')
        return picture

    def _check(self, picture: np.ndarray) -> None:
        kind = 'tags' if picture.ndim == 2 else recognise(picture)
        if kind != self._holds:
            raise self._spoilt(f'of {kind}')
        if kind == 'palette':
            return
        # Only the newer releases have such numbers. Without them class 7 is either the older road
        # or the newer traffic light, so it counts until one of them has been seen.
        if int(picture.max()) >= len(OLD_TAGS.colors):
            if self._table is OLD_TAGS:
                raise self._spoilt(f'with tags of CARLA {NEW_TAGS.releases}')
            self._is_certain = True
        elif self._table is NEW_TAGS and _shows_old_road(picture):
            raise self._spoilt(f'with tags of CARLA {OLD_TAGS.releases}')

    def _spoilt(self, what: str) -> SpoiltError:
        tags = f'the tags of CARLA {self._table.releases}' if self._table else 'tags'
        before = {'ids': 'label ids', 'tags': tags, 'palette': 'colours of the palette'}
        return SpoiltError(
            f'topic {self._topic} of the bag looked like {before[self._holds or "tags"]} first '
            f'and then comes a picture {what}, so what was collected of it may be wrong: say '
            'which tags it holds with --bag.tags old or new, and name a new --output'
        )


def _shows_old_road(picture: np.ndarray) -> bool:
    try:
        return recognise_table(_numbers_of(picture)) is OLD_TAGS
    except TagError:  # no road, which says nothing
        return False


def _numbers_of(picture: np.ndarray) -> np.ndarray:
    return picture if picture.ndim == 2 else picture[:, :, 2]


def _picture_of(frame: Frame) -> np.ndarray:
    """Return (H, W) or BGR (H, W, 3) uint8."""
    if frame.pixel_format == 'gray':
        return frame.image
    return to_bgr(frame.image, frame.pixel_format)

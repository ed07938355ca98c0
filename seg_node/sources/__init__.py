"""Where frames come from without a camera: a picture, a folder of them, a video, a bag."""

from pathlib import Path

from seg_node.sources.bag import bag_in, BAG_SUFFIXES, BagSource
from seg_node.sources.base import Source, SourceError, SourceFrame, SourceKind
from seg_node.sources.images import IMAGE_SUFFIXES, ImageSource
from seg_node.sources.video import VideoSource

__all__ = ['Source', 'SourceError', 'SourceFrame', 'SourceKind', 'is_pairs_folder', 'open_source']


def open_source(path: str | Path, topic: str | None = None) -> Source:
    """
    Open whatever holds pictures.

    :param path: a picture file, a folder of them (of a pairs folder its ``images/``), a video,
        or a rosbag2 bag (its folder, or its ``.mcap`` or ``.db3`` file).
    :param topic: the image topic of a bag; needed only where it has several.
    :raises SourceError: naming what is wrong with the path.
    """
    path = Path(path)
    if not path.exists():
        raise SourceError(f'there is no {path}')
    suffix = path.suffix.lower()
    bag = bag_in(path) if path.is_dir() else path if suffix in BAG_SUFFIXES else None
    if bag is not None:
        return BagSource(bag, topic)
    if suffix == '.bag' and path.is_file():
        raise SourceError(f'{path} is a ROS 1 bag: convert it with rosbags-convert first')
    if topic is not None:
        raise SourceError(f'{path} is not a bag, so it has no topic {topic}: leave the topic out')
    if path.is_dir():
        return ImageSource.of_folder(path / 'images' if is_pairs_folder(path) else path)
    if suffix in IMAGE_SUFFIXES:
        return ImageSource(path, [path], 'image')
    return VideoSource(path)


def is_pairs_folder(path: Path) -> bool:
    """Say whether a folder holds pictures and the masks that are their truth."""
    return (path / 'images').is_dir() and (path / 'masks').is_dir()

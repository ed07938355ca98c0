"""Where the moments come from: a server, a server started for it, or a recording."""

from collections.abc import Iterator
from contextlib import contextmanager

from training.collection.config import CollectConfig
from training.collection.moment import Source
from training.collection.schedule import Drive, make_schedule


@contextmanager
def open_source(config: CollectConfig) -> Iterator[tuple[Source, tuple[Drive, ...]]]:
    """
    Give the source that a configuration names, and the drives to make with it.

    :raises SegNodeError: when it is not there, or lacks a town or a topic.
    """
    if config.bag.path:
        from training.collection.bag_source import BagPairs

        with BagPairs(config) as pairs:
            yield pairs, pairs.schedule()
        return
    from training.collection.carla_source import CarlaSource
    from training.collection.lite_server import lite_server

    schedule = make_schedule(config)
    if config.simulator == 'carla':
        with CarlaSource(config, config.port) as source:
            yield source, schedule
        return
    with (
        lite_server(config.seed, config.towns[0] if config.towns else '') as port,
        CarlaSource(config, port) as source,
    ):
        yield source, schedule

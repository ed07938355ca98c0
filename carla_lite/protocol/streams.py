"""
Streams: what the world and its sensors publish.

One thread watches all sockets with a selector. Who publishes sends right from his own buffers,
without a copy; only what a socket does not take at once is left to the watching thread.
"""

from collections import defaultdict, deque
from collections.abc import Sequence
import contextlib
import logging
import selectors
import socket
import struct
import threading
import time

from carla_lite.protocol.rpc import keep_alive

_LOG = logging.getLogger(__name__)
_WORD = struct.Struct('<I')
_HELLO_TIMEOUT_S = 10.0
_BLOCKED_TIMEOUT_S = 10.0
_SUBSCRIBE_TIMEOUT_S = 2.0  # so long does a tick wait for a client that was given a token
_MAX_CONNECTIONS = 1024
_NO_SOCKET_PAUSE_S = 0.1

Buffer = bytes | memoryview


class _Subscriber:
    """A connection: first without a stream, until it has said which one it wants."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.stream_id = 0
        self.hello = b''
        self.since_s = time.monotonic()
        self.unsent: deque[memoryview] = deque()


class StreamServer:
    """
    Publishes numbered streams to whoever subscribes.

    :param blocked_timeout_s: so long may a stopped subscriber hold up synchronous ticks.
    :raises OSError: when no port can be had.
    """

    def __init__(
        self, host: str, port: int = 0, blocked_timeout_s: float = _BLOCKED_TIMEOUT_S
    ) -> None:
        self._blocked_timeout_s = blocked_timeout_s
        self._listener = socket.create_server((host, port), backlog=128)
        self._listener.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_writer.setblocking(False)
        self._selector.register(self._wake_reader, selectors.EVENT_READ)
        self._changed = threading.Condition()  # guards all below
        self._subscribers: dict[socket.socket, _Subscriber] = {}
        self._by_stream: dict[int, list[_Subscriber]] = {}
        self._awaited: dict[int, list[float]] = defaultdict(list)
        self._greetings: dict[int, bytes] = {}
        self._last_id = 0
        self._deaf_until_s = 0.0  # not 0: out of file descriptors, nobody is let in
        self._closed = False

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._listener.getsockname()[1])

    def start(self) -> None:
        """Begin to accept subscribers."""
        threading.Thread(target=self._watch, name='streams', daemon=True).start()

    def close(self) -> None:
        """Hang up on everybody."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._wake()

    def open_stream(self) -> int:
        """Return the number of a new stream."""
        with self._changed:
            self._last_id += 1
            self._by_stream[self._last_id] = []
            return self._last_id

    def close_stream(self, stream_id: int) -> None:
        """
        Publish no more in a stream.

        Its subscribers stay connected and get nothing: a client that is hung up on would come
        back at once, and for ever.
        """
        with self._changed:
            self._by_stream.pop(stream_id, None)
            self._awaited.pop(stream_id, None)
            self._greetings.pop(stream_id, None)
            self._changed.notify_all()

    def is_open(self, stream_id: int) -> bool:
        """Return whether there is such a stream."""
        with self._changed:
            return stream_id in self._by_stream

    def expect(self, stream_id: int) -> None:
        """Note that a client was told of a stream and will connect in a moment."""
        with self._changed:
            self._awaited[stream_id].append(time.monotonic() + _SUBSCRIBE_TIMEOUT_S)

    def wait_for_expected(self) -> None:
        """Wait, two seconds at most, for the clients that are about to connect."""
        with self._changed:
            while not self._closed:
                now_s = time.monotonic()
                for stream_id, deadlines in list(self._awaited.items()):
                    deadlines[:] = [end_s for end_s in deadlines if end_s > now_s]
                    if not deadlines:
                        del self._awaited[stream_id]
                if not self._awaited:
                    return
                self._changed.wait(min(map(min, self._awaited.values())) - now_s)

    def has_subscribers(self, stream_id: int) -> bool:
        """Return whether anybody listens to a stream."""
        with self._changed:
            return bool(self._by_stream.get(stream_id))

    def greet_with(self, stream_id: int, message: bytes) -> None:
        """Send a message to everyone who subscribes from now on, as their first one."""
        with self._changed:
            self._greetings[stream_id] = message

    def publish(self, stream_id: int, parts: Sequence[Buffer], must_arrive: bool) -> None:
        """
        Send a message to all subscribers.

        :param parts: buffers that nobody may change any more; they are sent one after another.
        :param must_arrive: wait for a slow subscriber, and hang up when he takes too long;
            otherwise he misses this message.
        """
        views = [view for part in parts if (view := memoryview(part).cast('B')).nbytes]
        size = sum(view.nbytes for view in views)
        message = [memoryview(_WORD.pack(size)), *views]
        with self._changed:
            for subscriber in list(self._by_stream.get(stream_id, ())):
                end_s = time.monotonic() + self._blocked_timeout_s
                while subscriber.unsent and must_arrive and self._is_known(subscriber):
                    if not self._changed.wait(end_s - time.monotonic()):
                        _LOG.warning('hung up on a subscriber who takes nothing any more')
                        self._drop(subscriber)
                if not subscriber.unsent and self._is_known(subscriber):
                    self._send(subscriber, message)

    def _is_known(self, subscriber: _Subscriber) -> bool:
        return not self._closed and subscriber.socket in self._subscribers

    def _send(self, subscriber: _Subscriber, message: Sequence[memoryview]) -> None:
        """Send what the socket takes at once; the watching thread sends the rest."""
        subscriber.unsent.extend(message)
        self._push(subscriber)
        if subscriber.unsent:
            self._wake()

    def _push(self, subscriber: _Subscriber) -> None:
        unsent = subscriber.unsent
        try:
            while unsent:
                sent = subscriber.socket.sendmsg(unsent)
                while sent and sent >= unsent[0].nbytes:
                    sent -= unsent.popleft().nbytes
                if sent:
                    unsent[0] = unsent[0][sent:]
        except BlockingIOError:
            return
        except OSError:
            self._drop(subscriber)

    def _drop(self, subscriber: _Subscriber) -> None:
        """Forget a connection; the watching thread takes it off the selector."""
        if self._subscribers.pop(subscriber.socket, None) is None:
            return
        with contextlib.suppress(ValueError, KeyError):
            self._by_stream[subscriber.stream_id].remove(subscriber)
        subscriber.unsent.clear()
        with contextlib.suppress(OSError):
            subscriber.socket.shutdown(socket.SHUT_RDWR)  # the selector sees it as readable
        self._changed.notify_all()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # full: it is awake already
            self._wake_writer.send(b'.')

    def _watch(self) -> None:
        while True:
            events = self._selector.select(_NO_SOCKET_PAUSE_S if self._deaf_until_s else 1.0)
            with self._changed:
                if self._closed:
                    break
                for key, mask in events:
                    self._handle(key.fileobj, mask)  # type: ignore[arg-type]
                self._listen_again()
                self._drop_silent_ones()
                self._watch_for_room()
        for connection in [*self._subscribers, self._listener, self._wake_writer]:
            connection.close()

    def _handle(self, ready: socket.socket, mask: int) -> None:
        if ready is self._listener:
            self._accept()
        elif ready is self._wake_reader:
            ready.recv(4096)
        elif (subscriber := self._subscribers.get(ready)) is None:
            self._selector.unregister(ready)
            ready.close()
        else:
            if mask & selectors.EVENT_WRITE:
                self._push(subscriber)
                if not subscriber.unsent:
                    self._changed.notify_all()
            if mask & selectors.EVENT_READ:
                self._read(subscriber)

    def _accept(self) -> None:
        try:
            connection, address = self._listener.accept()
        except (BlockingIOError, ConnectionError):
            return  # gone already
        except OSError as error:
            _LOG.debug('cannot accept a subscriber: %s', error)
            self._selector.unregister(self._listener)  # it would stay ready, and fail again
            self._deaf_until_s = time.monotonic() + _NO_SOCKET_PAUSE_S
            return
        if len(self._subscribers) >= _MAX_CONNECTIONS:
            _LOG.warning('turned %s away: %d subscribers', address, len(self._subscribers))
            connection.close()
            return
        connection.setblocking(False)
        keep_alive(connection)
        self._subscribers[connection] = _Subscriber(connection)
        self._selector.register(connection, selectors.EVENT_READ)

    def _listen_again(self) -> None:
        if self._deaf_until_s and time.monotonic() >= self._deaf_until_s:
            self._deaf_until_s = 0.0
            self._selector.register(self._listener, selectors.EVENT_READ)

    def _read(self, subscriber: _Subscriber) -> None:
        try:
            chunk = subscriber.socket.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            chunk = b''
        if not chunk:
            self._drop(subscriber)
        elif not subscriber.stream_id:
            subscriber.hello += chunk
            if len(subscriber.hello) >= _WORD.size:
                self._subscribe(subscriber, *_WORD.unpack(subscriber.hello[: _WORD.size]))

    def _subscribe(self, subscriber: _Subscriber, stream_id: int) -> None:
        if not 0 < stream_id <= self._last_id:
            _LOG.warning('hung up on a subscriber of stream %d: there is none', stream_id)
            self._drop(subscriber)
            return
        subscriber.stream_id = stream_id
        if stream_id in self._by_stream:
            self._by_stream[stream_id].append(subscriber)
            if greeting := self._greetings.get(stream_id):
                size = _WORD.pack(len(greeting))
                self._send(subscriber, [memoryview(size), memoryview(greeting)])
        if deadlines := self._awaited.get(stream_id):
            deadlines.pop(0)
        self._changed.notify_all()

    def _drop_silent_ones(self) -> None:
        oldest_s = time.monotonic() - _HELLO_TIMEOUT_S
        for subscriber in list(self._subscribers.values()):
            if not subscriber.stream_id and subscriber.since_s < oldest_s:
                self._drop(subscriber)

    def _watch_for_room(self) -> None:
        """Wake for sockets that have something unsent as soon as they take more."""
        for connection, subscriber in self._subscribers.items():
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if subscriber.unsent else 0)
            if self._selector.get_key(connection).events != wanted:
                self._selector.modify(connection, wanted)

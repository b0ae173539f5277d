"""A TCP proxy on loopback whose network can be cut: bytes then stay where they are, as in a network that is down.

What was under way when it was cut is delivered when it is mended, however late: the worst that a network does.
"""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

_PIECE_BYTES = 65_536


class TcpProxy:
    """Forwards every connection to a port on this machine."""

    def __init__(self, port: int) -> None:
        """``port`` is where it leads to."""
        self._target = ("127.0.0.1", port)
        self._whole = threading.Event()
        self._whole.set()
        self._alive = threading.Event()
        self._alive.set()
        self._ended: list[threading.Event] = []
        self._closing = False
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        self._whole.set()
        for dead in self._ended:
            dead.set()
        for one in [self._listener, *self._sockets]:
            _close(one)

    def cut(self) -> None:
        """Let nothing through any more."""
        self._whole.clear()

    def mend(self) -> None:
        """Let everything through again, first what waited."""
        self._whole.set()

    def half_open(self) -> None:
        """Let nothing through any more on the connections that there are, and tell neither end; new ones work."""
        alive, self._alive = self._alive, threading.Event()
        self._alive.set()
        alive.clear()
        self._ended.append(alive)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self._whole.wait()
        alive = self._alive
        try:
            server = socket.create_connection(self._target)
        except OSError:
            _close(client)
            return
        self._sockets += [client, server]
        if self._closing:
            _close(client)
            _close(server)
            return
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=self._pump, args=(source, sink, alive), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, alive: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_PIECE_BYTES):
                self._whole.wait()
                alive.wait()
                sink.sendall(data)
        self._whole.wait()
        alive.wait()
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


def _close(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()

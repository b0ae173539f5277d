"""Free ports for servers.

Taken from below the range that the kernel hands out to outgoing connections (32768 and up on Linux, 49152 on
macOS), and not by binding port 0, which gives one from within it: while a server is down for a test, a client
that keeps trying would sooner or later be given that very port for its own end, and connect to itself. Below
node ports (30000 and up) too.

A port is only free at the moment of asking: who starts a server must be ready to pick another one.
"""

import secrets
import socket

_RANGE = range(20000, 30000)
_TRIES = 200


def free_port(address: str = "127.0.0.1") -> int:
    """A TCP port that nobody listens on; OSError where there seems to be none."""
    for _ in range(_TRIES):
        port = secrets.choice(_RANGE)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            # As the servers do: the last one's closed connections do not keep its port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                continue
            return port
    raise OSError(f"no free TCP port between {_RANGE.start} and {_RANGE.stop} at {address}")

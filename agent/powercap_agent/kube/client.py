"""A Kubernetes API client on ``http.client`` with what the agent needs: get, merge-patch, watch.

The token file is read for every request, as tokens are rotated; the CA file is read again after a failed handshake.
Each request has a connection of its own: the agent makes a few in an hour.
"""

import http.client
import json
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import urlsplit

from ..json_text import decode

SERVICE_ACCOUNT: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
CONNECT_SECONDS: Final = 10.0
REQUEST_SECONDS: Final = 15.0
MAX_BODY_BYTES: Final = 4 * 1024 * 1024
"""No single object or watch event is longer; etcd's own limit is 1.5 MB."""
_PIECE_BYTES: Final = 65_536


class ApiError(Exception):
    """A request to the API failed."""


class ApiRefusedError(ApiError):
    """The API server answered with an error status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


class ApiUnreachableError(ApiError):
    """There was no answer, or one that cannot be understood."""


class EndpointError(ValueError):
    """The address of the API server is not known."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Address of the API server, and credentials."""

    server: str
    """``https://host:port``, or ``http://`` for a proxy on the same machine."""
    token_file: str | None = None
    ca_file: str | None = None
    """PEM file of the authorities to trust; None: the machine's."""

    @classmethod
    def in_cluster(cls, service_host: str | None, service_port: str | None) -> Self:
        """The endpoint that Kubernetes gives to every pod.

        Raises:
            EndpointError: this is no pod.
        """
        if not service_host or not service_port:
            raise EndpointError(
                "KUBERNETES_SERVICE_HOST is not set: outside a cluster, name the API server with --server"
            )
        host = f"[{service_host}]" if ":" in service_host else service_host
        return cls(f"https://{host}:{service_port}", f"{SERVICE_ACCOUNT}/token", f"{SERVICE_ACCOUNT}/ca.crt")


class ApiClient:
    """Requests to one API server. May be used by several threads."""

    def __init__(self, endpoint: Endpoint, user_agent: str) -> None:
        self._endpoint = endpoint
        self._user_agent = user_agent
        self._tls: ssl.SSLContext | None = None

    def get(self, path: str) -> Any:
        """The JSON object at ``path``.

        Raises:
            ApiError: the request failed.
        """
        with closing(self._request("GET", path, timeout=REQUEST_SECONDS)) as answer:
            return answer.json()

    def merge_patch(self, path: str, patch: object, timeout: float = REQUEST_SECONDS) -> None:
        """Apply a JSON merge patch (RFC 7396).

        Raises:
            ApiError: it was not applied, or no answer said that it was.
        """
        body = json.dumps(patch, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/merge-patch+json"}
        with closing(self._request("PATCH", path, body, headers, timeout=timeout)) as answer:
            answer.body()

    def watch(self, path: str, idle_seconds: float) -> Iterator[dict[str, Any]]:
        """Events as the server sends them, until it ends the stream.

        Raises:
            ApiUnreachableError: the stream broke, or nothing came for ``idle_seconds``.
            ApiRefusedError: the server refused to begin.
        """
        with closing(self._request("GET", path, timeout=idle_seconds)) as answer:
            while event := answer.event():
                yield event

    def _request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        *,
        timeout: float,
    ) -> "_Answer":
        all_headers = {"Accept": "application/json", "User-Agent": self._user_agent} | (headers or {})
        try:
            if self._endpoint.token_file is not None:
                all_headers["Authorization"] = f"Bearer {_token(self._endpoint.token_file)}"
            connection = self._connection(min(timeout, CONNECT_SECONDS))
        except (OSError, ValueError) as error:
            raise ApiUnreachableError(f"credentials cannot be read: {error}") from error
        try:
            connection.connect()
            sock = connection.sock
            sock.settimeout(timeout)
            connection.request(method, path, body, all_headers)
            response = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            if isinstance(error, ssl.SSLError):
                self._tls = None
            raise ApiUnreachableError(f"{type(error).__name__}: {error}") from error
        answer = _Answer(connection, sock, response, timeout)
        if response.status >= http.client.BAD_REQUEST:
            with closing(answer):
                raise ApiRefusedError(response.status, answer.complaint())
        return answer

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        parts = urlsplit(self._endpoint.server)
        if parts.scheme == "http":
            return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
        if self._tls is None:
            tls = ssl.create_default_context(cafile=self._endpoint.ca_file)
            # As kubectl: clusters made long ago have authorities without key identifiers (RFC 5280, 4.2.1).
            tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
            self._tls = tls
        return http.client.HTTPSConnection(
            parts.hostname or "", parts.port, timeout=timeout, context=self._tls
        )


class _Answer:
    """A response that is being read; closing it closes its connection.

    Time limits hold for whole bodies and whole events, so that a server that sends a byte now and then cannot keep
    the agent waiting.
    """

    def __init__(
        self,
        connection: http.client.HTTPConnection,
        sock: socket.socket,
        response: http.client.HTTPResponse,
        timeout: float,
    ) -> None:
        self._connection, self._sock, self._response, self._timeout = connection, sock, response, timeout
        self._pending = b""

    def close(self) -> None:
        """End the connection."""
        self._response.close()
        self._connection.close()

    def json(self) -> Any:
        """The whole body."""
        return _decode(self.body())

    def body(self) -> bytes:
        """The whole body as it is."""
        deadline = time.monotonic() + self._timeout
        while data := self._receive(deadline):
            self._pending += data
        return self._pending

    def complaint(self) -> str:
        """The server's error message, in one line."""
        try:
            status = self.json()
            return str(status.get("message") or status.get("reason") or self._response.reason)
        except (ApiError, AttributeError):
            return self._response.reason

    def event(self) -> dict[str, Any] | None:
        """The next watch event; None at the end of the stream."""
        deadline = time.monotonic() + self._timeout
        while b"\n" not in self._pending:
            data = self._receive(deadline)
            if not data:
                return None
            self._pending += data
        line, _, self._pending = self._pending.partition(b"\n")
        event = _decode(line)
        if not isinstance(event, dict):
            raise ApiUnreachableError("the watch sent something that is no event")
        return event

    def _receive(self, deadline: float) -> bytes:
        """The next piece of the body; empty at its end."""
        if len(self._pending) > MAX_BODY_BYTES:
            raise ApiUnreachableError(f"the answer is longer than {MAX_BODY_BYTES} bytes")
        left = deadline - time.monotonic()
        if left <= 0:
            raise ApiUnreachableError(f"nothing whole came within {self._timeout:.0f} s")
        try:
            self._sock.settimeout(left)
            return self._response.read1(_PIECE_BYTES)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ApiUnreachableError(f"{type(error).__name__}: {error}") from error


def _token(path: str) -> str:
    """The token in a file.

    Raises:
        OSError, ValueError: the file cannot be read, or is not one word of ASCII.
    """
    with open(path, encoding="ascii") as file:
        words = file.read().split()
    if len(words) != 1 or not words[0].isprintable():
        raise ValueError(f"{path} holds no token: one word was expected, {len(words)} were found")
    return words[0]


def _decode(data: bytes) -> Any:
    try:
        return decode(data)
    except ValueError as error:
        raise ApiUnreachableError(f"the answer is no JSON: {error}: {data[:60]!r}") from error

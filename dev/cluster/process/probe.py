"""Asks a server of this control plane whether it is well."""

import http.client
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from dev.cluster.errors import ControlPlaneError
from dev.cluster.pki import Pair
from dev.cluster.process.component import Component

_TIMEOUT_SECONDS = 5.0
_FIRST_WAIT_SECONDS = 0.02
_LONGEST_WAIT_SECONDS = 0.5


@dataclass(frozen=True)
class Server:
    """An HTTPS server at 127.0.0.1, which must have a certificate of `authority`."""

    port: int
    authority: Path
    client: Pair | None = None
    token: str | None = field(default=None, repr=False)

    def complaint(self, path: str) -> str | None:
        """None where a GET of `path` is answered by 200, else what it is answered by, in a line."""
        context = ssl.create_default_context(cafile=str(self.authority))
        if self.client is not None:
            context.load_cert_chain(self.client.public, self.client.private)
        headers = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=_TIMEOUT_SECONDS, context=context
        )
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            return f"GET {path}: {error!r}"
        finally:
            connection.close()
        if answer.status == http.HTTPStatus.OK:
            return None
        # /readyz lists its checks, one a line, those that fail with [-].
        failing = [line for line in body.decode(errors="replace").splitlines() if not line.startswith("[+]")]
        return f"GET {path}: {answer.status} {' '.join(failing)[:300]}"


def wait_until_ready(component: Component, complaint: Callable[[], str | None], seconds: float) -> None:
    """Returns once `complaint` has none; ControlPlaneError if the component ends, or at the deadline."""
    deadline = time.monotonic() + seconds
    wait = _FIRST_WAIT_SECONDS
    while True:
        last = complaint()
        # Asked after the answer, which is worth nothing if the component did not live to see it.
        if component.pid is None:
            raise ControlPlaneError(f"{component.name} has ended; {component.last_lines()}")
        if last is None:
            return
        if time.monotonic() > deadline:
            raise ControlPlaneError(
                f"{component.name} is not ready after {seconds:.0f} s: {last}; {component.last_lines()}"
            )
        time.sleep(wait)
        wait = min(wait * 1.5, _LONGEST_WAIT_SECONDS)

"""The API server as a hook's pod sees it: plain JSON, one request at a time."""

import os
import ssl
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx

_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_TIMEOUT_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 1.0
_PAGE: Final = 500
"""Objects in one answer to a list."""


class PodApiError(Exception):
    """The API server refused or did not answer; the message says what was asked."""


class PodApi:
    """Requests with the pod's own account."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    @classmethod
    def in_cluster(cls, environ: Mapping[str, str]) -> Self:
        """The API that every pod is told of.

        Raises:
            PodApiError: this is no pod.
        """
        host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT")
        if not host or not port:
            raise PodApiError(
                "KUBERNETES_SERVICE_HOST is not set: this runs in a pod, started by the chart's hooks"
            )
        token = (_ACCOUNT / "token").read_text(encoding="ascii").strip()
        return cls(
            httpx.Client(
                base_url=f"https://{f'[{host}]' if ':' in host else host}:{port}",
                headers={"Authorization": f"Bearer {token}"},
                verify=ssl.create_default_context(cafile=str(_ACCOUNT / "ca.crt")),
                timeout=_TIMEOUT_SECONDS,
                trust_env=False,
            )
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def get(self, path: str) -> dict[str, Any] | None:
        """The object or list at the path; None where there is none.

        Raises:
            PodApiError: any other answer than success or 404.
        """
        return self._request("GET", path)

    def items(self, path: str) -> list[dict[str, Any]]:
        """Everything in the list at the path, asked for in pages; empty where there is no such kind.

        Raises:
            PodApiError: any other answer than success or 404.
        """
        found: list[dict[str, Any]] = []
        parameters = {"limit": str(_PAGE)}
        while (page := self._request("GET", path, parameters)) is not None:
            found += page["items"]
            token = page.get("metadata", {}).get("continue")
            if not token:
                break
            parameters = {**parameters, "continue": token}
        return found

    def merge_patch(self, path: str, patch: dict[str, Any]) -> bool:
        """Merge ``patch`` into the object at the path; whether there was one.

        Raises:
            PodApiError: any other answer than success or 404.
        """
        return self._request("PATCH", path, body=patch) is not None

    def delete(self, path: str) -> bool:
        """Delete the object or collection at the path; whether there was one.

        Raises:
            PodApiError: any other answer than success or 404.
        """
        return self._request("DELETE", path) is not None

    def _request(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str] | None = None,
        body: dict[str, Any] | None = None,
    ) -> dict[str, Any] | None:
        url = httpx.URL(path).copy_merge_params(parameters or {})
        headers = {} if body is None else {"Content-Type": "application/merge-patch+json"}
        try:
            answer = self._client.request(method, url, json=body, headers=headers)
        except httpx.HTTPError as error:
            raise PodApiError(f"{method} {path}: no answer from the API server: {error!r}") from error
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if not answer.is_success:
            raise PodApiError(f"{method} {path}: {answer.status_code}: {answer.text[:500]}")
        found: dict[str, Any] = answer.json()
        return found


def until(
    look: Callable[[], list[str]],
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> list[str]:
    """Call ``look`` until it complains of nothing, or time is up: its last complaints.

    An API server that does not answer is a complaint like another.
    """
    deadline = clock() + seconds
    while True:
        try:
            complaints = look()
        except PodApiError as error:
            complaints = [str(error)]
        if not complaints or clock() > deadline:
            return complaints
        pause(_POLL_SECONDS)


def say(line: str) -> None:
    """A line for whoever reads the pod's log."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def setting(environ: Mapping[str, str], name: str) -> str:
    """An environment variable that the chart sets.

    Raises:
        PodApiError: it is not set.
    """
    value = environ.get(name)
    if not value:
        raise PodApiError(f"{name} is not set: this program is started by the chart's hooks")
    return value


def run_in_pod(hook: str, run: Callable[[PodApi, Mapping[str, str]], int]) -> int:
    """Do what a hook does with the pod's own account; its exit code, or 1 and a message where the API fails it."""
    try:
        with PodApi.in_cluster(os.environ) as api:
            return run(api, os.environ)
    except PodApiError as error:
        say(f"powercap {hook}: {error}")
        return 1

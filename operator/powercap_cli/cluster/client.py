"""The API server as commands use it: one request at a time over httpx, plain JSON objects, with a person's own rights.

The operator's client watches and fences and takes seconds to import; a command has a person waiting.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import httpx

from powercap_api.names import API_VERSION, PLURALS

from .kubeconfig import Connection

_PAGE: Final = 500
_SECONDS: Final = 30.0
_GONE: Final = 410


class ClusterError(Exception):
    """The API server refused or did not answer; the message says what was asked and what came back."""


class NotFoundError(ClusterError):
    """There is no such object."""


class _ExpiredError(ClusterError):
    """The list changed too long ago for its next page to be told."""


class Cluster:
    """The API server behind a client."""

    def __init__(self, client: httpx.Client, server_name: str | None = None) -> None:
        """``server_name``: in its certificate, where it is another than the address."""
        self._client = client
        self._extensions = {} if server_name is None else {"sni_hostname": server_name}

    def list_kind(self, kind: str) -> list[dict[str, Any]]:
        """All objects of one of our kinds.

        Raises:
            ClusterError: no answer, or a refusal.
        """
        return self.list_path(f"/apis/{API_VERSION}/{PLURALS[kind]}", {})

    def list_path(self, path: str, query: Mapping[str, str]) -> list[dict[str, Any]]:
        """All objects of the list at the path. ClusterError as above."""
        try:
            return [one for page in self._pages(path, {**query, "limit": str(_PAGE)}) for one in page]
        except _ExpiredError:
            return [one for page in self._pages(path, {**query}) for one in page]

    def _pages(self, path: str, query: dict[str, str]) -> Iterator[list[dict[str, Any]]]:
        while True:
            page = self.request("GET", path, query=query)
            yield page["items"]
            following = page["metadata"].get("continue")
            if not following:
                return
            query["continue"] = following

    def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        query: Mapping[str, str] | None = None,
        seconds: float = _SECONDS,
    ) -> dict[str, Any]:
        """One request, which takes ``seconds`` at most.

        Raises:
            ClusterError: no answer, or a refusal.
        """
        try:
            answer = self._client.request(
                method,
                path,
                params=query,
                content=None if body is None else json.dumps(body),
                headers={"Content-Type": content_type},
                timeout=seconds,
                extensions=self._extensions,
            )
            found = answer.json()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ClusterError(f"{method} {path}: no answer from the API server: {error!r}") from error
        except ValueError as error:
            found = {"message": answer.text[:500]}
            if answer.is_success:
                raise ClusterError(f"{method} {path}: the answer is no JSON: {error}") from error
        if answer.is_success and isinstance(found, dict):
            return found
        message = found.get("message", "") if isinstance(found, dict) else "the answer is no object"
        kind = {404: NotFoundError, _GONE: _ExpiredError}.get(answer.status_code, ClusterError)
        raise kind(f"{method} {path}: {answer.status_code}: {str(message)[:500]}")


@contextmanager
def connected(connection: Connection, user_agent: str) -> Iterator[Cluster]:
    """The API server; proxies of the environment are followed where the kubeconfig names none."""
    with httpx.Client(
        base_url=connection.server,
        verify=connection.tls,
        headers=[("Accept", "application/json"), ("User-Agent", user_agent), *connection.headers],
        auth=connection.basic,
        proxy=connection.proxy,
        follow_redirects=False,
    ) as client:
        yield Cluster(client, connection.server_name)

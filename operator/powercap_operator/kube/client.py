"""The Kubernetes API as the operator uses it: list, watch, apply, patch a status, delete, record an event.

Everything goes through one request function on kubernetes-asyncio's client, with plain JSON objects: the
generated models cost memory (a Node with all of its fields, a thousand times) and know nothing of our kinds.
Failures come out as ``ClusterError`` and its kin.

Every write of our objects names the version of the object that it was decided from, and is refused by the API server
where the object has changed since: a write that was held up on its way, or in a process that was stopped, never undoes
what another operator wrote meanwhile.
"""

import asyncio
import json
import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import aiohttp
from kubernetes_asyncio.client.api_client import ApiClient
from kubernetes_asyncio.client.exceptions import ApiException

from powercap_api.foreign_text import shown
from powercap_api.names import (
    API_VERSION,
    GROUP,
    MANAGED_BY_LABEL,
    NODE,
    OPERATOR_FIELD_MANAGER,
    PLURALS,
    POWER_POLICY,
    VERSION,
)

from .undeclared_fields import Path, undeclared_fields, without_fields

logger = logging.getLogger(__name__)

_PAGE: Final = 500
_READ_SECONDS: Final = 30.0
LONGEST_WRITE_SECONDS: Final = 30.0
IDLE_SECONDS: Final = 70.0
"""A watch that is silent for so long, without even a bookmark, which come about once a minute, is taken for dead and
restarted: as by the agents."""
_APPLY: Final = "application/apply-patch+yaml"


class ClusterError(Exception):
    """The API server refused or did not answer; the message says what was asked and what came back."""


class RefusedError(ClusterError):
    """The API server does not take this object as it is: asking again at once is useless."""


class NotFoundError(ClusterError):
    """There is no such object."""


class ConflictError(ClusterError):
    """The object is there already, or is another than the write was decided from."""


class NotLeadingError(ClusterError):
    """Another operator leads: this one may not write."""


@dataclass(frozen=True, slots=True)
class WatchLimits:
    """How long a watch may last."""

    idle_seconds: float = IDLE_SECONDS
    seconds: int = 240
    """At least, when nothing happens to it."""
    spread_seconds: int = 60
    """Up to so much longer, so that not all watches end at once."""


class Cluster:
    """The API server behind a kubernetes-asyncio client, which the caller opens and closes."""

    def __init__(
        self,
        client: ApiClient,
        write_seconds: Callable[[], float] = lambda: LONGEST_WRITE_SECONDS,
        watches: WatchLimits = WatchLimits(),
    ) -> None:
        """``write_seconds`` gives the seconds that a write may take, or raises NotLeadingError: none may begin."""
        self._client = client
        self._watches = watches
        self._write_seconds = write_seconds
        self._undeclared: dict[str, frozenset[Path]] = {}
        self.writes = 0
        """Number of requests that changed, or meant to change, something."""

    async def pages(self, path: str, selector: str = "") -> AsyncIterator[tuple[list[dict[str, Any]], str]]:
        """The objects of a collection, a page of some hundred at a time, with the resource version of the list.

        Args:
            path: of the collection, such as ``path_of(kind)``.
            selector: label selector; the API server sends only what it selects.

        Raises:
            ClusterError: no answer, or a refusal; what came before it is only a part.
        """
        query = [("limit", str(_PAGE)), *_selected(selector)]
        while True:
            page = await self.request("GET", path, query=query)
            yield page.get("items") or [], page["metadata"]["resourceVersion"]
            token = page["metadata"].get("continue")
            if not token:
                return
            query = [("limit", str(_PAGE)), ("continue", token), *_selected(selector)]

    async def newest_version(self) -> int:
        """The resource version that the API server's data has now, by a list of one policy at most."""
        page = await self.request("GET", path_of(POWER_POLICY), query=[("limit", "1")])
        return int(page["metadata"]["resourceVersion"])

    async def watch(
        self, path: str, version: str, selector: str = ""
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Watch events of a collection after ``version``, bookmarks too, until the watch has lasted its time.

        Raises:
            ClusterError: no answer, a refusal, or nobody knows any more what came after ``version``; a stream that
                breaks, ends before its time, is silent for too long or has something that cannot be read.
        """
        limits, loop = self._watches, asyncio.get_running_loop()
        seconds = limits.seconds + random.randrange(limits.spread_seconds)  # noqa: S311 - no secret
        query = [("watch", "true"), ("allowWatchBookmarks", "true"), ("resourceVersion", version)]
        query += [("timeoutSeconds", str(seconds)), *_selected(selector)]
        patience = aiohttp.ClientTimeout(total=None, sock_connect=10.0, sock_read=limits.idle_seconds)
        began = loop.time()
        with _told_as_ours("GET", path):
            async with await self._send("GET", path, query=query, limits=patience) as response:
                if not 200 <= response.status < 300:
                    raise _error("GET", path, response.status, await response.text())
                async for line in response.content:
                    yield _event(path, line)
        if loop.time() - began < seconds - 1:
            raise ClusterError(f"GET {path}: the watch ended before its time")

    async def create(self, kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Make an object, labelled as the operator's own.

        Raises:
            ConflictError: there is one of that name.
        """
        metadata = {"name": name, "labels": {MANAGED_BY_LABEL: OPERATOR_FIELD_MANAGER}}
        body = {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}
        query = [("fieldManager", OPERATOR_FIELD_MANAGER)]
        return await self._write("POST", path_of(kind), body, query=query)

    async def apply(
        self,
        kind: str,
        name: str,
        metadata: Mapping[str, Any],
        spec: Mapping[str, Any],
        version: int | None,
    ) -> dict[str, Any]:
        """Server-side apply: make the object where ``version`` is None, else make its spec this one.

        Raises:
            ConflictError: there is one already, or it has another resource version.
        """
        body = {
            "apiVersion": API_VERSION,
            "kind": kind,
            "metadata": {"name": name, "resourceVersion": str(version or _MUST_BE_NEW), **metadata},
            "spec": spec,
        }
        return await self._apply(kind, _path(kind, name), body)

    async def apply_status(
        self, kind: str, name: str, status: Mapping[str, Any], version: int | None
    ) -> dict[str, Any]:
        """Server-side apply of the whole status; what is not in ``status`` goes.

        Raises:
            NotFoundError: the object is gone.
            ConflictError: it has another resource version.
        """
        metadata = {"name": name, "resourceVersion": str(version or _MUST_BE_NEW)}
        body = {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "status": status}
        return await self._apply(kind, f"{_path(kind, name)}/status", body)

    async def _apply(self, kind: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Server-side apply, without the fields that the server's schema of the kind does not have."""
        while True:
            known = self._undeclared.get(kind, frozenset())
            try:
                return await self._write("PATCH", path, without_fields(body, known), _APPLY, _APPLY_QUERY)
            except ClusterError as error:
                found = undeclared_fields(str(error)) - known
                if not found:
                    raise
                names = ", ".join(sorted(".".join(field) for field in found))
                logger.warning("the cluster's kind %s does not have %s: written without it", kind, names)
                self._undeclared[kind] = known | found

    def forget_schemas(self) -> None:
        """Try again to write every field: the kinds may have been upgraded."""
        self._undeclared.clear()

    async def delete(self, kind: str, name: str, version: int | None) -> None:
        """Delete the object; one that is gone already is as good.

        Raises:
            ConflictError: it has another resource version.
        """
        preconditions = {} if version is None else {"resourceVersion": str(version)}
        try:
            await self._write("DELETE", _path(kind, name), {"preconditions": preconditions})
        except NotFoundError:
            return

    async def label_node(self, name: str, label: str, value: str | None) -> None:
        """Set one label of a Node, or take it away where ``value`` is None. NotFoundError: the node is gone."""
        body = {"metadata": {"labels": {label: value}}}
        await self._write(
            "PATCH", f"/api/v1/nodes/{quote(name, safe='')}", body, "application/merge-patch+json"
        )

    async def release_job(
        self, namespace: str, name: str, version: int, annotations: Mapping[str, str], start: bool
    ) -> dict[str, Any]:
        """Annotate a Job and, with ``start``, no longer suspend it.

        Raises:
            NotFoundError: the job is gone.
            ConflictError: it has another resource version.
        """
        body: dict[str, Any] = {"metadata": {"resourceVersion": str(version), "annotations": annotations}}
        if start:
            body["spec"] = {"suspend": False}
        path = f"/apis/batch/v1/namespaces/{quote(namespace, safe='')}/jobs/{quote(name, safe='')}"
        query = [("fieldManager", OPERATOR_FIELD_MANAGER)]
        return await self._write("PATCH", path, body, "application/merge-patch+json", query)

    async def cron_job(self, namespace: str, name: str) -> dict[str, Any]:
        """The CronJob. NotFoundError: there is none."""
        path = f"/apis/batch/v1/namespaces/{quote(namespace, safe='')}/cronjobs/{quote(name, safe='')}"
        return await self.request("GET", path)

    async def record(self, event: Mapping[str, Any]) -> None:
        """Create a core/v1 Event in the namespace that it names."""
        namespace = quote(event["metadata"]["namespace"], safe="")
        await self._write("POST", f"/api/v1/namespaces/{namespace}/events", event)

    async def _write(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        content_type: str = "application/json",
        query: list[tuple[str, str]] | None = None,
    ) -> dict[str, Any]:
        seconds = self._write_seconds()
        self.writes += 1
        return await self.request(method, path, body, content_type, query, seconds)

    async def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        query: list[tuple[str, str]] | None = None,
        seconds: float = _READ_SECONDS,
    ) -> dict[str, Any]:
        """One request, which takes ``seconds`` at most; for reading, and for the lease that says who may write.

        Raises:
            ClusterError: no answer, or a refusal.
        """
        timeout = aiohttp.ClientTimeout(total=seconds)
        with _told_as_ours(method, path):
            response = await self._send(method, path, body, content_type, query, timeout)
            text, status = await response.read(), response.status
        if not 200 <= status < 300:
            raise _error(method, path, status, text.decode(errors="replace"))
        try:
            found = json.loads(text)
        except ValueError as error:
            raise ClusterError(f"{method} {path}: {status}: the answer is no JSON: {error}") from error
        if not isinstance(found, dict):
            raise ClusterError(f"{method} {path}: {status}: the answer is no object")
        return found

    async def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        query: list[tuple[str, str]] | None = None,
        limits: aiohttp.ClientTimeout | None = None,
    ) -> aiohttp.ClientResponse:
        """The response, whatever its status, when its head has come."""
        response: aiohttp.ClientResponse = await self._client.call_api(
            path,
            method,
            query_params=query or [],
            header_params={"Accept": "application/json", "Content-Type": content_type},
            body=body,
            auth_settings=["BearerToken"],
            _preload_content=False,
            _return_http_data_only=True,
            _request_timeout=limits,
        )
        return response


_APPLY_QUERY: Final = [("fieldManager", OPERATOR_FIELD_MANAGER), ("force", "true")]
_MUST_BE_NEW: Final = 0
"""Resource version of an object that is not there: one that is there is refused with it (422), as a custom resource
cannot be changed without naming its version. A test holds the API server to this."""
_KINDS: Final[Mapping[int, type[ClusterError]]] = {
    **dict.fromkeys((400, 403, 413, 415, 422), RefusedError),
    404: NotFoundError,
    409: ConflictError,
}
_LONGEST_MESSAGE: Final = 500
_EXISTS: Final = "metadata.resourceVersion: Invalid value"


def path_of(kind: str) -> str:
    return "/api/v1/nodes" if kind == NODE else f"/apis/{GROUP}/{VERSION}/{PLURALS[kind]}"


def _path(kind: str, name: str) -> str:
    return f"{path_of(kind)}/{quote(name, safe='')}"


def _selected(selector: str) -> list[tuple[str, str]]:
    return [("labelSelector", selector)] if selector else []


@contextmanager
def _told_as_ours(method: str, path: str) -> Iterator[None]:
    """Errors of the libraries as ClusterError."""
    try:
        yield
    except ApiException as error:
        raise _error(method, path, error.status, str(error.body or error.reason)) from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise ClusterError(f"{method} {path}: no answer from the API server: {error!r}") from error
    except ValueError as error:
        raise ClusterError(f"{method} {path}: what came cannot be read: {error!r}") from error


def _event(path: str, line: bytes) -> dict[str, Any]:
    """What a line of a watch says."""
    try:
        event: dict[str, Any] = json.loads(line)
        if event["type"] != "ERROR":
            int(event["object"]["metadata"]["resourceVersion"])
            return event
        status = event["object"]["code"]
    except (ValueError, LookupError, TypeError) as error:
        raise ClusterError(f"GET {path}: the watch sent what cannot be read: {error!r}") from error
    raise _error("GET", path, status, json.dumps(event["object"]))


def _error(method: str, path: str, status: int | None, text: str) -> ClusterError:
    try:
        message = json.loads(text).get("message", text)
    except (ValueError, AttributeError):
        message = text
    kind = _KINDS.get(status or 0, ClusterError)
    if status == 422 and _EXISTS in message:
        kind = ConflictError
    return kind(f"{method} {path}: {status}: {shown(message, _LONGEST_MESSAGE)}")

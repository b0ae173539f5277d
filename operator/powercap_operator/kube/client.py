"""The Kubernetes API as the operator uses it: list, apply, patch a status, delete, record an event.

Everything goes through one request function on kubernetes-asyncio's client, with plain JSON objects: the
generated models cost memory (a Node with all of its fields, a thousand times) and know nothing of our kinds.
Failures come out as ``ClusterError`` and its kin.

Every write of our objects names the version of the object that it was decided from, and is refused by the API server
where the object has changed since: a write that was held up on its way, or in a process that was stopped, never undoes
what another operator wrote meanwhile.
"""

import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
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
from .whole_list import whole_list

logger = logging.getLogger(__name__)

_PAGE: Final = 500
_READ_SECONDS: Final = 30.0
LONGEST_WRITE_SECONDS: Final = 30.0
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


class Cluster:
    """The API server behind a kubernetes-asyncio client, which the caller opens and closes."""

    def __init__(
        self, client: ApiClient, write_seconds: Callable[[], float] = lambda: LONGEST_WRITE_SECONDS
    ) -> None:
        """``write_seconds`` gives the seconds that a write may take, or raises NotLeadingError: none may begin."""
        self._client = client
        self._write_seconds = write_seconds
        self._undeclared: dict[str, frozenset[Path]] = {}
        self.writes = 0
        """Number of requests that changed, or meant to change, something."""

    async def pages(self, kind: str) -> AsyncIterator[tuple[list[dict[str, Any]], str]]:
        """All objects of a kind, a page of some hundred at a time, with the resource version of the list.

        Raises:
            ClusterError: no answer, or a refusal; what came before it is only a part.
        """
        async for page in self._pages("/api/v1/nodes" if kind == NODE else _path(kind)):
            yield page

    async def list_kind(self, kind: str) -> tuple[list[dict[str, Any]], str]:
        """All objects of a kind together, and the resource version of the list: for commands, which have few."""
        return await whole_list(self.pages(kind))

    async def newest_version(self) -> int:
        """The resource version that the API server's data has now, by a list of one policy at most."""
        page = await self.request("GET", _path(POWER_POLICY), query=[("limit", "1")])
        return int(page["metadata"]["resourceVersion"])

    async def list_pods(self, selector: str) -> tuple[list[dict[str, Any]], str]:
        """The pods of all namespaces that a label selector selects, and the resource version of the list."""
        return await whole_list(self._pages("/api/v1/pods", [("labelSelector", selector)]))

    async def watch_pods(self, selector: str, version: str, seconds: int) -> AsyncIterator[dict[str, Any]]:
        """Watch events of these pods after a list of ``version``, for ``seconds`` at most.

        Raises:
            ClusterError: no answer, a refusal, or a stream that breaks.
        """
        query = [
            *(("watch", "true"), ("labelSelector", selector), ("resourceVersion", version)),
            ("timeoutSeconds", str(seconds)),
        ]
        where = "GET /api/v1/pods (watch)"
        try:
            response = await self._client.call_api(
                "/api/v1/pods",
                "GET",
                query_params=query,
                header_params={"Accept": "application/json"},
                auth_settings=["BearerToken"],
                _preload_content=False,
                _return_http_data_only=True,
                _request_timeout=seconds + _READ_SECONDS,
            )
            async with response:
                if not 200 <= response.status < 300:
                    raise _error("GET", where, response.status, await response.text())
                async for line in response.content:
                    yield json.loads(line)
        except ApiException as error:
            raise _error("GET", where, error.status, str(error.body or error.reason)) from error
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise ClusterError(f"{where}: the stream broke: {error!r}") from error

    async def create(self, kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Make an object, labelled as the operator's own.

        Raises:
            ConflictError: there is one of that name.
        """
        metadata = {"name": name, "labels": {MANAGED_BY_LABEL: OPERATOR_FIELD_MANAGER}}
        body = {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}
        query = [("fieldManager", OPERATOR_FIELD_MANAGER)]
        return await self._write("POST", _path(kind), body, query=query)

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

    async def record(self, event: Mapping[str, Any]) -> None:
        """Create a core/v1 Event where Kubernetes keeps those of cluster-scoped objects."""
        await self._write("POST", "/api/v1/namespaces/default/events", event)

    async def _pages(
        self, path: str, selected: Sequence[tuple[str, str]] = ()
    ) -> AsyncIterator[tuple[list[dict[str, Any]], str]]:
        query = [("limit", str(_PAGE)), *selected]
        while True:
            page = await self.request("GET", path, query=query)
            yield page.get("items") or [], page["metadata"]["resourceVersion"]
            token = page["metadata"].get("continue")
            if not token:
                return
            query = [("limit", str(_PAGE)), ("continue", token), *selected]

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
        try:
            response = await self._client.call_api(
                path,
                method,
                query_params=query or [],
                header_params={"Accept": "application/json", "Content-Type": content_type},
                body=body,
                auth_settings=["BearerToken"],
                _preload_content=False,
                _return_http_data_only=True,
                _request_timeout=seconds,
            )
            text, status = await response.read(), response.status
        except ApiException as error:
            raise _error(method, path, error.status, str(error.body or error.reason)) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ClusterError(f"{method} {path}: no answer from the API server: {error!r}") from error
        if not 200 <= status < 300:
            raise _error(method, path, status, text.decode(errors="replace"))
        try:
            found = json.loads(text)
        except ValueError as error:
            raise ClusterError(f"{method} {path}: {status}: the answer is no JSON: {error}") from error
        if not isinstance(found, dict):
            raise ClusterError(f"{method} {path}: {status}: the answer is no object")
        return found


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


def _path(kind: str, name: str | None = None) -> str:
    collection = f"/apis/{GROUP}/{VERSION}/{PLURALS[kind]}"
    return collection if name is None else f"{collection}/{quote(name, safe='')}"


def _error(method: str, path: str, status: int | None, text: str) -> ClusterError:
    try:
        message = json.loads(text).get("message", text)
    except (ValueError, AttributeError):
        message = text
    kind = _KINDS.get(status or 0, ClusterError)
    if status == 422 and _EXISTS in message:
        kind = ConflictError
    return kind(f"{method} {path}: {status}: {shown(message, _LONGEST_MESSAGE)}")

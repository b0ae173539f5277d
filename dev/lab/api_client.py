"""Objects of a cluster of this machine, written, read and deleted by plain requests of its administrator.

A kubectl takes a tenth of a second of a core for each question, and tests ask until something has come true: on two
cores that keeps what they wait for from its work.
"""

import json
import ssl
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

import httpx

from dev.cluster.control_plane import ControlPlane
from dev.cluster.errors import KubectlError
from powercap_api.names import API_VERSION, NODE, PLURALS

_PLURALS: Final = {NODE: "nodes", "Pod": "pods", "Event": "events", "Lease": "leases", **PLURALS} | {
    "Job": "jobs",
    "CronJob": "cronjobs",
}
_KINDS: Final = {name: kind for kind, plural in _PLURALS.items() for name in (kind.lower(), plural)}
"""Kinds by the names that kubectl takes for them, in lower case."""
_PREFIXES: Final = {
    NODE: "/api/v1",
    "Lease": "/apis/coordination.k8s.io/v1/namespaces/{namespace}",
    **dict.fromkeys(("Pod", "Event"), "/api/v1/namespaces/{namespace}"),
    **dict.fromkeys(("Job", "CronJob"), "/apis/batch/v1/namespaces/{namespace}"),
}
_NO_ORPHANS: Final = "?propagationPolicy=Background"
"""A Job that is deleted without it keeps a finalizer until a controller has dealt with its pods."""
_STRICT: Final = "?fieldValidation=Strict"
_MERGE: Final = "application/merge-patch+json"
_PAUSE_SECONDS: Final = 0.1
_MOST_TRIES: Final = 300


class RefusedError(KubectlError):
    """The API server refused: nothing was changed."""


class UnsureError(KubectlError):
    """No answer, or one of a server in trouble: what was asked for may have been done."""


class Client:
    """Requests with one connection. Kinds are named as kubectl takes them: PowerPolicy, powerpolicy, powerpolicies.

    Every method raises RefusedError with the server's words, UnsureError, and KeyError for an unknown kind.
    """

    def __init__(self, plane: ControlPlane, *, seconds: float = 30.0, patient: bool = True) -> None:
        """``seconds`` are the most that an answer may take. ``patient``: ask a server again that says it is too busy,
        as one that has just started says of kinds that it does not have in its cache yet.
        """
        self.plane = plane
        self._patient = patient
        self._http = httpx.Client(
            headers={"Authorization": f"Bearer {plane.admin_token}"},
            verify=ssl.create_default_context(cafile=str(plane.ca_file)),
            timeout=seconds,
            trust_env=False,
        )

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def get(self, kind: str, name: str | None = None, namespace: str = "default") -> dict[str, Any]:
        """What ``kubectl get -o json`` says: the object, or all of the kind as ``items``."""
        found = self._send("GET", _path(kind, name, namespace))
        for item in [found] if name is not None else found["items"]:
            item["metadata"].pop("managedFields", None)
            item.setdefault("kind", _KINDS[kind.lower()])
        return found

    def items(self, kind: str, namespace: str = "default") -> dict[str, dict[str, Any]]:
        """All objects of the kind by name."""
        return {item["metadata"]["name"]: item for item in self.get(kind, None, namespace)["items"]}

    def create(self, kind: str, name: str, **fields: Any) -> None:
        """Make an object; ``fields`` are its top-level ones beside the name."""
        metadata = {"name": name, **fields.pop("metadata", {})}
        version = API_VERSION if kind in PLURALS else {"Job": "batch/v1"}.get(kind, "v1")
        body = {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}
        self._send("POST", _path(kind, None, "default"), body)

    def apply(self, *objects: Mapping[str, Any], namespace: str = "default") -> None:
        """Create objects, or those of Lists; where one is there already, merge into it.

        The server is as strict as ``kubectl apply --validate=strict`` asks it to be.
        """
        for body in objects:
            if body["kind"] == "List":
                self.apply(*body["items"], namespace=namespace)
                continue
            where = body["metadata"].get("namespace", namespace)
            try:
                self._send("POST", _path(body["kind"], None, where) + _STRICT, body)
            except RefusedError as error:
                if "(AlreadyExists)" not in str(error):
                    raise
                path = _path(body["kind"], body["metadata"]["name"], where)
                self._send("PATCH", path + _STRICT, body)

    def patch(
        self,
        kind: str,
        name: str,
        body: Mapping[str, Any],
        subresource: str = "",
        namespace: str = "default",
    ) -> None:
        """A JSON merge patch, as ``kubectl patch --type merge`` makes it."""
        self._send("PATCH", "/".join(filter(None, (_path(kind, name, namespace), subresource))), body)

    def delete(self, kind: str, name: str) -> None:
        """Delete an object without a namespace."""
        self._send("DELETE", _path(kind, name))

    def delete_all(self, kinds: Iterable[str], namespace: str = "default") -> None:
        """Delete every object of these kinds, of which none may have a finalizer: RefusedError where some stay."""
        for kind in kinds:
            if self.items(kind, namespace):
                self._send("DELETE", _path(kind, None, namespace) + _NO_ORPHANS)
                if left := self.items(kind, namespace):
                    raise RefusedError(f"{kind} that stay: {sorted(left)}")

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        headers = {"Content-Type": _MERGE if method == "PATCH" else "application/json"}
        content = None if body is None else json.dumps(body)
        for tries in range(_MOST_TRIES):
            try:
                answer = self._http.request(method, self.plane.url + path, content=content, headers=headers)
            except httpx.TransportError as error:
                raise UnsureError(f"{method} {path}: {error!r}") from error
            too_busy = answer.status_code == httpx.codes.TOO_MANY_REQUESTS
            if not (too_busy and self._patient and tries < _MOST_TRIES - 1):
                break
            time.sleep(_PAUSE_SECONDS)
        if too_busy or answer.is_server_error:
            raise UnsureError(f"{answer.status_code}: {answer.text[:300]}")
        found: dict[str, Any] = answer.json()
        if answer.is_error:
            raise RefusedError(f"Error from server ({found.get('reason')}): {found.get('message')}")
        return found


def _path(kind: str, name: str | None = None, namespace: str = "default") -> str:
    known = _KINDS[kind.lower()]
    prefix = _PREFIXES.get(known, f"/apis/{API_VERSION}").format(namespace=namespace)
    return "/".join(filter(None, (prefix, _PLURALS[known], name)))

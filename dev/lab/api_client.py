"""Objects of a cluster of this machine, written, read and deleted by plain requests.

A kubectl takes a tenth of a second of a core for each question, and tests ask until something has come true: on two
cores that keeps what they wait for from its work.
"""

import json
import ssl
import time
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import httpx

from dev.cluster.control_plane import ControlPlane
from dev.cluster.errors import KubectlError
from powercap_api.names import API_VERSION

_OURS: Final = f"/apis/{API_VERSION}"
_NAMESPACED: Final = "/api/v1/namespaces/{namespace}"
_PATHS: Final = {
    ("node", "nodes"): "/api/v1/nodes",
    ("pod", "pods"): f"{_NAMESPACED}/pods",
    ("job", "jobs"): "/apis/batch/v1/namespaces/{namespace}/jobs",
    ("cronjob", "cronjobs"): "/apis/batch/v1/namespaces/{namespace}/cronjobs",
    ("event", "events"): f"{_NAMESPACED}/events",
    ("lease", "leases"): "/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases",
    ("powerpolicy", "powerpolicies"): f"{_OURS}/powerpolicies",
    ("marketday", "marketdays"): f"{_OURS}/marketdays",
    ("powerbudget", "powerbudgets"): f"{_OURS}/powerbudgets",
    ("poweroverride", "poweroverrides"): f"{_OURS}/poweroverrides",
    ("powerreport", "powerreports"): f"{_OURS}/powerreports",
    ("waitpolicy", "waitpolicies"): f"{_OURS}/waitpolicies",
}
_COLLECTIONS: Final = {name: path for names, path in _PATHS.items() for name in names}
"""Where the objects of a kind are, by the names that kubectl takes for it."""
_STRICT: Final = "?fieldValidation=Strict"
_NO_ORPHANS: Final = "?propagationPolicy=Background"
"""A Job that is deleted without it keeps a finalizer until a controller has dealt with its pods."""
_MERGE: Final = "application/merge-patch+json"
_TIMEOUT_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 0.1
_MOST_TRIES: Final = 300


def read(
    plane: ControlPlane, kind: str, name: str | None = None, namespace: str = "default"
) -> dict[str, Any]:
    """What ``kubectl get -o json`` says: the object, or all of the kind as ``items``.

    Raises:
        KubectlError: there is none of that name, or no answer.
        KeyError: this kind is not known here.
    """
    path = _COLLECTIONS[kind].format(namespace=namespace)
    found = _answer(plane, "GET", path if name is None else f"{path}/{name}")
    for item in [found] if name is not None else found["items"]:
        item["metadata"].pop("managedFields", None)
    return found


def apply(plane: ControlPlane, body: Mapping[str, Any], namespace: str = "default") -> None:
    """Create the object, or each of a List; where it is there already, merge into it.

    The server is as strict as ``kubectl apply --validate=strict`` asks it to be.

    Raises:
        KubectlError: the server refuses, with its words, or no answer.
        KeyError: this kind is not known here.
    """
    if body["kind"] == "List":
        for item in body["items"]:
            apply(plane, item, namespace)
        return
    path = _COLLECTIONS[body["kind"].lower()].format(namespace=body["metadata"].get("namespace", namespace))
    try:
        _answer(plane, "POST", f"{path}{_STRICT}", body)
    except KubectlError as error:
        if "(AlreadyExists)" not in str(error):
            raise
        _answer(plane, "PATCH", f"{path}/{body['metadata']['name']}{_STRICT}", body)


def patch(
    plane: ControlPlane,
    kind: str,
    name: str,
    body: Mapping[str, Any],
    subresource: str = "",
    namespace: str = "default",
) -> None:
    """A JSON merge patch of an object, as ``kubectl patch --type merge`` makes it.

    Raises:
        KubectlError: the server refuses, with its words, or no answer.
        KeyError: this kind is not known here.
    """
    path = f"{_COLLECTIONS[kind].format(namespace=namespace)}/{name}"
    _answer(plane, "PATCH", f"{path}/{subresource}" if subresource else path, body)


def delete_all(plane: ControlPlane, kinds: Iterable[str], namespace: str = "default") -> None:
    """Delete every object of these kinds, of which none may have a finalizer.

    Raises:
        KubectlError: some are still there, or no answer.
        KeyError: a kind is not known here.
    """
    for kind in kinds:
        if read(plane, kind, namespace=namespace)["items"]:
            _answer(plane, "DELETE", f"{_COLLECTIONS[kind].format(namespace=namespace)}{_NO_ORPHANS}")
            if left := read(plane, kind, namespace=namespace)["items"]:
                raise KubectlError(f"{kind} that stay: {[item['metadata']['name'] for item in left]}")


@lru_cache(maxsize=16)
def _context(ca_file: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(ca_file))


def _answer(
    plane: ControlPlane, method: str, path: str, body: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {plane.admin_token}"}
    if body is not None:
        headers["Content-Type"] = _MERGE if method == "PATCH" else "application/json"
    content = None if body is None else json.dumps(body)
    try:
        with httpx.Client(
            base_url=plane.url,
            headers=headers,
            verify=_context(plane.ca_file),
            timeout=_TIMEOUT_SECONDS,
            trust_env=False,
        ) as client:
            answer = client.request(method, path, content=content)
            tries = 1
            # An API server that has just started says so of kinds that it does not have in its cache yet.
            while answer.status_code == httpx.codes.TOO_MANY_REQUESTS and tries < _MOST_TRIES:
                time.sleep(_PAUSE_SECONDS)
                answer = client.request(method, path, content=content)
                tries += 1
    except httpx.TransportError as error:
        raise KubectlError(f"{method} {path}: {error!r}") from error
    found: dict[str, Any] = answer.json()
    if answer.is_error:
        raise KubectlError(f"Error from server ({found.get('reason')}): {found.get('message')}")
    return found

"""The API server as people use it, past the proxy: edits go straight in, and the world is read as it is."""

import json
import ssl
from datetime import datetime, timedelta
from typing import Any, Final

import httpx

from dev.cluster.control_plane import ControlPlane
from powercap_api.names import (
    API_VERSION,
    NODE,
    PLURALS,
)
from powercap_operator.kube.cache import JOB, KINDS, WorldCache
from powercap_operator.planning.decision import Decision, decide
from powercap_operator.planning.jobs.plan import JobPlanner
from powercap_operator.planning.jobs.release import decide_jobs
from powercap_operator.world.snapshot import World

HISTORY: Final = timedelta(days=14)
"""The operator's default."""
NAMESPACE: Final = "powercap-system"
LEASE: Final = "powercap-operator"
LEASE_PATH: Final = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/{LEASE}"
_MERGE: Final = {"Content-Type": "application/merge-patch+json"}


class RefusedError(Exception):
    """The API server refused: the edit was not made."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text[:300]}")
        self.status = status


class UnsureError(Exception):
    """No answer, or one of a server in trouble: the edit may have been made."""


class Direct:
    """Requests as admin, one at a time."""

    def __init__(self, plane: ControlPlane) -> None:
        headers = {"Authorization": f"Bearer {plane.admin_token}"}
        self._http = httpx.Client(
            base_url=plane.url, headers=headers, verify=_tls(plane), timeout=5.0, trust_env=False
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def create(self, kind: str, name: str, **fields: Any) -> None:
        """Make an object; ``fields`` are its top-level ones beside the name."""
        metadata = {"name": name, **fields.pop("metadata", {})}
        version = {NODE: "v1", JOB: "batch/v1"}.get(kind, API_VERSION)
        self._send("POST", _path(kind), {"apiVersion": version, "kind": kind, "metadata": metadata, **fields})

    def patch(self, kind: str, name: str, patch: dict[str, Any], subresource: str = "") -> None:
        """A JSON merge patch."""
        self._send("PATCH", f"{_path(kind)}/{name}{subresource}", patch, _MERGE)

    def delete(self, kind: str, name: str) -> None:
        """Delete the object."""
        self._send("DELETE", f"{_path(kind)}/{name}", None)

    def items(self, kind: str) -> tuple[list[dict[str, Any]], str]:
        """All objects of the kind, and the list's version."""
        found = self._send("GET", _path(kind), None)
        for item in found["items"]:
            item.setdefault("kind", kind)
        return found["items"], found["metadata"]["resourceVersion"]

    def world(self) -> World:
        """The cluster as a fresh operator lists it."""
        cache = WorldCache(follows_jobs=True)
        for kind in (*KINDS, JOB):
            for body in self.items(kind)[0]:
                cache.put(kind, body)
        return cache.world()

    def difference(self, now: datetime) -> Decision:
        """What a fresh operator would change; empty where all is as it should be."""
        return decide(self.world(), now, HISTORY)

    def unreleased(self, now: datetime) -> list[str]:
        """Jobs that a fresh operator would release now."""
        world = self.world()
        decision = decide_jobs(world, JobPlanner().plan(world, now, {}), now)
        return [f"{plan.job.name} ({plan.reason})" for plan in (*decision.release, *decision.mark)]

    def lease_renewed_at(self) -> datetime | None:
        """When the operators' lease was renewed last; None where nobody has it."""
        spec = self._send("GET", LEASE_PATH, None)["spec"]
        return datetime.fromisoformat(spec["renewTime"]) if spec.get("holderIdentity") else None

    def _send(
        self, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str] | None = None
    ) -> Any:
        content = None if body is None else json.dumps(body)
        headers = headers or {"Content-Type": "application/json"}
        try:
            answer = self._http.request(method, path, content=content, headers=headers)
        except httpx.HTTPError as error:
            raise UnsureError(repr(error)) from error
        if answer.status_code >= 500 or answer.status_code == 429:
            raise UnsureError(f"{answer.status_code}: {answer.text[:200]}")
        if answer.status_code >= 400:
            raise RefusedError(answer.status_code, answer.text)
        return answer.json()


def _tls(plane: ControlPlane) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(plane.ca_file))


def _path(kind: str) -> str:
    paths = {NODE: "/api/v1/nodes", JOB: "/apis/batch/v1/namespaces/default/jobs"}
    return paths.get(kind) or f"/apis/{API_VERSION}/{PLURALS[kind]}"

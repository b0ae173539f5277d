"""A coordination.k8s.io Lease as Kubernetes' own components keep it: who leads, since when, and when it was renewed.

The format is client-go's ``resourcelock``: an empty ``holderIdentity`` is a lease that was given up, and
``leaseTransitions`` counts how often it went from one to another.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from ..planning.events import core_event
from .client import Cluster, NotFoundError


@dataclass(frozen=True, slots=True)
class Record:
    """What a Lease says."""

    holder: str
    """Who leads; empty where nobody does."""
    seconds: int
    """Time after the last renewal from which another may take it."""
    acquired_at: str
    """RFC 3339 with microseconds, as is ``renewed_at``."""
    renewed_at: str
    transitions: int
    version: str | None = None
    """The object's resource version; None for one that is not written yet."""

    def renewed(self, now: datetime) -> "Record":
        return replace(self, renewed_at=_micro_time(now))

    def taken_by(self, identity: str, seconds: int, now: datetime) -> "Record":
        """The record with which ``identity`` takes the lease now."""
        moment = _micro_time(now)
        transitions = self.transitions + (self.holder != identity)
        return Record(identity, seconds, moment, moment, transitions, self.version)

    def given_up(self, now: datetime) -> "Record":
        """The record that lets another take the lease at once."""
        return replace(self, holder="", seconds=1, renewed_at=_micro_time(now))


def first_record(identity: str, seconds: int, now: datetime) -> Record:
    """The record of a lease that nobody has had before."""
    moment = _micro_time(now)
    return Record(identity, seconds, moment, moment, 0)


class LeaseStore:
    """Reads and writes one Lease. Every write is refused if another was faster, by the resource version."""

    def __init__(self, cluster: Cluster, namespace: str, name: str) -> None:
        self.namespace, self.name = namespace, name
        self._cluster = cluster
        self._collection = f"/apis/coordination.k8s.io/v1/namespaces/{quote(namespace, safe='')}/leases"
        self._path = f"{self._collection}/{quote(name, safe='')}"

    async def read(self, seconds: float) -> Record | None:
        """The lease now; None where there is none. Takes ``seconds`` at most.

        Raises:
            ClusterError: no answer, or a refusal.
        """
        try:
            return _parse(await self._cluster.request("GET", self._path, seconds=seconds))
        except NotFoundError:
            return None

    async def write(self, record: Record, seconds: float) -> Record:
        """Write it over the version that it was made from; what the server has then.

        Raises:
            ConflictError: another has written it meanwhile.
            ClusterError: no answer (it may have been written), or a refusal.
        """
        metadata = {"name": self.name, "namespace": self.namespace}
        spec = {
            "holderIdentity": record.holder,
            "leaseDurationSeconds": record.seconds,
            "acquireTime": record.acquired_at,
            "renewTime": record.renewed_at,
            "leaseTransitions": record.transitions,
        }
        body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
        if record.version is None:
            return _parse(await self._cluster.request("POST", self._collection, body, seconds=seconds))
        metadata["resourceVersion"] = record.version
        return _parse(await self._cluster.request("PUT", self._path, body, seconds=seconds))

    async def record(self, message: str, identity: str, now: datetime, seconds: float) -> None:
        """Create the event with which Kubernetes' components say who leads.

        Raises:
            ClusterError: it was not created.
        """
        involved = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "name": self.name,
            "namespace": self.namespace,
        }
        suffix = uuid.uuid4().hex[:16]
        body = core_event(
            involved, self.namespace, suffix, "Normal", "LeaderElection", message, identity, now
        )
        path = f"/api/v1/namespaces/{quote(self.namespace, safe='')}/events"
        await self._cluster.request("POST", path, body, seconds=seconds)


def _parse(body: Mapping[str, Any]) -> Record:
    spec = body.get("spec") or {}
    return Record(
        spec.get("holderIdentity") or "",
        spec.get("leaseDurationSeconds") or 1,
        spec.get("acquireTime") or "",
        spec.get("renewTime") or "",
        spec.get("leaseTransitions") or 0,
        body["metadata"]["resourceVersion"],
    )


def _micro_time(moment: datetime) -> str:
    """As ``metav1.MicroTime`` is written: ``2025-10-09T22:00:00.000000Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

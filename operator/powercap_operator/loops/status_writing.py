"""How every status of our objects is written, and what events tell of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..kube.cache import WorldCache
from ..kube.client import Cluster
from ..kube.event_recorder import Recorder
from ..planning.events import condition_events


@dataclass(frozen=True, slots=True)
class StatusWriter:
    """Writes a status over the version that it was decided from."""

    cluster: Cluster
    cache: WorldCache
    recorder: Recorder

    async def write(
        self,
        kind: str,
        name: str,
        uid: str,
        before: Sequence[Mapping[str, Any]],
        status: Mapping[str, object],
    ) -> bool:
        """Write it, and record an event for each condition that is another than ``before``; whether that is news.

        Raises:
            ClusterError: no answer, or a refusal.
        """
        body = await self.cluster.apply_status(kind, name, status, self.cache.version(kind, name))
        news = self.cache.put(kind, body)
        for event in condition_events(kind, name, uid, before, body["status"]["conditions"]):
            await self.recorder.record(event)
        return news

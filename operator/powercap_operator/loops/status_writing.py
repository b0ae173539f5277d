"""How every status of our objects is written, and what events tell of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from powercap_api.schema.model import Condition

from ..kube.cache import WorldCache
from ..kube.client import Cluster, NotFoundError
from ..kube.event_recorder import Recorder
from ..planning.events import condition_events
from ..world.unreadable import Unreadable


@dataclass(frozen=True, slots=True)
class StatusWriter:
    """Writes a status over the version that is known."""

    cluster: Cluster
    cache: WorldCache
    recorder: Recorder

    async def write(self, kind: str, name: str, status: Mapping[str, object]) -> bool:
        """Write it, and record an event for each condition that is new; whether the object says something else now.

        Raises:
            NotFoundError: the object is gone, and forgotten. ClusterError: no answer, or a refusal.
        """
        _, before = self._known(kind, name)
        try:
            body = await self.cluster.apply_status(kind, name, status, self.cache.version(kind, name))
        except NotFoundError:
            self.cache.drop(kind, name)
            raise
        news = self.cache.put(kind, body)
        uid, after = self._known(kind, name)
        for event in condition_events(kind, name, uid, before, after):
            await self.recorder.record(event)
        return news

    def _known(self, kind: str, name: str) -> tuple[str, Sequence[Condition]]:
        """The object's uid and conditions."""
        found = self.cache.find(kind, name)
        if found is None or isinstance(found, Unreadable):
            return ("", ()) if found is None else (found.uid, found.conditions)
        return found.metadata.uid or "", found.status.conditions

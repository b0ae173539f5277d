"""Keeps the label ``powercap.dev/power`` of Nodes for schedulers: a loop of its own beside the reconciler."""

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from powercap_api.clock import Clock
from powercap_api.names import POWER_LABEL

from ..planning.node_label.power_label import MOST_CHANGES, label_changes
from ..world.containment import Containment
from .cache import WorldCache
from .client import Cluster, ClusterError, NotLeadingError
from .leadership import Election

logger = logging.getLogger(__name__)

_PAUSE_SECONDS: Final = 5.0
_DAY: Final = timedelta(days=1)


class NodeLabels:
    """Writes labels that differ, while this operator leads."""

    def __init__(
        self,
        cluster: Cluster,
        cache: WorldCache,
        clock: Clock,
        election: Election,
        pause_seconds: float = _PAUSE_SECONDS,
    ) -> None:
        self._pause_seconds = pause_seconds
        self._cluster = cluster
        self._cache = cache
        self._clock = clock
        self._election = election
        self._containment = Containment("node labels")
        self._changed: dict[str, deque[datetime]] = defaultdict(lambda: deque(maxlen=MOST_CHANGES))

    async def run(self, beat: Callable[[], None], synced: asyncio.Event) -> None:
        """Until cancelled; ``beat`` is called all the while. Begins once the cluster is known."""
        while True:
            beat()
            if synced.is_set() and self._election.leading:
                await self._write(self._clock.now(), beat)
            await asyncio.sleep(self._pause_seconds)

    async def _write(self, now: datetime, beat: Callable[[], None]) -> None:
        try:
            changes = self._containment.run(self._cache.world(), partial(label_changes, now=now))
        except Exception:  # no object is to blame that could be left out: the process goes on, and tells
            logger.exception("no node could be labelled")
            return
        for name, label in changes.items():
            beat()
            changed = self._changed[name]
            if len(changed) == MOST_CHANGES and changed[0] > now - _DAY:
                continue  # edits have changed the day's schedule too often
            try:
                await self._cluster.label_node(name, POWER_LABEL, label)
            except NotLeadingError:
                return
            except ClusterError as error:
                logger.error("node %s is not labelled: %s", name, error)
                continue
            changed.append(now)

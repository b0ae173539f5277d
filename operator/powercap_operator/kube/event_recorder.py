"""Records happenings as Kubernetes events."""

import logging
import socket
import uuid

from powercap_api.clock import Clock

from ..planning.events import Happening, event_body
from .client import Cluster, ClusterError

logger = logging.getLogger(__name__)


class Recorder:
    """Records happenings as events of this process."""

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        """On this cluster, at this clock's time."""
        self._cluster = cluster
        self._clock = clock
        self._instance = socket.gethostname()

    async def record(self, happening: Happening) -> None:
        """Create the event. An API server that does not take it is logged: an event is a word, not a deed."""
        body = event_body(happening, self._clock.now(), uuid.uuid4().hex[:16], self._instance)
        try:
            await self._cluster.record(body)
        except ClusterError as error:
            logger.warning("event %s of %s was not recorded: %s", happening.reason, happening.name, error)

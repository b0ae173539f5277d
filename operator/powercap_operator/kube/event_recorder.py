"""Creates Kubernetes events."""

import logging
import socket
import uuid

from powercap_api.clock import Clock

from ..planning.events import ObjectEvent, event_body
from .client import Cluster, ClusterError

logger = logging.getLogger(__name__)


class Recorder:
    """Creates events that name this process as their reporter."""

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        """On this cluster, at this clock's time."""
        self._cluster = cluster
        self._clock = clock
        self._instance = socket.gethostname()

    async def record(self, event: ObjectEvent) -> None:
        """Create the event. Failing to is logged and no more, because nothing depends on events."""
        body = event_body(event, self._clock.now(), uuid.uuid4().hex[:16], self._instance)
        try:
            await self._cluster.record(body)
        except ClusterError as error:
            logger.warning("event %s of %s was not recorded: %s", event.reason, event.name, error)

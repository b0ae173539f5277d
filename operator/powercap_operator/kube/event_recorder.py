"""Creates Kubernetes events."""

import logging
import socket
import uuid
from collections import deque
from datetime import datetime, timedelta
from typing import Final

from powercap_api.clock import Clock

from ..planning.events import ObjectEvent, event_body
from .client import Cluster, ClusterError

logger = logging.getLogger(__name__)

MOST_EVENTS: Final = 10
_STRETCH: Final = timedelta(minutes=10)
"""Most events of an object in that time."""
_FORGOTTEN_FROM: Final = 1_000
"""With so many objects, those without an event in that time are forgotten."""


class Recorder:
    """Creates events that name this process as their reporter."""

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        self._cluster = cluster
        self._clock = clock
        self._instance = socket.gethostname()
        self._most = _FORGOTTEN_FROM
        self._recorded: dict[tuple[str, str], deque[datetime]] = {}

    async def record(self, event: ObjectEvent) -> None:
        """Create the event, unless its object had ``MOST_EVENTS`` in the last minutes: somebody makes it change.

        Failing to is logged and no more, because nothing depends on events.
        """
        now = self._clock.now()
        recorded = self._recorded.setdefault((event.kind, event.uid), deque(maxlen=MOST_EVENTS))
        if len(recorded) == MOST_EVENTS and timedelta() <= now - recorded[0] < _STRETCH:
            logger.debug("event %s of %s is one too many", event.reason, event.name)
            return
        recorded.append(now)
        if len(self._recorded) > self._most:
            self._recorded = {
                key: times
                for key, times in self._recorded.items()
                if timedelta() <= now - times[-1] < _STRETCH
            }
            self._most = max(_FORGOTTEN_FROM, 2 * len(self._recorded))
        body = event_body(event, now, uuid.uuid4().hex[:16], self._instance)
        try:
            await self._cluster.record(body)
        except ClusterError as error:
            logger.warning("event %s of %s was not recorded: %s", event.reason, event.name, error)

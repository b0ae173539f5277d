"""Notices that the API server's data went back: etcd was restored from a snapshot.

Resource versions then count from an older number again. Watches that go on from a newer one hear nothing until the
count has caught up, and every state in the cache passes for newer than what there is now. Nothing of it can be
trusted: the process ends, and the one that Kubernetes starts in its place lists everything again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from .client import ClusterError

logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 5.0
"""Between two looks. Each is one small request."""
AGAIN_SECONDS: Final = 1.0
"""An older version must be seen twice, so long apart: one answer may come from a server that lags behind."""


class RewoundError(Exception):
    """The API server's data is older than what was already seen; the message has the versions."""


class RewindWatch:
    """Compares the newest version that the API server has with the newest that this process has seen."""

    def __init__(
        self,
        newest: Callable[[], Awaitable[int]],
        known: Callable[[], int],
        again_seconds: float = AGAIN_SECONDS,
    ) -> None:
        """``newest`` asks the API server; ``known`` is the highest version seen so far."""
        self._newest = newest
        self._known = known
        self._again_seconds = again_seconds

    async def run(self, beat: Callable[[], None]) -> str:
        """Look every ``LOOK_SECONDS`` until the data went back; what is to be said then."""
        while True:
            beat()
            try:
                await self.look()
            except RewoundError as error:
                return str(error)
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Look once. A server that does not answer says nothing.

        Raises:
            RewoundError: the data went back.
        """
        known = (
            self._known()
        )  # before the request: what is seen while it is under way may be newer than its answer
        try:
            if await self._newest() >= known:
                return
            await asyncio.sleep(self._again_seconds)
            newest = await self._newest()
        except ClusterError as error:
            logger.debug("the newest version is not known: %s", error)
            return
        if newest < known:
            raise RewoundError(
                f"the API server's data went back: version {known} was seen, and {newest} is the newest now. etcd was"
                " restored from a snapshot"
            )

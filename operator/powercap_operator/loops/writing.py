"""Writes of a pass: some at a time, and none that fails holds up another."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Final

from ..kube.client import ClusterError, ConflictError, NotLeadingError, RefusedError
from .refusals import Refusals

logger = logging.getLogger(__name__)

Work = tuple[tuple[str, ...], Callable[[], Coroutine[Any, Any, None]]]
"""What is written, by kind and name, and how."""
PARALLEL_WRITES: Final = 16


class Writer:
    """Does works. A write that the API server refuses waits by itself."""

    def __init__(self, beat: Callable[[], object]) -> None:
        """``beat`` is called before each write."""
        self._beat = beat
        self.refusals = Refusals(time.monotonic)
        self.conflicts = False
        """Whether another has changed an object meanwhile, since this was last set to False."""
        self.refused = 0
        """Writes that the API server did not take."""

    async def done(self, works: Iterator[Work], tried: set[tuple[str, ...]]) -> bool:
        """Do them, some at a time, each begun only when its turn comes; False where one failed.

        What they write is added to ``tried``, also where it waits because it was refused.
        """

        async def take() -> bool:
            written = True
            for what, work in works:
                tried.add(what)
                if not self.refusals.waits(what):
                    written &= await self._guarded(what, work)
            return written

        return all(await asyncio.gather(*(take() for _ in range(PARALLEL_WRITES))))

    async def _guarded(self, what: tuple[str, ...], work: Callable[[], Coroutine[Any, Any, None]]) -> bool:
        """Do it; False where it failed. What another has changed meanwhile is decided again, which is no failure."""
        self._beat()
        try:
            await work()
            self.refusals.taken(what)
        except RefusedError as error:
            logger.error("%s", error)
            self.refusals.refused(what)
            self.refused += 1
        except ConflictError as error:
            logger.debug("decided again: %s", error)
            self.conflicts = True
        except NotLeadingError as error:
            logger.debug("not written: %s", error)
        except ClusterError as error:
            logger.error("%s", error)
            return False
        return True

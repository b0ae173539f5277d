"""Which of several operators may write: the one that holds the Lease. The others follow the cluster and wait.

Guarantees:
- A write begins only while the lease has been renewed within ``RENEW_SECONDS``, and is given up ``MARGIN_SECONDS``
  before another may take the lease. Time is counted from before the renewal was sent.
- A process that was stopped (SIGSTOP, a paused machine) finds its lease over by the clock at its next write: no
  timer has to run first. A clock that counts suspended time and the wall clock are both asked, the less favourable
  one holds.
- What was under way when the process was stopped, or was held up in the network, the API server refuses, because
  each write names the version of the object that it was decided from (``Cluster``).
- Another takes the lease only when it has not seen it change for as long as the lease lasts, by its own clock, so
  that clocks need not agree.
- A leader that ends gives the lease up, and another has it within ``RETRY_SECONDS``.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from .client import LONGEST_WRITE_SECONDS, ClusterError, ConflictError, NotLeadingError
from .lease import LeaseStore, Record, first_record

logger = logging.getLogger(__name__)

LEASE_SECONDS: Final = 12
"""Age of the last renewal from which others may take it. With RETRY_SECONDS before it, and the first writes after
it, the most that a takeover takes: under 20 s."""
RENEW_SECONDS: Final = 8.0
"""A leader that could not renew for so long stops writing."""
RETRY_SECONDS: Final = 2.0
"""Time between two renewals, and between two looks of those who wait."""
REQUEST_SECONDS: Final = 3.0
"""The most that one request about the lease may take, so that several fit before the deadline."""
MARGIN_SECONDS: Final = 2.0
"""Between the end of the last write and the moment at which another may take the lease. aiohttp rounds time limits
above 5 s up to a whole second."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment on two clocks, in seconds."""

    running: float
    """Of a clock that only goes on, also while the machine is suspended."""
    wall: float

    def since(self, earlier: "Moment") -> float:
        """Seconds since ``earlier``, by the clock on which more has passed."""
        return max(self.running - earlier.running, self.wall - earlier.wall)


def read_clocks() -> Moment:
    """Now. Where the system has no clock that counts suspended time, the monotonic one."""
    return Moment(time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)), time.time())


class Election(Protocol):
    """What those who write ask of it."""

    @property
    def leading(self) -> bool:
        """Whether this process may write now."""
        ...

    @property
    def terms(self) -> int:
        """How often this process has become the leader."""
        ...

    def write_seconds(self) -> float:
        """How long a write that begins now may take.

        Raises:
            NotLeadingError: none may begin.
        """
        ...


class Leadership:
    """One operator's part in the election."""

    def __init__(self, leases: LeaseStore, identity: str, clocks: Callable[[], Moment]) -> None:
        """``identity`` must be that of no other process, ever."""
        self._leases = leases
        self._clocks = clocks
        self.identity = identity
        self.terms = 0
        self._held: Record | None = None
        """The lease as this process wrote it last, while it leads."""
        self._renewed = clocks()
        self._seen: Record | None = None
        """Another's lease as it was last read, and since when it has been like that."""
        self._seen_since = self._renewed.running
        self._trouble = ""

    @property
    def leading(self) -> bool:
        """Whether this process may write now."""
        return self._held is not None and self._age() < RENEW_SECONDS

    @property
    def leader(self) -> str:
        """Identity of who leads, as last heard; empty where nobody does."""
        record = self._held or self._seen
        return "" if record is None else record.holder

    def write_seconds(self) -> float:
        """How long a write that begins now may take.

        Raises:
            NotLeadingError: none may begin.
        """
        if not self.leading:
            raise NotLeadingError(
                f"this operator does not lead (any more); the leader is {self.leader or 'unknown'}"
            )
        return min(LEASE_SECONDS - MARGIN_SECONDS - self._age(), LONGEST_WRITE_SECONDS)

    async def run(self, beat: Callable[[], None], took_over: Callable[[], None]) -> None:
        """Hold the lease or wait for it, until cancelled. ``beat`` is called at each look, ``took_over`` when this
        process has come to lead."""
        while True:
            beat()
            terms = self.terms
            await self.look()
            if self.terms > terms:
                took_over()
                await self._announce("became leader")
            await asyncio.sleep(self._pause())

    async def look(self) -> None:
        """Renew the lease, or look whether it can be taken and take it."""
        try:
            await (self._renew() if self._held is not None else self._try_to_take())
            self._trouble = ""
        except ClusterError as error:
            self._say_trouble(str(error))
        if self._held is not None and self._age() >= RENEW_SECONDS:
            self._lose(f"the lease could not be renewed for {RENEW_SECONDS:.0f} s")

    async def release(self) -> None:
        """Stop leading, and let another take the lease at once. For a process that ends."""
        record, self._held = self._held, None
        if record is None:
            return
        try:
            await self._leases.write(record.given_up(datetime.now(UTC)), REQUEST_SECONDS)
        except ClusterError as error:
            logger.warning("the lease was not given up, and ends by itself in %d s: %s", LEASE_SECONDS, error)
            return
        logger.info("the lease is given up")
        await self._announce("stopped leading")

    async def _announce(self, what: str) -> None:
        try:
            await self._leases.record(
                f"{self.identity} {what}", self.identity, datetime.now(UTC), REQUEST_SECONDS
            )
        except ClusterError as error:
            logger.warning("the event of who leads was not recorded: %s", error)

    def _age(self) -> float:
        return self._clocks().since(self._renewed)

    def _pause(self) -> float:
        """Until the next look; a lease that is about to be over is looked at then."""
        if self._held is not None or self._seen is None or self._trouble:
            return RETRY_SECONDS
        left = self._seen.seconds - (self._clocks().running - self._seen_since)
        return min(max(left, 0.05), RETRY_SECONDS)

    async def _renew(self) -> None:
        record, sent = self._held, self._clocks()
        if record is None:
            return
        try:
            written = await self._leases.write(record.renewed(datetime.now(UTC)), REQUEST_SECONDS)
        except ConflictError:
            # Another has it, or an earlier renewal was written and its answer lost.
            found = await self._leases.read(REQUEST_SECONDS)
            if found is None or found.holder != self.identity:
                self._look_at(found)
                self._lose("another operator has taken the lease")
            else:
                self._held = found
            return
        if self._held is not None:
            self._held, self._renewed = written, sent

    async def _try_to_take(self) -> None:
        found = await self._leases.read(REQUEST_SECONDS)
        self._look_at(found)
        if found is not None and not self._is_free(found):
            return
        sent, now = self._clocks(), datetime.now(UTC)
        wanted = first_record(self.identity, LEASE_SECONDS, now)
        if found is not None:
            wanted = found.taken_by(self.identity, LEASE_SECONDS, now)
        try:
            self._held = await self._leases.write(wanted, REQUEST_SECONDS)
        except ConflictError:
            return  # another was faster
        self._renewed = sent
        self.terms += 1
        logger.info("%s leads now", self.identity)

    def _is_free(self, record: Record) -> bool:
        """Whether nobody has it, this very process had it, or it has not changed for as long as it lasts."""
        unchanged = self._clocks().running - self._seen_since
        return record.holder in {"", self.identity} or unchanged >= record.seconds

    def _look_at(self, record: Record | None) -> None:
        if record != self._seen:
            if record is not None and (self._seen is None or record.holder != self._seen.holder):
                logger.info("the leader is %s", record.holder or "nobody")
            self._seen, self._seen_since = record, self._clocks().running

    def _lose(self, why: str) -> None:
        self._held = None
        logger.warning("not leading any more: %s", why)

    def _say_trouble(self, trouble: str) -> None:
        if trouble != self._trouble:
            logger.warning("lease %s/%s: %s", self._leases.namespace, self._leases.name, trouble)
        self._trouble = trouble


class AlwaysLeading:
    """For an operator that runs alone and takes part in no election."""

    leading = True
    terms = 1

    def write_seconds(self) -> float:
        """How long a write may take."""
        return LONGEST_WRITE_SECONDS

    async def run(self, beat: Callable[[], None], took_over: Callable[[], None]) -> None:
        took_over()
        while True:
            beat()
            await asyncio.sleep(RETRY_SECONDS)

    async def release(self) -> None:
        """Nobody waits."""

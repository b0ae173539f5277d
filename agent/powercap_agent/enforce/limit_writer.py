"""Writes single limits and decides when a limit is written again: read-back, drift, back-off.

Success is a read-back. A refused limit is retried ever more rarely, as each try may be a line in the kernel's log,
and so is one that something else keeps changing back.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from powercap_api.reasons import ZoneReason

from ..hardware.node import NodeHardware
from ..hardware.zone import LimitError
from ..logs import Log
from ..planning.limits import Write
from .limit_state import MAX_FIGHTS, LimitState
from .results import ZoneResult, failed, good

_FIGHT: Final = (
    "something else sets this limit again and again ({} checks in a row): look for thermald, firmware or another"
    " power manager on the node"
)


class OutOfBoundsError(Exception):
    """A plan holds a limit outside [floor, original]: a defect of this program. The limit is not written."""


class LimitWriter:
    """Writes limits and remembers the state of each."""

    def __init__(self, hardware: NodeHardware, monotonic: Callable[[], float], log: Log) -> None:
        self._hardware = hardware
        self._monotonic = monotonic
        self._log = log
        self._states: dict[str, LimitState] = {}
        self.reapplied = 0
        """How often something else had changed a limit and it was set again."""

    def settled(self, write: Write, reading_uw: int | None) -> ZoneResult | None:
        """The result of a limit that needs no write now; None where it does. ``reading_uw`` is what is in force."""
        state = self._states.get(write.key)
        if state is None:
            return None
        now = self._monotonic()
        if state.problem is not None and state.waits(now):
            return failed(write, state.problem, reading_uw)
        if state.requested_uw != write.power_uw or state.problem is not None or reading_uw is None:
            return None
        if reading_uw == state.read_back_uw:
            state.fights = 0
            return good(write, reading_uw)
        if state.fights >= MAX_FIGHTS and state.waits(now):
            problem = LimitError(ZoneReason.DRIFTED, _FIGHT.format(state.fights))
            return failed(write, problem, reading_uw)
        self.reapplied += 1
        state.fought(now)
        self._log.warning(
            "limit was changed by something else, setting it again",
            zone=write.key,
            found_uw=reading_uw,
            wanted_uw=write.power_uw,
        )
        return None

    def write(self, write: Write) -> ZoneResult:
        """Write the limit.

        Raises:
            OutOfBoundsError: the limit is outside [floor, original].
        """
        if not min(write.floor_uw, write.original_uw) <= write.power_uw <= write.original_uw:
            raise OutOfBoundsError(f"{write.key}: {write.power_uw} µW")
        before = self._states.get(write.key)
        state = LimitState(write.power_uw) if before is None else before.rewritten(write.power_uw)
        self._states[write.key] = state
        try:
            reading_uw = self._hardware.write_and_confirm(write.zone, write.constraint, write.power_uw)
        except LimitError as error:
            if before is None or before.problem is None or before.problem.reason is not error.reason:
                self._log.warning(
                    "limit was not accepted", zone=write.key, reason=error.reason.value, why=error.message
                )
            state.refused(error, self._monotonic())
            return failed(write, error, self._hardware.reading(write.zone, write.constraint))
        state.read_back_uw = reading_uw
        state.failures = 0
        return good(write, reading_uw)

    def enable(self, writes: Sequence[Write]) -> Mapping[str, LimitError]:
        """Enable the zones of ``writes`` that are disabled: their limits have no effect otherwise.

        Returns the problem of each limit, by key, whose zone stays disabled. A zone none of whose limits could be
        written is not enabled.
        """
        problems: dict[str, LimitError] = {}
        zones = {write.zone.key: write.zone for write in writes}
        for zone_key in sorted(zones):
            if self._hardware.enabled(zones[zone_key]) is not False:
                continue
            keys = [write.key for write in writes if write.zone.key == zone_key]
            states = [self._states[key] for key in keys if key in self._states]
            if all(state.problem is not None for state in states):
                continue
            try:
                self._hardware.enable(zones[zone_key])
            except LimitError as error:
                problems |= dict.fromkeys(keys, error)
                for state in states:
                    state.refused(error, self._monotonic())
        return problems

    def forget(self, key: str) -> None:
        """Forget the state of a limit: it is not capped any more."""
        self._states.pop(key, None)

    def forget_all(self) -> None:
        """Forget the states of all limits."""
        self._states.clear()

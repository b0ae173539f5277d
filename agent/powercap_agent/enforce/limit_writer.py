"""Writes single limits and decides when a limit is written again: read-back, changes by others, back-off.

Success is a read-back. A refused value is retried ever more rarely; another value is tried at once. A limit that
something else raised is set again, unless that happens again and again. A limit that another manager set lower than
this agent did is left as it is.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from powercap_api.reasons import ZoneReason

from ..hardware.read_back import reading, steady_read, write_and_confirm
from ..hardware.zone import LimitError, Zone
from ..logs import Log
from ..planning.limits import Write
from .limit_state import FREE_CHANGES, LimitState
from .results import ZoneResult, failed, good

_FIGHT: Final = LimitError(
    ZoneReason.DRIFTED,
    f"something else sets this limit again and again (more than {FREE_CHANGES} times within two hours): look for"
    " thermald, firmware or another power manager on the node",
)
_LOWER: Final = LimitError(
    ZoneReason.LOWER_BY_OTHER, "another manager or firmware has set this limit lower: it is left as it is"
)


class OutOfBoundsError(Exception):
    """A plan holds a limit outside [floor, original]: a defect of this program. The limit is not written."""


class LimitWriter:
    """Writes limits and remembers the state of each.

    ``written`` returns the values that agents of this boot wrote to a limit last, by key, in microwatts: what a
    crashed agent wrote is ours.
    """

    def __init__(
        self,
        written: Callable[[str], Sequence[int]],
        monotonic: Callable[[], float],
        log: Log,
    ) -> None:
        self._written = written
        self._monotonic = monotonic
        self._log = log
        self._states: dict[str, LimitState] = {}
        self.reapplied = 0
        """How often something else had raised a limit and it was set again."""
        self.enabled: dict[str, Zone] = {}
        """The zones that were enabled, by key."""
        self.closed = False
        """Whether the agent ends: nothing is written any more."""

    def settled(self, write: Write, reading_uw: int | None) -> ZoneResult | None:
        """The result of a limit that needs no write now; None where it does. ``reading_uw`` is what is in force."""
        now, state = self._monotonic(), self._states.get(write.key)
        if self._set_lower_by_other(write, state, reading_uw):
            return failed(write, _LOWER, reading_uw)
        if state is None:
            return None
        problem = state.blocked(write.power_uw, now)
        if problem is not None:
            return failed(write, problem, reading_uw)
        if reading_uw is None or state.read_back_uw is None or state.problem is not None:
            return None
        if reading_uw == state.read_back_uw:
            return self._good(write, reading_uw, state) if state.requested_uw == write.power_uw else None
        state.changed(now)
        if state.requested_uw == write.power_uw and now < state.retry_at:
            return failed(write, _FIGHT, reading_uw)
        self.reapplied += 1
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
        if self.closed:
            return failed(write, LimitError(ZoneReason.FAILED, "the agent ends"), None)
        state = self._states.setdefault(write.key, LimitState())
        try:
            reading_uw = write_and_confirm(write.zone, write.constraint, write.power_uw)
        except LimitError as error:
            if state.problem is None or state.problem.reason is not error.reason:
                self._log.warning(
                    "limit was not accepted", zone=write.key, reason=error.reason.value, why=error.message
                )
            state.refused(write.power_uw, error, self._monotonic())
            return failed(write, error, reading(write.zone, write.constraint))
        state.accepted(write.power_uw, reading_uw)
        return self._good(write, reading_uw, state)

    def enable(self, writes: Sequence[Write], results: Mapping[str, ZoneResult]) -> Mapping[str, LimitError]:
        """Enable the zones of ``writes`` that are disabled: their limits have no effect otherwise.

        A zone is enabled only where each of its limits reads back what this agent wrote. Returns the problem of each
        limit, by key, whose zone stays disabled.
        """
        problems: dict[str, LimitError] = {}
        for key, zone in sorted({write.zone.key: write.zone for write in writes}.items()):
            own = [write for write in writes if write.zone.key == key]
            if self.closed or zone.device.enabled() is not False or not all(_ours(w, results) for w in own):
                continue
            try:
                zone.device.switch(on=True)
            except LimitError as error:
                problems |= {write.key: error for write in own}
                for write in own:
                    if write.key in self._states:
                        self._states[write.key].refused(write.power_uw, error, self._monotonic())
            else:
                self.enabled[key] = zone
        return problems

    def forget(self, keys: Sequence[str] | None = None) -> None:
        """Forget the states of limits that are not capped any more; None: of all."""
        for key in list(self._states) if keys is None else keys:
            self._states.pop(key, None)

    def _set_lower_by_other(self, write: Write, state: LimitState | None, reading_uw: int | None) -> bool:
        """Whether something else set the limit lower than this agent did, and lower than is wanted now."""
        if not reading_uw or reading_uw >= write.power_uw - write.zone.tolerance_uw:
            return False
        if state is None:
            ours = self._written(write.key)
        elif state.problem is None and state.read_back_uw is not None:
            ours = [state.read_back_uw]
        else:
            return False
        if not ours or any(write.zone.holds(ours_uw, reading_uw) or ours_uw < reading_uw for ours_uw in ours):
            return False
        if write.zone.device.enabled() is False:
            return False  # nothing is enforced there
        try:
            return steady_read(write.zone, write.constraint) == reading_uw
        except LimitError:
            return False

    def _good(self, write: Write, reading_uw: int, state: LimitState) -> ZoneResult:
        """The result of a limit that reads back what was asked for: it does not hold during a fight."""
        fought = state.fought(self._monotonic())
        return failed(write, _FIGHT, reading_uw) if fought else good(write, reading_uw)


def _ours(write: Write, results: Mapping[str, ZoneResult]) -> bool:
    read_back_uw = results[write.key].read_back_uw
    return read_back_uw is not None and write.zone.holds(write.power_uw, read_back_uw)

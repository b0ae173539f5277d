"""Energy that the node's packages drew: a total that goes on over restarts, and what fell into each quarter of an
hour. Pure.

Guarantees: a counter's wrap is no loss and no gain. Time over which a counter may have wrapped more than once, or
over which it was set back, is not counted: neither its energy nor its seconds. What is saved and loaded again goes on
from the counters' last readings, so that the energy drawn while no agent ran is in the total.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from powercap_api.budget.energy import HISTORY_STEPS, MAX_RUNS, STEP_SECONDS, Quarter, Run, read_run
from powercap_api.clock import format_time

from ..hardware.zone import Zone
from .energy import binds, energy_since, is_counted, mirrored

_SHORTEST_SECONDS: Final = 0.05
"""Readings closer together are left out: counters are updated once a millisecond."""


@dataclass(frozen=True, slots=True)
class Regime:
    """What the node is under."""

    policy: str | None = None
    """Policy of its budget; None: there is none."""
    cap_uw: int | None = None
    """Cap in force, in microwatts; None: the original limits are."""
    lifted: bool = False
    """Whether the cap is lifted for a while."""


@dataclass(slots=True)
class _Step:
    """What fell into one quarter of an hour under one policy."""

    uj: float = 0.0
    seconds: float = 0.0
    bound_seconds: float = 0.0
    bound_uj: float = 0.0
    lifts: int = 0


class EnergyAccount:
    """Counts energy up from readings that are some seconds apart."""

    def __init__(self) -> None:
        self._total_uj = 0
        self._total_seconds = 0.0
        self._since: datetime | None = None
        self._until: datetime | None = None
        self._moment: float | None = None
        self._readings: dict[str, int] = {}
        self._steps: dict[tuple[int, str], _Step] = {}
        self._lifted = False
        self._alone = True

    def sample(
        self, now: datetime, moment: float, readings: Mapping[str, tuple[Zone, int]], regime: Regime
    ) -> None:
        """Take in the counters, in microjoules by zone key, and what the node was under until ``now``.

        ``moment`` is in seconds of a monotonic clock: how long it was since the last sample of this process does not
        depend on whether the wall clock was set.
        """
        if regime.lifted and not self._lifted and regime.policy is not None:
            self._step(now, regime.policy).lifts += 1
        self._lifted = regime.lifted
        seconds = self._seconds_since(now, moment)
        if self._moment is not None and seconds < _SHORTEST_SECONDS:
            return
        drawn_uj = self._drawn_uj(readings, seconds)
        self._readings = {key: reading for key, (zone, reading) in readings.items() if is_counted(zone)}
        self._moment, self._until = moment, now
        if self._since is None and self._readings:
            self._since = now
        if drawn_uj is None:
            return
        self._total_uj += drawn_uj
        self._total_seconds += seconds
        if regime.policy is not None:
            bound = regime.cap_uw is not None and binds(round(drawn_uj / seconds), regime.cap_uw)
            self._enter(now, seconds, drawn_uj, regime.policy, bound=bound)

    def published(self, now: datetime, *, ended: bool = False) -> dict[str, Any] | None:
        """``PowerBudgetStatus.energy`` in wire form; None where nothing can be counted.

        The quarter of an hour that ``now`` lies in is left out, unless the account has ``ended``.
        """
        if self._since is None or self._until is None:
            return None
        last = _index(now) - (0 if ended else 1)
        return {
            "since": format_time(self._since),
            "until": format_time(self._until),
            "packages": {"joules": self._total_uj // 1_000_000, "seconds": int(self._total_seconds)},
            "history": _runs(self._steps, last),
        }

    def saved(self) -> dict[str, Any] | None:
        """What ``load`` takes, as JSON; None where nothing was counted yet."""
        if self._since is None or self._until is None:
            return None
        return {
            "since": self._since.isoformat(),
            "until": self._until.isoformat(),
            "totalMicrojoules": self._total_uj,
            "totalSeconds": self._total_seconds,
            "readings": self._readings,
            "steps": [
                [
                    index,
                    policy,
                    round(step.uj),
                    step.seconds,
                    step.bound_seconds,
                    round(step.bound_uj),
                    step.lifts,
                ]
                for (index, policy), step in self._steps.items()
            ],
        }

    def load(self, saved: Mapping[str, Any], *, same_boot: bool) -> None:
        """Go on from what an earlier agent saved. Readings of another boot say nothing.

        Raises:
            KeyError, TypeError, ValueError: it is not what ``saved`` gave. The account is as before.
        """
        since, until = datetime.fromisoformat(saved["since"]), datetime.fromisoformat(saved["until"])
        total_uj, total_seconds = int(saved["totalMicrojoules"]), float(saved["totalSeconds"])
        readings = {str(key): int(reading) for key, reading in saved["readings"].items()}
        steps = {
            (int(index), str(policy)): _Step(
                float(uj), float(seconds), float(bound), float(bound_uj), int(lifts)
            )
            for index, policy, uj, seconds, bound, bound_uj, lifts in saved["steps"]
        }
        self._since, self._until, self._total_uj, self._steps = since, until, total_uj, steps
        self._total_seconds = total_seconds
        self._readings = readings if same_boot else {}
        self._alone = False

    def adopt(self, published: Mapping[str, Any]) -> None:
        """Go on from what an earlier agent published, where nothing was loaded: after a reboot. Only once.

        Raises:
            KeyError, TypeError, ValueError: it is not what ``published`` gave. The account is as before.
        """
        if not self._alone:
            return
        since = datetime.fromisoformat(published["since"])
        joules, seconds = (int(published["packages"][name]) for name in ("joules", "seconds"))
        steps = dict(_published_steps(published.get("history", ())))
        self._alone = False
        self._since = since if self._since is None else min(since, self._since)
        self._until = self._until or datetime.fromisoformat(published["until"])
        self._total_uj += joules * 1_000_000
        self._total_seconds += seconds
        for key, step in steps.items():
            self._steps.setdefault(key, step)

    def _seconds_since(self, now: datetime, moment: float) -> float:
        if self._moment is not None:
            return moment - self._moment
        return (now - self._until).total_seconds() if self._until is not None else 0.0

    def _drawn_uj(self, readings: Mapping[str, tuple[Zone, int]], seconds: float) -> int | None:
        """Energy of all packages since the last sample; None where not all of them tell it."""
        if seconds <= 0 or self._readings.keys() - readings.keys():
            return None
        pairs = {
            key: (zone, self._readings[key], after)
            for key, (zone, after) in readings.items()
            if key in self._readings
        }
        doubled = mirrored({key: (zone, before) for key, (zone, before, _) in pairs.items()})
        doubled &= mirrored({key: (zone, after) for key, (zone, _, after) in pairs.items()})
        drawn = [
            energy_since(zone, before, after, seconds)
            for key, (zone, before, after) in pairs.items()
            if is_counted(zone) and key not in doubled
        ]
        known = [delta_uj for delta_uj in drawn if delta_uj is not None]
        return sum(known) if known and len(known) == len(drawn) else None

    def _enter(self, now: datetime, seconds: float, drawn_uj: int, policy: str, *, bound: bool) -> None:
        """Share the energy out over the quarters that it was drawn in, in proportion to time."""
        begin, end = now.timestamp() - seconds, now.timestamp()
        last = int(end // STEP_SECONDS)
        for index in range(max(int(begin // STEP_SECONDS), last - HISTORY_STEPS), last + 1):
            part = min(end, (index + 1) * STEP_SECONDS) - max(begin, index * STEP_SECONDS)
            if part > 0:
                step = self._steps.setdefault((index, policy), _Step())
                step.uj += drawn_uj * part / seconds
                step.seconds += part
                if bound:
                    step.bound_seconds += part
                    step.bound_uj += drawn_uj * part / seconds
        self._steps = {key: step for key, step in self._steps.items() if -1 <= last - key[0] <= HISTORY_STEPS}

    def _step(self, now: datetime, policy: str) -> _Step:
        return self._steps.setdefault((_index(now), policy), _Step())


def _index(moment: datetime) -> int:
    """Number of the quarter of an hour since 1970 that a moment lies in."""
    return int(moment.timestamp() // STEP_SECONDS)


def _start(index: int) -> datetime:
    return datetime.fromtimestamp(index * STEP_SECONDS, UTC)


def _runs(steps: Mapping[tuple[int, str], _Step], last: int) -> list[dict[str, Any]]:
    """The steps up to ``last``: a run for each stretch without a gap under one policy."""
    runs: list[list[tuple[str, int]]] = []
    for policy, index in sorted((policy, index) for index, policy in steps):
        if not last - HISTORY_STEPS < index <= last:
            continue
        if runs and runs[-1][-1] == (policy, index - 1):
            runs[-1].append((policy, index))
        else:
            runs.append([(policy, index)])
    runs.sort(key=lambda run: (run[0][1], run[0][0]))
    return [_run([(index, policy) for policy, index in run], steps).to_wire() for run in runs[-MAX_RUNS:]]


def _run(keys: Sequence[tuple[int, str]], steps: Mapping[tuple[int, str], _Step]) -> Run:
    first, policy = keys[0]
    own = [steps[key] for key in keys]
    return Run(policy, _start(first), [_quarter(step) for step in own], lifts=[step.lifts for step in own])


def _quarter(step: _Step) -> Quarter:
    return Quarter(
        round(step.uj / 1_000_000),
        min(round(step.seconds), STEP_SECONDS),
        min(round(step.bound_seconds), STEP_SECONDS),
        round(step.bound_uj / 1_000_000),
    )


def _published_steps(history: Sequence[Mapping[str, Any]]) -> Iterator[tuple[tuple[int, str], _Step]]:
    for told in history:
        run = read_run(told)
        lifts = run.lifts or [0] * len(run.packages)
        for index, (quarter, lifted) in enumerate(
            zip(run.packages, lifts, strict=True), int(run.start.timestamp()) // STEP_SECONDS
        ):
            yield (
                (index, run.policy),
                _Step(
                    quarter.joules * 1e6,
                    quarter.seconds,
                    quarter.bound_seconds,
                    quarter.bound_joules * 1e6,
                    lifted,
                ),
            )

"""Energy that the node's packages and accelerators drew: totals that go on over restarts, and what fell into each
quarter of an hour. Pure.

What the counters tell is read in the ``ledger``. What is saved and loaded again goes on from the counters' last
readings, so that the energy drawn while no agent ran is in the totals.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from powercap_api.budget.energy import HISTORY_STEPS, MAX_RUNS, STEP_SECONDS, Quarter, Run, read_run
from powercap_api.clock import format_time

from ..hardware.zone import Zone
from .ledger import Interval, Ledger, Part, binds


@dataclass(frozen=True, slots=True)
class Regime:
    """What the node is under."""

    policy: str | None = None
    """Policy of its budget; None: there is none."""
    caps_uw: Mapping[Part, int] = field(default_factory=dict)
    """Cap in force of each part that has one, in microwatts."""
    lifted: bool = False
    """Whether the cap is lifted for a while."""


@dataclass(slots=True)
class _Drawn:
    uj: float = 0.0
    seconds: float = 0.0
    bound_seconds: float = 0.0
    bound_uj: float = 0.0

    def add(self, uj: float, seconds: float, *, bound: bool) -> None:
        self.uj += uj
        self.seconds += seconds
        if bound:
            self.bound_uj += uj
            self.bound_seconds += seconds

    def quarter(self) -> Quarter:
        return Quarter(
            round(self.uj / 1_000_000),
            min(round(self.seconds), STEP_SECONDS),
            min(round(self.bound_seconds), STEP_SECONDS),
            round(self.bound_uj / 1_000_000),
        )


@dataclass(slots=True)
class _Step:
    """What fell into one quarter of an hour under one policy."""

    drawn: dict[Part, _Drawn] = field(default_factory=dict)
    lifts: int = 0


class EnergyAccount:
    """Counts energy up from samples that are some seconds apart."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self._totals: dict[Part, _Drawn] = {}
        self._since: datetime | None = None
        self._until: datetime | None = None
        self._recalled: dict[str, int] | None = None
        """Readings of an earlier agent at ``_until``."""
        self._steps: dict[tuple[int, str], _Step] = {}
        self._caps: dict[Part, tuple[float, float] | None] = {}
        """Each part's cap times seconds, and seconds; None where for some of the time there was none."""
        self._lifted = False
        self._alone = True
        """Whether nothing of an earlier agent was taken over."""

    def sample(
        self,
        now: datetime,
        moment: float,
        readings: Mapping[str, tuple[Zone, int]],
        regime: Regime,
        absent: Iterable[Zone] = (),
    ) -> None:
        """Take in the counters, in microjoules by zone key, and what the node was under until ``now``; ``absent`` are
        zones whose counters could not be read.

        ``moment`` is in seconds of a monotonic clock: how long it was since the last sample of this process does not
        depend on whether the wall clock was set.
        """
        if regime.lifted and not self._lifted and regime.policy is not None:
            self._step(_index(now), regime.policy).lifts += 1
        self._lifted = regime.lifted
        absent = list(absent)
        if self._recalled is not None and self._until is not None:
            before = moment - max((now - self._until).total_seconds(), 0.0)
            self.ledger.recall(self._recalled, [zone for zone, _ in readings.values()] + absent, before)
            self._recalled = None
        for interval in self.ledger.sample(moment, readings, absent):
            self._enter(now, interval, regime)
        if self.ledger.parts:
            self._since, self._until = self._since or now, now

    def close_caps(self) -> dict[Part, int]:
        """The cap of each part over the intervals since the last call, on average and in microwatts: a ramp or a dwell
        keeps a higher one for a while. A part that had none for some of the time is not there."""
        caps = {part: round(summed[0] / summed[1]) for part, summed in self._caps.items() if summed}
        self._caps = {}
        return caps

    def published(self, now: datetime, *, ended: bool = False) -> dict[str, Any] | None:
        """``PowerBudgetStatus.energy`` in wire form; None where nothing can be counted.

        The quarter of an hour that ``now`` lies in is left out, unless the account has ``ended``.
        """
        if self._since is None or self._until is None:
            return None
        last = _index(now) - (0 if ended else 1)
        totals = {part: self._totals.get(part, _Drawn()) for part in (*self.ledger.parts, *self._totals)}
        told = {
            part.value: {"joules": int(total.uj) // 1_000_000, "seconds": int(total.seconds)}
            for part, total in totals.items()
        }
        return {
            "since": format_time(self._since),
            "until": format_time(self._until),
            **told,
            "history": _runs(self._steps, last),
        }

    def saved(self) -> dict[str, Any] | None:
        """What ``load`` takes, as JSON; None where nothing was counted yet."""
        if self._until is None:
            return None
        return {
            "until": self._until.isoformat(),
            "readings": self.ledger.readings,
            "published": self.published(self._until, ended=True),
        }

    def load(self, saved: Mapping[str, Any], *, same_boot: bool) -> None:
        """Go on from what an earlier agent saved. Readings of another boot say nothing.

        Raises:
            KeyError, TypeError, ValueError: it is not what ``saved`` gave. The account is as before.
        """
        until = datetime.fromisoformat(saved["until"])
        readings = {str(key): int(reading) for key, reading in saved["readings"].items()}
        self._since, _, self._totals, self._steps = _read(saved["published"])
        self._until = until
        self._recalled = readings if same_boot else None
        self._alone = False

    def adopt(self, published: Mapping[str, Any]) -> None:
        """Go on from what an earlier agent published before this one counted, where nothing was loaded: after a reboot.
        Only once, and never from what this account has published itself.

        Raises:
            KeyError, TypeError, ValueError: it is not what ``published`` gave. The account is as before.
        """
        if not self._alone:
            return
        since, until, totals, steps = _read(published)
        self._alone = False
        if self._since is not None and until > self._since:
            return
        self._since = since
        self._until = self._until or until
        for part, total in totals.items():
            self._totals.setdefault(part, _Drawn()).add(total.uj, total.seconds, bound=False)
        self._steps = steps | self._steps

    def _enter(self, now: datetime, interval: Interval, regime: Regime) -> None:
        """Count an interval, shared out over the quarters that it lies in, in proportion to time."""
        part, seconds, uj = interval.part, interval.seconds, interval.uj
        self._totals.setdefault(part, _Drawn()).add(uj, seconds, bound=False)
        cap_uw, summed = regime.caps_uw.get(part), self._caps.get(part, (0.0, 0.0))
        self._caps[part] = (
            None if cap_uw is None or summed is None else (summed[0] + cap_uw * seconds, summed[1] + seconds)
        )
        if regime.policy is None:
            return
        bound = cap_uw is not None and binds(round(uj / seconds), cap_uw)
        begin, end = now.timestamp() - seconds, now.timestamp()
        last = int(end // STEP_SECONDS)
        for index in range(max(int(begin // STEP_SECONDS), last - HISTORY_STEPS), last + 1):
            share = min(end, (index + 1) * STEP_SECONDS) - max(begin, index * STEP_SECONDS)
            if share > 0:
                drawn = self._step(index, regime.policy).drawn.setdefault(part, _Drawn())
                drawn.add(uj * share / seconds, share, bound=bound)
        self._steps = {key: step for key, step in self._steps.items() if -1 <= last - key[0] <= HISTORY_STEPS}

    def _step(self, index: int, policy: str) -> _Step:
        return self._steps.setdefault((index, policy), _Step())


def _index(moment: datetime) -> int:
    """Number of the quarter of an hour since 1970 that a moment lies in."""
    return int(moment.timestamp() // STEP_SECONDS)


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
    quarters = {
        part: [step.drawn.get(part, _Drawn()).quarter() for step in own]
        for part in Part
        if any(part in step.drawn for step in own)
    }
    packages, accelerators = (quarters.get(part, ()) for part in (Part.PACKAGES, Part.ACCELERATORS))
    start = datetime.fromtimestamp(first * STEP_SECONDS, UTC)
    return Run(policy, start, packages, accelerators, [step.lifts for step in own])


def _read(
    published: Mapping[str, Any],
) -> tuple[datetime, datetime, dict[Part, _Drawn], dict[tuple[int, str], _Step]]:
    """Since when and until when, totals and steps of what ``published`` gave, which something else may have written."""
    since, until = (datetime.fromisoformat(published[name]) for name in ("since", "until"))
    totals = {}
    for part in Part:
        told = published.get(part)
        if told is not None:
            joules, seconds = int(told["joules"]), int(told["seconds"])
            if not (0 <= joules < 1e12 and 0 <= seconds < 1e12):
                raise ValueError(f"{joules} J in {seconds} s cannot have been counted")
            totals[part] = _Drawn(joules * 1e6, float(seconds))
    return since, until, totals, dict(_steps(published.get("history", ())))


def _steps(history: Sequence[Mapping[str, Any]]) -> Iterator[tuple[tuple[int, str], _Step]]:
    for told in history:
        run = read_run(told)
        first = int(run.start.timestamp()) // STEP_SECONDS
        for place in range(max(len(run.packages), len(run.accelerators))):
            drawn = {
                part: _Drawn(one.joules * 1e6, one.seconds, one.bound_seconds, one.bound_joules * 1e6)
                for part, quarters in ((Part.PACKAGES, run.packages), (Part.ACCELERATORS, run.accelerators))
                if quarters
                for one in quarters[place : place + 1]
            }
            yield (first + place, run.policy), _Step(drawn, run.lifts[place] if run.lifts else 0)

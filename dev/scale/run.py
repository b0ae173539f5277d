"""The phases of a run, first by the operator, then the same writes by the bare client."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from dev.lab.audit_log import BARE, OPERATOR, OURS, REPORTS, Asked
from dev.lab.figures import Figure
from dev.scale import bare_client
from dev.scale.names import node_names
from dev.scale.phase import Measured, Phase, Stopwatch
from dev.scale.world import ScaleWorld

FIRST, TOMORROW, EDIT, PERIOD, LAST_PERIOD, MIDNIGHT, ALONE = (
    "first budgets",
    "tomorrow's results",
    "an edit",
    "a market period",
    "the day's last period",
    "midnight",
    "an edit without agents",
)
_EDITED_PERCENT = (62, 67)
_SETTLED_PERCENT = 65
_EDITS_ALONE = 3
"""Of which the middle one counts."""
_BURSTS = 3
REST_SECONDS = 70.0
"""Longer than a minute, as there is a pass a minute."""
_EDIT_EVERY_SECONDS = 30.0


@dataclass(slots=True)
class Run:
    """Measures one world."""

    world: ScaleWorld
    watch: Stopwatch
    say: Callable[[str], None]
    quick: bool
    """Leave out midnight, and all but one burst of nodes."""
    edits: int
    """How many edits are made, 30 s apart, after the first; ten of them take five minutes."""
    rest_seconds: float = REST_SECONDS
    operator: dict[str, Measured] = field(default_factory=dict)
    bare: dict[str, Measured] = field(default_factory=dict)
    figures: list[Figure] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    """Aims that were missed, of those that do not depend on how busy the machine is."""
    _specs: dict[str, dict[str, Any]] = field(default_factory=dict)
    _status: dict[str, Any] = field(default_factory=dict)

    def all(self) -> None:
        """Everything."""
        self._days()
        self._many_edits()
        self._times()
        self._rest()
        self._bursts()
        self._loop_and_memory()
        self._bare_client()
        self._without_agents()

    def _days(self) -> None:
        world = self.world
        self._by_operator(FIRST, world.start_operator)
        self._by_operator(TOMORROW, lambda: world.jump(hour=15, minute=46))
        self._by_operator(EDIT, lambda: world.edit(_EDITED_PERCENT[0]))
        budget = world.budget()
        self._status = budget["status"]
        self._object_size(budget)

    def _times(self) -> None:
        self._by_operator(PERIOD, self.world.jump_to_next_period, writes=False)
        if not self.quick:
            # Reported before midnight comes: the statuses of both would else meet.
            last = partial(self.world.jump, hour=23, minute=44, second=58)
            self._by_operator(LAST_PERIOD, last, writes=False)
            midnight = partial(self.world.jump, hour=23, minute=59, second=58)
            self._by_operator(MIDNIGHT, midnight, writes=False)

    def _by_operator(self, what: str, begin: Callable[[], object], *, writes: bool = True) -> None:
        names = self.world.nodes
        self.say(f"{what}, by the operator")
        phase = Phase(what, OPERATOR, names if writes else (), names)
        self.operator[what] = self._measure(phase, begin)
        if writes:
            self._specs[what] = self.world.budget()["spec"]

    def _many_edits(self) -> None:
        """One every 30 s, or one after the other where they take longer."""
        if not self.edits:
            return
        self.say(f"{self.edits} more edits, one every {_EDIT_EVERY_SECONDS:.0f} s")
        before, began, seconds = self.world.meters.usage(), time.monotonic(), []
        for number in range(self.edits):
            phase = Phase("one of many edits", OPERATOR, self.world.nodes)
            percent = _EDITED_PERCENT[(number + 1) % 2]
            measured = self._measure(phase, partial(self.world.edit, percent))
            seconds.append(measured.written_seconds or 0.0)
            time.sleep(max(0.0, began + (number + 1) * _EDIT_EVERY_SECONDS - time.monotonic()))
        used, took = self.world.meters.usage().since(before), time.monotonic() - began
        growth = used.etcd_mb
        self._check(growth < 500, f"etcd grew by {growth:.0f} MB in {self.edits} edits")
        self.figures.append(
            Figure(
                f"etcd's growth in {took:.0f} s, number of edits: {self.edits}",
                f"{growth:.0f} MB",
                "< 500 MB",
                f"size of etcd's database file, agents' statuses too; an edit took {min(seconds):.1f} to"
                f" {max(seconds):.1f} s; API server {used.api_server:.0f} s and etcd {used.etcd:.0f} s of"
                " processor time in all",
            )
        )

    def _object_size(self, budget: dict[str, Any]) -> None:
        raw = self.world.plane.kubectl("get", "--raw", f"{bare_client.BUDGETS}/{budget['metadata']['name']}")
        size = len(raw.encode())
        self._check(size <= 5632, f"a budget of two days takes {size} bytes")
        self.figures.append(
            Figure(
                "a budget of two days, stored",
                f"{size} bytes",
                "5632 bytes",
                "JSON with status and managedFields",
            )
        )

    def _rest(self) -> None:
        self.say(f"at rest for {self.rest_seconds:.0f} s")
        self.world.log.new()
        before = self.world.meters.usage()
        time.sleep(self.rest_seconds)
        used = self.world.meters.usage().since(before)
        ours = [write for write in self.world.log.new() if write.agent.startswith(OURS)]
        reports = Counter(write.name for write in ours if write.resource == REPORTS)
        writes = [write for write in ours if write.resource != REPORTS]
        self._check(not writes, f"{len(writes)} writes at rest: {_counted(writes)}")
        self._check(max(reports.values(), default=0) <= 1, f"more than one write of a report: {reports}")
        self.figures.append(
            Figure(
                f"{self.rest_seconds:.0f} s at rest: writes",
                f"{len(writes)}",
                "0",
                f"audit log, without {reports.total()} reports of the period before; a pass a minute; operator"
                f" {used.operator / self.rest_seconds * 1000:.0f} millicores,"
                f" API server {used.api_server / self.rest_seconds * 1000:.0f}",
            )
        )

    def _bursts(self) -> None:
        """Nodes that come and go together."""
        names = node_names(max(len(self.world.nodes) // 10, 1), "burst")
        new, gone = [], []
        for number in range(1 if self.quick else _BURSTS):
            self.say(f"burst {number + 1} of {len(names)} nodes")
            new.append(
                self.watch.run(
                    Phase("nodes new", OPERATOR, names),
                    lambda: self.world.send([bare_client.create_node(name, {}) for name in names]),
                )
            )
            gone.append(
                self.watch.run(
                    Phase("nodes gone", OPERATOR, names, gone=True),
                    lambda: self.world.send([bare_client.delete_node(name) for name in names]),
                )
            )
        for measured in (new, gone):
            self.operator[f"{len(names)} {measured[0].what}"] = _middle(measured)

    def _loop_and_memory(self) -> None:
        step = self.world.meters.longest_step()
        self._check(step <= 0.1, f"the operator's loop took {step * 1000:.0f} ms for one step")
        self.figures.append(
            Figure(
                "operator: longest step of the loop",
                f"{step * 1000:.0f} ms",
                "100 ms",
                "processor time of the loop's thread between two looks, since the start",
            )
        )
        now, peak = self.world.meters.operator_mb(), self.world.meters.operator_mb("VmHWM")
        self._check(peak <= 200, f"the operator took {peak:.0f} MB")
        how = f"resident memory at the end of all phases, {len(self.world.nodes)} nodes"
        self.figures.append(
            Figure("operator: memory", f"{now:.0f} MB, at the peak {peak:.0f} MB", "200 MB", how)
        )

    def _bare_client(self) -> None:
        world, names = self.world, self.world.nodes
        world.stage.operator.stop(10)
        owners = world.owners()
        world.send([bare_client.delete_budget(name) for name in names])
        for what in (FIRST, TOMORROW, EDIT):
            self.say(f"{what}, by the bare client")
            requests = [bare_client.apply_budget(name, owners[name], self._specs[what]) for name in names]
            self.bare[what] = self._measure(Phase(what, BARE, names, names), partial(world.send, requests))
        self.say(f"{PERIOD}, by the bare client")
        status = self._status | {"reapplied": 1_000_000}
        statuses = [bare_client.patch_status(name, status) for name in names]
        phase = Phase(PERIOD, BARE, (), names, reporter=BARE)
        self.bare[PERIOD] = self._measure(phase, lambda: world.send(statuses))

    def _without_agents(self) -> None:
        """What the operator takes for itself: nothing reports, and nothing of what is written comes back but once."""
        world, names = self.world, self.world.nodes
        world.agents.stop()
        world.start_operator()
        self._measure(Phase("another edit", OPERATOR, names), partial(world.edit, _SETTLED_PERCENT))
        edits, specs = [], []
        for number in range(_EDITS_ALONE):
            specs.append(world.budget()["spec"])
            phase = Phase(ALONE, OPERATOR, names)
            edits.append(self._measure(phase, partial(world.edit, _EDITED_PERCENT[number % 2])))
        world.stage.operator.stop(10)
        owners, bare = world.owners(), []
        for spec in reversed(specs):
            requests = [bare_client.apply_budget(name, owners[name], spec) for name in names]
            bare.append(self._measure(Phase(ALONE, BARE, names), partial(world.send, requests)))
        self.operator[ALONE], self.bare[ALONE] = _middle(edits), _middle(bare)
        each = sorted(edit.used.operator / edit.budget_writes * 1000 for edit in edits)[_EDITS_ALONE // 2]
        how = f"{ALONE}, {len(names)} nodes; until 3 s after the last write"
        self.figures.append(
            Figure("operator: processor time for each budget written", f"{each:.2f} ms", "1.3 ms", how)
        )

    def _measure(self, phase: Phase, begin: Callable[[], object]) -> Measured:
        """Run the phase; what came of it is said at once, for whoever does not wait for the table."""
        measured = self.watch.run(phase, begin)
        written, reported = measured.written_seconds, measured.reported_seconds
        self.say(
            f"  written {'-' if written is None else f'{written:.1f} s'},"
            f" reported {'-' if reported is None else f'{reported:.1f} s'},"
            f" API server {measured.used.api_server:.1f} s, etcd +{measured.used.etcd_mb:.0f} MB"
        )
        return measured

    def _check(self, holds: bool, complaint: str) -> None:
        if not holds:
            self.failures.append(complaint)


def _middle(measured: list[Measured]) -> Measured:
    """The one with as many quicker as slower ones beside it."""
    return sorted(measured, key=lambda one: one.written_seconds or 0.0)[len(measured) // 2]


def _counted(writes: list[Asked]) -> str:
    counts = Counter(f"{write.verb} {write.resource} by {write.agent}" for write in writes)
    return ", ".join(f"{count} × {what}" for what, count in sorted(counts.items()))

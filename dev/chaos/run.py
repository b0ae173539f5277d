"""Round after round: rough weather, disturbances and edits; then calm, and everything must come right."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Final

from dev.chaos.disturbances import Disturbances
from dev.chaos.edits import Edits
from dev.chaos.limits_watch import LimitsWatch
from dev.chaos.world import AGENTS, LEASE, NAMESPACE, ChaosWorld
from dev.cluster.errors import KubectlError
from dev.lab.api_client import Client
from dev.lab.judge import HISTORY
from dev.lab.results import DEFAULT_MARKET
from powercap_api.names import POWER_BUDGET, POWER_POLICY
from powercap_operator.kube.cache import JOB, KINDS, WorldCache
from powercap_operator.planning.decision import Decision, decide
from powercap_operator.planning.jobs.plan import JobPlanner
from powercap_operator.planning.jobs.release import decide_jobs
from powercap_operator.world.snapshot import World

CONVERGENCE_SECONDS: Final = 10.0
HALF_OPEN_SECONDS: Final = 75.0
NODES_SECONDS: Final = 75.0
"""Agents pause for 30 s at most between tries to watch, and for 60 s between tries to report."""
_GIVE_UP_SECONDS: Final = 120.0
_LEADER_SECONDS: Final = 30.0
_EDIT_PAUSE: Final = 0.005
_SLOW_SECONDS: Final = 4.0
_GROWTH_MB: Final = 25.0


@dataclass
class Run:
    """One run; ``complaints`` is empty where all held."""

    world: ChaosWorld
    chance: Random
    say: Callable[[str], None]
    most_edits: int
    until: float
    """End, by the monotonic clock."""
    late_seconds: float = 0.0
    """How much later than its aim each thing may be, on a machine that does other work too."""
    round_seconds: float = 14.0
    complaints: list[str] = field(default_factory=list)
    decided: list[float] = field(default_factory=list)
    """Seconds, from when all works and an operator leads, until nothing is left to do for a fresh one; by round."""
    followed: list[float] = field(default_factory=list)
    """The same until nodes follow and have said so, too."""
    half_open: dict[str, float] = field(default_factory=dict)
    waited_for: str = ""
    """The last complaint of a wait."""
    memory: dict[str, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        zone = DEFAULT_MARKET.bidding_zone.zone
        self.direct = Client(self.world.plane, seconds=5.0, patient=False)
        self.edits = Edits(
            self.direct, self.chance, tuple(AGENTS), lambda: self.world.clock.now().astimezone(zone).date()
        )
        self.disturbances = Disturbances(self.world, self.edits, self.chance)
        self.limits = LimitsWatch(
            {node: self.world.stage.tree(node) for node in AGENTS}, self.world.stage.originals
        )

    @property
    def made(self) -> int:
        """Edits that were accepted."""
        return self.edits.made.total()

    def all(self) -> None:
        """Rounds until the time or the edits are used up, then the half-open connections."""
        self.edits.begin()
        self.world.start_programs()
        self.limits.start()
        self._converge("at first")
        rounds = 0
        while time.monotonic() < self.until and self.made < self.most_edits:
            rounds += 1
            self._disturb()
            self._converge(f"round {rounds}")
        self.world.stage.advance(timedelta(days=2))  # past every wait
        self._converge("two days later")
        self.complaints += [f"{name} is left suspended" for name in self.edits.suspended()]
        self._half_open()
        self.limits.stop()
        self.direct.close()
        self.complaints += self.limits.complaints[:10]
        self.complaints += [
            f"{name} ended by itself {count} times" for name, count in self.world.ended.items()
        ]
        self._judge_memory()

    def _disturb(self) -> None:
        self.world.weather.rough()
        ends = time.monotonic() + self.round_seconds
        disturb_at = time.monotonic() + self.chance.uniform(0, 3)
        while time.monotonic() < ends and self.made < self.most_edits:
            self.world.supervise()
            if not self.edits.make():
                time.sleep(0.2)
            if time.monotonic() >= disturb_at:
                self.disturbances.one()
                disturb_at = time.monotonic() + self.chance.uniform(2, 8)
            time.sleep(_EDIT_PAUSE)

    def _converge(self, when: str) -> None:
        self.world.weather.calm()
        self.disturbances.heal()
        self.world.supervise()
        self.world.proxy.heal()
        healed, wall = time.monotonic(), datetime.now(UTC)
        led, why = self._decided_since(wall)
        decided = time.monotonic() - led
        self.decided.append(decided)
        if why or decided > CONVERGENCE_SECONDS + self.late_seconds:
            self.complaints.append(
                f"{when}: not as it should be after {decided:.1f} s: {why or self.waited_for}"
            )
        why = self._until(self._anything, _GIVE_UP_SECONDS + self.late_seconds)
        followed = time.monotonic() - led
        self.followed.append(followed)
        if why or followed > NODES_SECONDS + self.late_seconds:
            self.complaints.append(f"{when}: not followed after {followed:.1f} s: {why or self.waited_for}")
        self.complaints += [f"{when}: an edit is lost: {one}" for one in self.edits.lost()]
        for program, megabytes in self.world.memory_mb().items():
            self.memory.setdefault(program, []).append(megabytes)
        self.say(
            f"{when}: {self.made} edits; a leader after {led - healed:.1f} s, {decided:.1f} s later all is"
            f" decided, {followed:.1f} s later all is followed"
        )

    def _decided_since(self, wall: datetime) -> tuple[float, str]:
        """Wait for a leader and for its decisions; since when it leads, and the last complaint.

        An operator that ends to restart hands over like one that was killed: the time counts from the next leader.
        """
        while True:
            anew = self.world.rewound.total()
            self._until(partial(self._without_leader, wall), _LEADER_SECONDS)
            led = time.monotonic()
            why = self._until(partial(self._undecided, anew), _GIVE_UP_SECONDS + self.late_seconds)
            if self.world.rewound.total() == anew:
                return led, why
            wall = datetime.now(UTC)

    def _undecided(self, anew: int) -> str:
        """What a fresh operator would do; empty where nothing, or where an operator has begun anew meanwhile."""
        return "" if self.world.rewound.total() > anew else self.difference()

    def _until(self, complaint: Callable[[], str], seconds: float) -> str:
        """Wait until there is no complaint; the last one where there still is."""
        ends = time.monotonic() + seconds
        while True:
            self.world.supervise()
            began = time.monotonic()
            try:
                found = complaint()
            except KubectlError as error:
                found = f"the API server: {error}"
            if time.monotonic() - began > _SLOW_SECONDS:
                self.say(f"one look took {time.monotonic() - began:.1f} s: {found[:200]}")
            if not found or time.monotonic() > ends:
                return found
            self.waited_for = found
            time.sleep(0.1)

    def _without_leader(self, since: datetime) -> str:
        """An operator may just have been killed: the other one takes over within 20 s."""
        spec = self.direct.get("lease", LEASE, NAMESPACE)["spec"]
        led = spec.get("holderIdentity") and datetime.fromisoformat(spec["renewTime"]) > since
        return "" if led else "nobody leads"

    def _listed(self) -> World:
        """The cluster as an operator has it that lists it now."""
        cache = WorldCache(follows_jobs=True)
        for kind in (*KINDS, JOB):
            for body in self.direct.items(kind).values():
                cache.put(kind, body)
        return cache.world()

    def _decision(self) -> Decision:
        """What such an operator would change; empty where all is as it should be."""
        return decide(self._listed(), self.world.clock.now(), HISTORY)

    def _unreleased(self) -> list[str]:
        """Jobs that it would release now."""
        world, now = self._listed(), self.world.clock.now()
        decision = decide_jobs(world, JobPlanner().plan(world, now, {}), now)
        return [f"{plan.job.name} ({plan.reason})" for plan in (*decision.release, *decision.mark)]

    def difference(self) -> str:
        """What a fresh operator would do; empty where nothing."""
        decision, jobs = self._decision(), self._unreleased()
        if jobs:
            return f"{len(jobs)} jobs are to be released: {', '.join(jobs[:5])}"
        return f"a fresh operator would still do {str(decision)[:1500]}" if decision else ""

    def _anything(self) -> str:
        """The same, or a node that does not follow."""
        budgets, now, stage = self.direct.items(POWER_BUDGET), self.world.clock.now(), self.world.stage
        found = (stage.complaint(node, budgets.get(node), now) for node in AGENTS)
        return next(filter(None, found), "") or self.difference()

    def _half_open(self) -> None:
        """All watches are half-open from one moment on. An edit made then must be followed nevertheless."""
        self.world.proxy.half_open()
        time.sleep(1)
        began = time.monotonic()
        self.direct.patch(POWER_POLICY, "default", {"spec": {"suspend": False, "maxSource": "77"}})
        for who, complaint in (("operators", self._policy_waits), ("agents too", self._anything)):
            why = self._until(complaint, _GIVE_UP_SECONDS + self.late_seconds)
            self.half_open[who] = time.monotonic() - began
            if why or self.half_open[who] > HALF_OPEN_SECONDS + CONVERGENCE_SECONDS + self.late_seconds:
                self.complaints.append(f"half-open watches: {who} after {self.half_open[who]:.0f} s: {why}")

    def _policy_waits(self) -> str:
        return "a budget is to be written" if self._decision().write_budgets else ""

    def _judge_memory(self) -> None:
        for program, megabytes in self.memory.items():
            if len(megabytes) >= 6:
                early, late = statistics.median(megabytes[1:4]), statistics.median(megabytes[-3:])
                if late - early > _GROWTH_MB:
                    self.complaints.append(f"{program} grew from {early:.0f} to {late:.0f} MB")

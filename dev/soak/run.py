"""Day after delivery day: the clock is set to the next look, the operator comes to rest, and all is judged.

The operator and one node's agent are real processes. Looks are at the hours at which something happens; each comes as
soon as nothing is left to do after the one before.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Final

from dev.lab.api_client import Client, UnsureError
from dev.lab.exchange.facts import day_bounds
from dev.lab.fake_sysfs import ONE_SOCKET, build_tree, read_limits
from dev.lab.judge import HISTORY
from dev.lab.processes import resident_mb
from dev.lab.results import DEFAULT_MARKET
from dev.lab.stage import Stage, StageError
from dev.soak.cluster import WatchedCluster
from dev.soak.judge import Judge
from dev.soak.people import STEADY, People
from dev.soak.publications import Publications
from powercap_api.markets import Auction, Market
from powercap_api.names import NODE

LOOKS: Final = ((0, 10), (7, 0), (13, 0), (15, 50), (18, 30), (23, 52))
"""Local times: after midnight, in the morning, before and after the auctions' results, in the evening, last call."""
MARKETS: Final = (DEFAULT_MARKET, Market("DE-LU", Auction.SDAC, 60))
AT_ONCE: Final = 3
"""An outage in the day's middle ends at this look."""
MOST_COMPLAINTS: Final = 10
_ZONE: Final = DEFAULT_MARKET.bidding_zone.zone
_STEP: Final = timedelta(minutes=15)
_AHEAD: Final = timedelta(hours=5)
_REST_SECONDS: Final = 120.0
_SETTLED_SECONDS: Final = 400.0
"""Nothing is deleted for its age until minutes after the clock was set."""
_SLOW_SECONDS: Final = 5.0
_PAUSE_SECONDS: Final = 0.03
_TODAYS_AND_TOMORROWS: Final = 4
"""Days that the history does not count: today, tomorrow, and the two that its border falls into."""
_POKE: Final = "powercap.dev/soak-look"
_POKE_SECONDS: Final = 0.5


@dataclass
class Soak:
    """One run on a stage that is open; ``complaints`` is empty where all held."""

    stage: Stage
    chance: Random
    say: Callable[[str], None]
    days: int
    looks: int = 0
    done: Counter[str] = field(default_factory=Counter)
    memory: dict[int, list[float]] = field(default_factory=dict)
    """Resident MB of each process of the operator, day by day."""
    agent_memory: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    """How long each day took."""
    rests: list[float] = field(default_factory=list)
    """How long the operator took to come to rest, by look."""

    def __post_init__(self) -> None:
        self.direct = Client(self.stage.control_plane, seconds=5.0, patient=False)
        self.cluster = WatchedCluster(self.stage, self.direct)
        self.people = People(self.direct, self.chance)
        self.publications = Publications(self.stage.exchange, MARKETS, self.chance)
        self.judge = Judge(self.cluster)
        self._operator_wanted = False
        self._poked_at, self._pokes = 0.0, 0
        self._first = self.stage.clock.now().astimezone(_ZONE).date() + timedelta(days=1)

    @property
    def complaints(self) -> list[str]:
        """What did not hold."""
        return self.judge.complaints

    @property
    def clock_changes(self) -> int:
        """How many of the days so far had another length than 24 hours."""
        days = (self._first + timedelta(days=number) for number in range(len(self.seconds)))
        bounds = (day_bounds(day) for day in days)
        return sum(end - start != timedelta(days=1) for start, end in bounds)

    def run(self) -> None:
        """All days, and the end: everything of people's away, and the operator's with it."""
        first = self._first
        self._set_clock(first, *LOOKS[0])
        self.publications.begin(first)
        self._begin()
        try:
            for number in range(self.days):
                began = time.monotonic()
                self._day(number, first + timedelta(days=number))
                self.seconds.append(time.monotonic() - began)
                if number % 10 == 9:
                    self.say(self._progress(number + 1))
                if len(self.complaints) >= MOST_COMPLAINTS:
                    break
            now = self.stage.clock.now()
            self._rest(now, settled=True)
            self.judge.history(now, len(self.people.specs))
            self._end(first + timedelta(days=self.days))
        finally:
            self.direct.close()
        self.judge.requests(self.stage.exchange)

    def _begin(self) -> None:
        build_tree(self.stage.tree(STEADY), ONE_SOCKET)
        self.stage.originals[STEADY] = read_limits(self.stage.tree(STEADY))
        self._until(self._unlistable, "at first")
        self.people.begin()
        self._start_operator()
        self.stage.start_agent(STEADY, "--pressure-file", str(self.stage.root / "no-pressure"))

    def _day(self, number: int, day: date) -> None:
        calm = number >= self.days // 2
        """In the second half the operator is not ended, so that its memory can be seen over months."""
        away = self._away(calm)
        for place, (hour, minute) in enumerate(LOOKS):
            now = self._set_clock(day, hour, minute)
            self.looks += 1
            self.publications.at(now, day)
            if away and 1 <= place < AT_ONCE:
                if place == 1:
                    self._go(away)
                self.judge.unattended(now)
                self._until(self._not_followed, f"unattended at {now}")
                continue
            if away and place == AT_ONCE:
                self._come_back(away)
            elif not calm and self.chance.random() < 0.02:
                self._restart()
            if place == 0:
                self.people.resume()
            self.people.maybe(now)
            if number:  # on the first day nothing is known that could stand in
                self.publications.misbehave()
            self._attended(now, self._next_attended(day, place, away))
        self._remember_memory()

    def _away(self, calm: bool) -> str:
        """Who is away from the morning to the afternoon of a day, if anybody."""
        draw = self.chance.random()
        if draw < 0.05:
            return "API server"
        return "operator" if draw < 0.1 and not calm else ""

    def _go(self, who: str) -> None:
        self.done[f"{who} away for hours"] += 1
        if who == "operator":
            self._operator_wanted = False
            self.stage.operator.stop()
        else:
            self.stage.control_plane.stop_api_server()

    def _come_back(self, who: str) -> None:
        if who == "operator":
            self._start_operator()
        else:
            self.stage.control_plane.start_api_server()
            self._until(self._unlistable, "after the outage")

    def _restart(self) -> None:
        self.done["operator killed"] += 1
        self.stage.operator.stop(0.0)
        self._start_operator()

    def _start_operator(self) -> None:
        self._operator_wanted = True
        self.stage.start_operator()

    def _supervise(self) -> None:
        """Start an operator again that has ended to restart; any other end is a defect."""
        if not self._operator_wanted or self.stage.operator.pid is not None:
            return
        log = self.stage.operator.last_lines()
        if "to restart" in log:
            self.done["operator restarted"] += 1
        else:
            self.judge.complaints.append(f"the operator ended by itself: {log}")
        self._start_operator()

    def _next_attended(self, day: date, place: int, away: str) -> datetime:
        """When all is looked at next."""
        if place == len(LOOKS) - 1:
            return _moment(day + timedelta(days=1), *LOOKS[0])
        return _moment(day, *LOOKS[AT_ONCE if away and place == 0 else place + 1])

    def _attended(self, now: datetime, following: datetime) -> None:
        self._rest(now)
        for name in self.cluster.budgets.keys() - {STEADY}:
            self.cluster.report(name)
        self.judge.budgets(now, following)
        self.judge.objects(now, self.people.nodes)
        self._until(self._not_followed, f"at {now}")
        self.judge.complaints += [f"at {now} an edit is lost: {one}" for one in self.people.lost()]

    def _not_followed(self) -> str:
        return self.cluster.not_followed(STEADY, self.stage.clock.now())

    def _rest(self, now: datetime, *, settled: bool = False) -> None:
        """Wait until the operator has done all that it would do at this moment; with ``settled`` also what it does some
        minutes after the clock was set.
        """
        began = time.monotonic()
        self.cluster.begin_look()
        self._poke()
        self._until(
            lambda: self._unfinished(settled),
            f"no rest at {now}",
            _SETTLED_SECONDS if settled else _REST_SECONDS,
        )
        self.rests.append(time.monotonic() - began)

    def _unfinished(self, settled: bool) -> str:
        """What is left to do; from time to time the operator is made to look again."""
        found = self.cluster.unfinished(self.stage.clock.now(), settled=settled)
        if found and time.monotonic() - self._poked_at > _POKE_SECONDS:
            self._poke()
        return found

    def _poke(self) -> None:
        """Change a Node's label: what agents report wakes no operator, which looks once a minute, and when woken."""
        self._poked_at, self._pokes = time.monotonic(), self._pokes + 1
        for node in sorted(self.people.nodes)[:1]:
            self.direct.patch(NODE, node, {"metadata": {"labels": {_POKE: str(self._pokes)}}})

    def _until(self, complaint: Callable[[], str], what: str, seconds: float = _REST_SECONDS) -> None:
        """Wait until there is no complaint.

        Raises:
            StageError: there still is, after a long time.
        """
        began, told = time.monotonic(), False
        while found := _or_trouble(complaint):
            self._supervise()
            waited = time.monotonic() - began
            if waited > seconds:
                raise StageError(f"{what}: {found}")
            if waited > _SLOW_SECONDS and not told:
                self.say(f"{what}, waiting for {_SLOW_SECONDS:.0f} s: {found[:1000]}")
                told = True
            time.sleep(_PAUSE_SECONDS)

    def _end(self, day: date) -> None:
        """Policies and nodes deleted, and the history over: nothing may be left."""
        self.people.end()
        self._rest(self._set_clock(day, *LOOKS[1]))
        self._rest(self._set_clock(day + HISTORY + timedelta(days=10), *LOOKS[1]), settled=True)
        self.judge.left()
        self._until(self._unreleased, "at the end")

    def _unlistable(self) -> str:
        """An API server that has just started refuses some lists still."""
        self.cluster.look()
        return ""

    def _unreleased(self) -> str:
        return self.stage.not_followed(STEADY, None, self.stage.clock.now())

    def _remember_memory(self) -> None:
        pid = self.stage.operator.pid
        if pid is not None:
            self.memory.setdefault(pid, []).append(resident_mb(pid))
        agent = self.stage.agents[STEADY].pid
        if agent is not None:
            self.agent_memory.append(resident_mb(agent))

    def _progress(self, number: int) -> str:
        recent = self.seconds[-10:]
        operator = [values[-1] for values in self.memory.values()][-1:]
        return (
            f"day {number}: {sum(recent) / len(recent):.1f} s a day, {len(self.stage.exchange.requests)} requests,"
            f" operator {operator} MB, {len(self.complaints)} complaints, {self.cluster.counts}"
        )

    def _set_clock(self, day: date, hour: int, minute: int) -> datetime:
        moment = _moment(day, hour, minute)
        self.stage.advance(moment - self.stage.clock.now())
        return moment


def _moment(day: date, hour: int, minute: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=_ZONE).astimezone(UTC)


def _or_trouble(complaint: Callable[[], str]) -> str:
    """The complaint, or that the API server is in trouble."""
    try:
        return complaint()
    except UnsureError as error:
        return f"the API server: {error}"

"""Random edits as people and controllers make them, and what must be there of them afterwards.

Policies and nodes belong to people: what was accepted must stay as it was written. Budgets and the operator's market
days belong to the operator: what others do to them must be undone.
"""

from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from datetime import date, timedelta
from random import Random
from typing import Any, Final

from dev.lab.api_client import Client, RefusedError, UnsureError
from dev.lab.judge import holds
from dev.lab.waiting_jobs import waiting_job
from powercap_api.names import EXEMPT_LABEL, MARKET_DAY, NODE, POWER_BUDGET, POWER_POLICY, WAIT_POLICY
from powercap_operator.kube.cache import JOB

_STRATEGIES: Final[tuple[dict[str, Any], ...]] = (
    {"type": "Volume"},
    {"type": "Volume", "reference": "Average"},
    {"type": "Price"},
    {"type": "Solar"},
    {"type": "Fixed", "power": "30"},
    {"type": "Schedule", "windows": [{"start": "22:00", "end": "06:00", "power": "35"}]},
)
_POOLS: Final = ("a", "b", "c")
_MOST_POLICIES: Final = 5
_MOST_NODES: Final = 24
_MOST_DAYS: Final = 6


class Edits:
    """Makes edits and remembers what they came to."""

    def __init__(
        self, direct: Client, chance: Random, lasting: tuple[str, ...], today: Callable[[], date]
    ) -> None:
        """``lasting`` are the nodes that have agents, which are relabelled but never deleted."""
        self._direct = direct
        self._chance = chance
        self._lasting = lasting
        self._today = today
        self.policies: dict[str, dict[str, Any]] = {}
        """Specs as they were written."""
        self.nodes: dict[str, dict[str, str]] = {}
        """Labels as they were written."""
        self.days: set[str] = set()
        """Market days that a person made."""
        self.jobs: set[str] = set()
        """Jobs that wait, or did."""
        self.unsure: set[tuple[str, str]] = set()
        """Objects whose last edit may or may not have been made."""
        self.made: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self._serial = 0

    def snapshot(self) -> tuple[Any, ...]:
        """What is known now, for when the cluster goes back to now."""
        return deepcopy((self.policies, self.nodes, self.days, self.jobs, self.unsure))

    def go_back(self, snapshot: tuple[Any, ...]) -> None:
        """The cluster is again as it was then."""
        self.policies, self.nodes, self.days, self.jobs, self.unsure = deepcopy(snapshot)

    def begin(self) -> None:
        """One policy for all, and the lasting nodes."""
        self._create_policy("default", maxSource="60", minPower="20")
        self._direct.create(WAIT_POLICY, "default", spec=self._waits())
        for node in self._lasting:
            self._add_node(node)

    def make(self) -> bool:
        """One edit at random; whether it was accepted."""
        kinds: list[tuple[Callable[[], None], int]] = [
            (self._edit_policy, 30),
            (self._toggle_policy, 8),
            (self._new_policy, 5),
            (self._drop_policy, 4),
            (self._new_node, 8),
            (self._drop_node, 6),
            (self._label_node, 14),
            (self._new_day, 3),
            (self._drop_day, 6),
            (self._spoil_day, 3),
            (self._spoil_budget, 10),
            (self._drop_budget, 6),
            (self._empty_status, 3),
            (self._new_job, 30),
            (self._edit_wait_policy, 4),
        ]
        edit = self._chance.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])[0]
        name = edit.__name__.strip("_").replace("_", " ")
        try:
            edit()
        except (RefusedError, UnsureError) as error:
            self.refused[str(error)[:60]] += 1
            return False
        self.made[name] += 1
        return True

    def _policy(self) -> str:
        return self._chance.choice(sorted(self.policies))

    def _watts(self) -> str:
        return str(self._chance.randint(45, 190))

    def _edit_policy(self) -> None:
        name = self._policy()
        change: dict[str, Any] = self._chance.choice(
            (
                {"maxSource": self._watts()},
                {"minPower": str(self._chance.randint(5, 40))},
                {"priority": self._chance.randint(0, 3)},
                {"strategy": None},
                {"stabilisationSeconds": self._chance.randint(30, 600)},
                {"fallback": {"then": self._chance.choice(("MinPower", "Hold", "Release"))}},
                {"nodeSelector": None if name == "default" else {"pool": self._chance.choice(_POOLS)}},
            )
        )
        if "strategy" in change:
            # A merge patch would mix the fields of two strategies.
            self._on(POWER_POLICY, name, {"spec": {"strategy": None}})
            change = {"strategy": self._chance.choice(_STRATEGIES)}
        self._on(POWER_POLICY, name, {"spec": change})

    def _toggle_policy(self) -> None:
        field = self._chance.choice(("suspend", "dryRun"))
        self._on(POWER_POLICY, self._policy(), {"spec": {field: self._chance.random() < 0.3}})

    def _on(self, kind: str, name: str, patch: dict[str, Any]) -> None:
        try:
            self._direct.patch(kind, name, patch)
        except UnsureError:
            self.unsure.add((kind, name))
            raise
        if kind == POWER_POLICY:
            _merge(self.policies[name], patch["spec"])

    def _create_policy(self, name: str, **spec: Any) -> None:
        self._sure(POWER_POLICY, name, lambda: self._direct.create(POWER_POLICY, name, spec=spec))
        self.policies[name] = spec

    def _new_policy(self) -> None:
        if len(self.policies) >= _MOST_POLICIES:
            return self._drop_policy()
        self._serial += 1
        spec = {"maxSource": self._watts(), "nodeSelector": {"pool": self._chance.choice(_POOLS)}}
        strategy = self._chance.choice(_STRATEGIES)
        return self._create_policy(f"policy-{self._serial}", **spec, strategy=strategy, priority=1)

    def _drop_policy(self) -> None:
        name = self._policy()
        if name != "default":
            self._sure(POWER_POLICY, name, lambda: self._direct.delete(POWER_POLICY, name))
            del self.policies[name]

    def _new_node(self) -> None:
        if len(self.nodes) >= _MOST_NODES:
            return self._drop_node()
        self._serial += 1
        return self._add_node(f"node-{self._serial}")

    def _add_node(self, name: str) -> None:
        labels = {"pool": self._chance.choice(_POOLS)}
        self._sure(NODE, name, lambda: self._direct.create(NODE, name, metadata={"labels": labels}))
        self.nodes[name] = labels

    def _drop_node(self) -> None:
        names = sorted(set(self.nodes) - set(self._lasting))
        if names:
            name = self._chance.choice(names)
            self._sure(NODE, name, lambda: self._direct.delete(NODE, name))
            del self.nodes[name]

    def _label_node(self) -> None:
        name = self._chance.choice(sorted(self.nodes))
        exempt = "true" if self._chance.random() < 0.2 else None
        labels = {"pool": self._chance.choice(_POOLS), EXEMPT_LABEL: exempt}
        self._sure(NODE, name, lambda: self._direct.patch(NODE, name, {"metadata": {"labels": labels}}))
        _merge(self.nodes[name], labels)

    def _new_day(self) -> None:
        """A day of history that a person asks for."""
        if len(self.days) >= _MOST_DAYS:
            gone = min(self.days)
            self._sure(MARKET_DAY, gone, lambda: self._direct.delete(MARKET_DAY, gone))
            self.days.discard(gone)
        self._serial += 1
        name = f"asked-{self._serial:06}"
        day = (self._today() - timedelta(days=self._chance.randint(1, 9))).isoformat()
        self._sure(
            MARKET_DAY, name, lambda: self._direct.create(MARKET_DAY, name, spec={"deliveryDate": day})
        )
        self.days.add(name)

    def _operators_day(self) -> str | None:
        names = sorted(self._direct.items(MARKET_DAY).keys() - self.days)
        return self._chance.choice(names) if names else None

    def _drop_day(self) -> None:
        name = self._operators_day()
        if name is not None:
            self._direct.delete(MARKET_DAY, name)

    def _spoil_day(self) -> None:
        name = self._operators_day()
        if name is not None:
            self._direct.patch(MARKET_DAY, name, {"status": {"conditions": []}}, "status")

    def _budget(self) -> str | None:
        names = sorted(self._direct.items(POWER_BUDGET))
        return self._chance.choice(names) if names else None

    def _spoil_budget(self) -> None:
        name = self._budget()
        if name is not None:
            wrong: dict[str, Any] = self._chance.choice(
                ({"minPowerMicrowatts": 1}, {"onExpiry": "Hold"}, {"schedule": []}, {"suspend": True})
            )
            self._direct.patch(POWER_BUDGET, name, {"spec": wrong})

    def _drop_budget(self) -> None:
        name = self._budget()
        if name is not None:
            self._direct.delete(POWER_BUDGET, name)

    def _empty_status(self) -> None:
        name = self._budget()
        if name is not None:
            self._direct.patch(POWER_BUDGET, name, {"status": None}, "status")

    def _new_job(self) -> None:
        """One that may wait for some minutes or hours; the clock goes in steps of an hour."""
        self._serial += 1
        name = f"job-{self._serial:06}"
        body = waiting_job(
            name,
            wait=f"{self._chance.randint(1, 300)}m",
            duration=f"{self._chance.choice((15, 60, 240))}m",
        )
        metadata = {key: body["metadata"][key] for key in ("labels", "annotations")}
        spec = {**body["spec"], "parallelism": 0}
        self._sure(JOB, name, lambda: self._direct.create(JOB, name, metadata=metadata, spec=spec))
        self.jobs.add(name)

    def _edit_wait_policy(self) -> None:
        """Another wait, another saving; or there is none for a while."""
        if self._chance.random() < 0.3:
            self._direct.delete(WAIT_POLICY, "default")
            return
        try:
            self._direct.patch(WAIT_POLICY, "default", {"spec": self._waits()})
        except RefusedError:
            self._direct.create(WAIT_POLICY, "default", spec=self._waits())

    def _waits(self) -> dict[str, Any]:
        return {
            "maxWait": f"{self._chance.randint(1, 12)}h",
            "leastSavingPercent": self._chance.randint(0, 20),
            "mostAtOnce": 10_000,
        }

    def _sure(self, kind: str, name: str, edit: Callable[[], None]) -> None:
        """Do it, and note where it is not known whether it was done."""
        try:
            edit()
        except UnsureError:
            self.unsure.add((kind, name))
            raise

    def suspended(self) -> list[str]:
        """Jobs that still wait."""
        return [name for name, one in self._direct.items(JOB).items() if one["spec"]["suspend"]]

    def lost(self) -> list[str]:
        """Accepted edits that are not there; what was unsure is taken as it is."""
        found: dict[str, dict[str, Any]] = {
            POWER_POLICY: {name: item["spec"] for name, item in self._direct.items(POWER_POLICY).items()},
            NODE: {
                name: item["metadata"].get("labels", {}) for name, item in self._direct.items(NODE).items()
            },
        }
        for kind, name in self.unsure:
            known: dict[str, Any] | None = {POWER_POLICY: self.policies, NODE: self.nodes}.get(kind)
            if known is None:
                self.days.discard(name)
                self.jobs.discard(name)
            elif name in found[kind]:
                known[name] = found[kind][name]
            else:
                known.pop(name, None)
        self.unsure = set()
        days, jobs = self._direct.items(MARKET_DAY), self._direct.items(JOB)
        complaints = [f"market day {name} is gone" for name in self.days - days.keys()]
        complaints += [f"job {name} is gone" for name in sorted(self.jobs - jobs.keys())]
        complaints += [
            f"job {name} was released more than once"
            for name, body in jobs.items()
            if body["metadata"]["generation"] > 2
        ]
        for kind, expected in ((POWER_POLICY, self.policies), (NODE, self.nodes)):
            if set(expected) != set(found[kind]):
                complaints.append(f"{kind}s are {sorted(found[kind])}, not {sorted(expected)}")
                continue
            complaints += [
                f"{kind} {name}: {key} is {found[kind][name].get(key)!r}, not {value!r}"
                for name, fields in expected.items()
                for key, value in fields.items()
                if not holds(value, found[kind][name].get(key))
            ]
        return complaints


def _merge(target: dict[str, Any], patch: dict[str, Any]) -> None:
    """RFC 7396."""
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            inner = target.setdefault(key, {})
            _merge(inner, value)
        else:
            target[key] = value

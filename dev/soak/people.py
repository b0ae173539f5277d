"""What people do over the months: edit and suspend policies, ask for overrides, add and remove a node."""

from collections import Counter
from datetime import datetime
from random import Random
from typing import Any, Final

from dev.lab.api_client import Client
from dev.lab.judge import holds
from powercap_api.clock import format_time
from powercap_api.names import NODE, POWER_OVERRIDE, POWER_POLICY

STEADY: Final = "steady"
"""The node that has an agent."""
PLAYED: Final = ("played-a", "played-b")
"""Nodes whose agents' reports the run writes itself."""
GUEST: Final = "guest"
"""Comes and goes."""
_SUN: Final = {"type": "Solar"}
POLICIES: Final[dict[str, dict[str, Any]]] = {
    "default": {"maxSource": "60", "minPower": "20", "fallback": {"previousDays": 7}},
    "batch": {
        "maxSource": "50",
        "minPower": "10",
        "priority": 1,
        "nodeSelector": {"pool": "batch"},
        "market": {"area": "DE-LU", "auction": "SDAC", "resolutionMinutes": 60},
        "fallback": {"previousDays": 7},
    },
}


class People:
    """Makes edits, and remembers what must be there of them."""

    def __init__(self, direct: Client, chance: Random) -> None:
        self._direct = direct
        self._chance = chance
        self._serial = 0
        self.specs = {name: dict(spec) for name, spec in POLICIES.items()}
        self.nodes = {STEADY, *PLAYED}
        self.done: Counter[str] = Counter()

    def begin(self) -> None:
        """Policies and nodes."""
        for name, spec in self.specs.items():
            self._direct.create(POWER_POLICY, name, spec=spec)
        for name in sorted(self.nodes):
            self._add_node(name)

    def end(self) -> None:
        """All of it away."""
        for name in self.specs:
            self._direct.delete(POWER_POLICY, name)
        for name in sorted(self.nodes):
            self._direct.delete(NODE, name)
        self.specs, self.nodes = {}, set()

    def resume(self) -> None:
        """Let policies that follow no market, being suspended or Solar, do so again at a day's begin."""
        for name, spec in self.specs.items():
            if spec.get("suspend"):
                self._patch(name, {"suspend": False})
            if spec.get("strategy") == _SUN:
                self._patch(name, {"strategy": {"type": "Volume"}})

    def maybe(self, now: datetime) -> None:
        """Something, at some looks."""
        draw = self._chance.random()
        if draw < 0.05:
            self._edit()
        elif draw < 0.065:
            self._override(now)
        elif draw < 0.08:
            self._toggle_guest()

    def lost(self) -> list[str]:
        """Edits that are not in the cluster any more."""
        found = {name: item["spec"] for name, item in self._direct.items(POWER_POLICY).items()}
        return [
            f"{name}.{field} is {found.get(name, {}).get(field)}, not {value}"
            for name, spec in self.specs.items()
            for field, value in spec.items()
            if not holds(value, found.get(name, {}).get(field))
        ]

    def _edit(self) -> None:
        change: dict[str, Any] = self._chance.choice(
            (
                {"maxSource": str(self._chance.randint(45, 64))},
                {"minPower": str(self._chance.randint(5, 40))},
                {"strategy": self._chance.choice(({"type": "Volume"}, {"type": "Price"}, _SUN))},
                {"suspend": self._chance.random() < 0.3},
                {"stabilisationSeconds": self._chance.randint(60, 600)},
            )
        )
        self._patch(self._chance.choice(sorted(self.specs)), change)
        self.done["edits of policies"] += 1

    def _patch(self, name: str, change: dict[str, Any]) -> None:
        self._direct.patch(POWER_POLICY, name, {"spec": change})
        self.specs[name] |= change

    def _override(self, now: datetime) -> None:
        self._serial += 1
        kind: dict[str, Any] = self._chance.choice(({"limit": "30"}, {"limit": "50%"}, {"release": True}))
        spec = {"start": format_time(now), "duration": f"{self._chance.randint(1, 9)}h", **kind}
        spec |= {"nodes": [self._chance.choice(sorted(self.nodes))], "reason": "a rehearsal"}
        self._direct.create(POWER_OVERRIDE, f"rehearsal-{self._serial}", spec=spec)
        self.done["overrides"] += 1

    def _toggle_guest(self) -> None:
        self.done["nodes that came or went"] += 1
        if GUEST in self.nodes:
            self._direct.delete(NODE, GUEST)
            self.nodes.discard(GUEST)
        else:
            self._add_node(GUEST)
            self.nodes.add(GUEST)

    def _add_node(self, name: str) -> None:
        pool = "batch" if name == PLAYED[-1] else "serving"
        self._direct.create(NODE, name, metadata={"labels": {"pool": pool}})

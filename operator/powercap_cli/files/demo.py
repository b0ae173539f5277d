"""``powercap demo``: a made-up day, its caps, and simulated nodes that follow them. No cluster, no network, no root.

The nodes are folders as the kernel shows them, below a temporary one, and what writes them is the agent's own code.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from powercap_agent.enforce.enforcer import Enforcer
from powercap_agent.hardware.files import KernelFiles
from powercap_agent.hardware.inventory import Inventory
from powercap_agent.hardware.powercap import PowercapTree
from powercap_agent.logs import Log, LogFormat
from powercap_agent.planning.limits import Terms
from powercap_agent.state.originals_store import OriginalsStore
from powercap_api.names import API_VERSION, POWER_POLICY
from powercap_api.powerpolicy import PowerPolicy
from powercap_api.schedule import Schedule
from powercap_api.units import MICROWATTS_PER_WATT, format_watts_short
from powercap_operator.market.delivery_day import day_bounds
from powercap_operator.market.known_days import DayResults
from powercap_operator.market.results import Query
from powercap_operator.planning.resolved_policy import ResolvedPolicy, resolve
from powercap_operator.sources.mock import made_up_periods

from ..cluster.access import now
from ..draw.bars import bar
from ..draw.plan_chart import DayPlan, plan_day

POLICY: Final[Mapping[str, Any]] = {
    "maxSource": "140",
    "minPower": "40",
    "market": {"providers": ["Mock"], "area": "FR", "auction": "IDA1"},
    "strategy": {"type": "Price"},
}
NODES: Final[Mapping[str, tuple[int, ...]]] = {
    "one-socket": (150,),
    "two-sockets": (105, 85),
    "small": (65,),
}
"""Watts of each package's original limit."""
_BAR: Final = 24
_PAUSE_SECONDS: Final = 0.25


def add_demo_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "demo",
        description="Show a made-up day, the caps of a policy that follows it, and three simulated nodes that follow"
        " the caps. It needs no cluster and no network, and touches no limit of this machine.",
    )
    parser.set_defaults(run=run)


def run(_arguments: argparse.Namespace) -> int:
    """Play the day; 0 if every node held every cap and has its original limits again."""
    policy = resolve(
        PowerPolicy.from_wire(
            {
                "apiVersion": API_VERSION,
                "kind": POWER_POLICY,
                "metadata": {"name": "demo"},
                "spec": dict(POLICY),
            }
        )
    )
    planned = plan_day(policy, _made_up_day(policy))
    print(
        f"A policy: maxSource {POLICY['maxSource']} W, minPower {POLICY['minPower']} W, strategy Price.\n"
        f"A made-up day, {planned.results.day}: where power is cheap nodes may draw much, where it is dear little.\n"
        "Three simulated nodes, whose limits were 150 W, 105 + 85 W and 65 W; the agent's own code writes them:\n"
    )
    with tempfile.TemporaryDirectory(prefix="powercap-demo-") as folder:
        nodes = [_Node(Path(folder) / name, watts) for name, watts in NODES.items()]
        followed = _play(planned, nodes)
        for node in nodes:
            node.enforcer.release(last=True)
        restored = all(node.limits() == node.originals for node in nodes)
    print(f"\nEvery node held every cap: {_yes(followed)}. Every original limit is back: {_yes(restored)}.")
    print(
        "Next: powercap plan --help for your own policy, make demo for a real control plane, docs/install.md."
    )
    return 0 if followed and restored else 1


def _made_up_day(policy: ResolvedPolicy) -> DayResults:
    day = policy.day(now())
    query = Query(policy.market, day)
    return DayResults(
        day=day,
        source_day=day,
        periods=Schedule(made_up_periods(query), day_bounds(day, policy.zone)[1]),
        names=(),
        currency=policy.market.bidding_zone.currency,
    )


def _play(planned: DayPlan, nodes: list["_Node"]) -> bool:
    """Bring every slot's cap into force, and print the first of each hour; whether each was held."""
    limits, held, shown = planned.policy.limits, True, None
    print(f"{'':5} {'EUR/MWh':>8} {'CAP':>8} {'':{_BAR}}", *(f"{node.name:>11}" for node in nodes))
    for start, _, slot in planned.slots.spans():
        for node in nodes:
            node.enforcer.enforce(slot.cap_uw, Terms(limits.min_uw, MICROWATTS_PER_WATT, 5))
            held = held and node.sum_uw() <= slot.cap_uw
        local = start.astimezone(planned.policy.zone)
        if shown is not None and start - shown < timedelta(hours=1):
            continue
        shown = start.replace(minute=0)
        row = (format_watts_short(node.sum_uw()) for node in nodes)
        cap = format_watts_short(slot.cap_uw)
        line = f"{local:%H:%M} {slot.price or '-':>8} {cap:>8} {bar(slot.cap_uw, limits.max_uw, _BAR)}"
        print(line, *(f"{watts:>11}" for watts in row), flush=True)
        if sys.stdout.isatty():
            time.sleep(_PAUSE_SECONDS)
    return held


def _yes(so: bool) -> str:
    return "yes" if so else "NO"


class _Node:
    """A node: its packages' folders, and what the agent does to them."""

    def __init__(self, folder: Path, watts: tuple[int, ...]) -> None:
        self.name = folder.name
        self._root = folder / "powercap"
        for number, limit in enumerate(watts):
            package = self._root / "intel-rapl" / f"intel-rapl:{number}"
            package.mkdir(parents=True)
            files = {
                "name": f"package-{number}",
                "enabled": 1,
                "constraint_0_name": "long_term",
                "constraint_0_power_limit_uw": limit * MICROWATTS_PER_WATT,
                "constraint_0_max_power_uw": limit * MICROWATTS_PER_WATT,
                "constraint_1_name": "short_term",
                "constraint_1_power_limit_uw": limit * MICROWATTS_PER_WATT * 5 // 4,
            }
            for file, content in files.items():
                (package / file).write_text(f"{content}\n", encoding="ascii")
        (folder / "state").mkdir()
        tree = PowercapTree(KernelFiles(), str(self._root))
        store = OriginalsStore(str(folder / "state"), "demo")
        self.enforcer = Enforcer(Inventory([tree.discover]), store, time.monotonic, Log(LogFormat.TEXT))
        self.enforcer.survey()
        self.originals = self.limits()

    def limits(self) -> dict[str, int]:
        """Every limit in its file, in microwatts."""
        files = sorted(self._root.rglob("constraint_*_power_limit_uw"))
        return {str(file.relative_to(self._root)): int(file.read_text(encoding="ascii")) for file in files}

    def sum_uw(self) -> int:
        """The packages' long-term limits together."""
        return sum(uw for file, uw in self.limits().items() if "constraint_0_" in file)

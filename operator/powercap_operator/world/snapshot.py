"""The state of the cluster that decisions are made from, as values.

Only what decisions need is kept of an object. Budgets with equal specs share one copy (``KnownSpecs``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakValueDictionary

from powercap_api.clock import format_time, read_time
from powercap_api.conditions import find_condition
from powercap_api.foreign_text import shown
from powercap_api.names import POLICY_LABEL, POWER_BUDGET, SILENT_SINCE, WRITTEN_AT
from powercap_api.reasons import BudgetReason, ConditionType

from .agents_word import MOST_JOULES, impossible, known_reason, mapping_of, power_of, whole_number
from .energy_history import EnergyHistory, read_history
from .node_match import EVERYWHERE, AgentPlacement, Taint
from .silence import Jump, Reporting

if TYPE_CHECKING:  # the command reads budgets alone, and pydantic takes longer to import than that
    from powercap_api.marketday import MarketDay
    from powercap_api.poweroverride import PowerOverride
    from powercap_api.powerpolicy import PowerPolicy
    from powercap_api.powerreport import PowerReport
    from powercap_api.waitpolicy import WaitPolicy

    from .job import JobView
    from .unreadable import Unreadable


@dataclass(frozen=True, slots=True)
class NodeView:
    """A node: its name, its uid (for the budget's owner reference), its labels and taints, and whether it is ready."""

    name: str
    uid: str
    labels: Mapping[str, str]
    not_ready_since: datetime | None = None
    """Since when Kubernetes calls it NotReady; None where it is ready, or has said nothing of itself."""
    taints: tuple[Taint, ...] = ()
    """Those that somebody has put there to keep pods away. Kubernetes' own, for what ails a node, do not keep a
    DaemonSet away."""


@dataclass(frozen=True, slots=True)
class PodView:
    """A pod that runs on a node and asks for something by a label."""

    namespace: str
    name: str
    node: str
    floor_uw: int | None
    """Power that it wants its node to have at least."""
    exempt: bool
    """Whether it wants its node's original limits."""


_KEEPS_AWAY: Final = frozenset({"NoSchedule", "NoExecute"})
_OF_KUBERNETES: Final = "node.kubernetes.io/"

_LARGEST: Final = 2**53
"""Of a count: metrics are floating-point numbers."""
LIFT_UNTIL: Final = "liftUntil"
"""The field of a budget's spec that differs from node to node."""


class KnownSpec(dict[str, Any]):
    """A budget's spec in wire form that can be a key, as equal specs have equal hashes. Never changed in place."""

    __slots__ = ("__weakref__", "_hash", "_without_lift")

    def __init__(
        self, fields: Mapping[str, Any], text: str | None = None, without_lift: KnownSpec | None = None
    ) -> None:
        """Take the fields, and what is there already: their JSON with sorted keys, the spec without its lift."""
        super().__init__(fields)
        self._hash = hash(json.dumps(fields, sort_keys=True) if text is None else text)
        if without_lift is None and LIFT_UNTIL in fields:
            without_lift = KnownSpec(_without_lift(fields))
        self._without_lift = without_lift

    @property
    def without_lift(self) -> KnownSpec:
        """The same spec but for liftUntil."""
        return self if self._without_lift is None else self._without_lift

    def __hash__(self) -> int:  # type: ignore[override]  # dict says that it has none
        """The same for equal specs."""
        return self._hash


class KnownSpecs:
    """One copy of equal specs, for as long as it is used anywhere."""

    def __init__(self) -> None:
        self._specs: WeakValueDictionary[str, KnownSpec] = WeakValueDictionary()

    def known(self, fields: Mapping[str, Any]) -> KnownSpec:
        """The copy of this spec."""
        text = json.dumps(fields, sort_keys=True)
        spec = self._specs.get(text)
        if spec is None:
            base = self.known(_without_lift(fields)) if LIFT_UNTIL in fields else None
            spec = self._specs[text] = KnownSpec(json.loads(text), text, base)
        return spec

    def __len__(self) -> int:
        return len(self._specs)


@dataclass(frozen=True, slots=True)
class PartDraw:
    """What the node's packages, or its accelerators, drew in the slot before, as the agent says."""

    average_uw: int
    binds: bool | None
    """Whether their cap held the draw back; None where there was no cap."""
    cap_uw: int | None = None
    """Their cap in force."""


@dataclass(frozen=True, slots=True)
class DrawView:
    """What the agent says that the node drew in the slot before."""

    average_uw: int
    """Packages and accelerators together."""
    packages: PartDraw | None = None
    accelerators: PartDraw | None = None

    @property
    def of_cap(self) -> float | None:
        """What was drawn under caps as a part of these caps; None where there were none."""
        capped = [part for part in (self.packages, self.accelerators) if part is not None and part.cap_uw]
        caps_uw = sum(part.cap_uw or 0 for part in capped)
        return sum(part.average_uw for part in capped) / caps_uw if caps_uw else None

    @property
    def binds(self) -> bool | None:
        """Whether a cap held back the draw of packages or accelerators; None where there was none."""
        parts = [part.binds for part in (self.packages, self.accelerators) if part is not None]
        return True if True in parts else next((known for known in parts if known is not None), None)


@dataclass(frozen=True, slots=True)
class BudgetView:
    """A budget as it stands in the API: its whole spec, and what the agent reports."""

    name: str
    uid: str
    spec: KnownSpec
    policy_label: str | None
    owner_uid: str | None
    ready: bool
    reason: str | None
    message: str | None = field(compare=False)
    """For people: it names the cap in watts, which is another in each market period and no news to decisions."""
    silent_since: datetime | None = None
    """Since when a report is due, where the operator found the agent silent: ``ready`` and ``reason`` say so then."""
    reporting: Reporting = field(default=Reporting(), compare=False)
    """What tells whether the agent reports; of no matter to decisions before it is due, so no change."""
    cap_uw: int | None = field(default=None, compare=False)
    """What the slot asks for, as the agent says; of no matter to decisions, so no change. None where that is not known:
    of a node with nothing to cap there is no cap, and what a silent agent last said of powers no longer counts."""
    applied_uw: int | None = field(default=None, compare=False)
    """What the packages read back together; None as before."""
    overridden_uw: int | None = None
    """The same while an override holds: whether it is achieved is told of it."""
    draw: DrawView | None = field(default=None, compare=False)
    """What the node drew in the slot before; None where its agent is silent."""
    energy_joules: int | None = field(default=None, compare=False)
    """What the node's packages have drawn since the agent began to count; it goes on over restarts."""
    accelerator_joules: int | None = field(default=None, compare=False)
    """The same for its accelerators; None where none has an energy counter."""
    energy_history: EnergyHistory = field(default=EnergyHistory(), compare=False)
    """What the node drew in the last hours, quarter by quarter."""
    reapplied: int | None = field(default=None, compare=False)
    """How often something else had changed a limit, since the agent started."""
    left_out: tuple[str, ...] = field(default=(), compare=False)
    """Fields of the agent's report that say what no node can have, and count as not said."""


@dataclass(frozen=True, slots=True)
class World:
    """One consistent view of the cluster."""

    policies: Mapping[str, PowerPolicy] = field(default_factory=dict)
    days: Mapping[str, MarketDay] = field(default_factory=dict)
    nodes: Mapping[str, NodeView] = field(default_factory=dict)
    budgets: Mapping[str, BudgetView] = field(default_factory=dict)
    unreadable: Mapping[tuple[str, str], Unreadable] = field(default_factory=dict)
    """By kind and name: policies and days that are there and cannot be read."""
    kept_as: Mapping[KnownSpec, KnownSpec] = field(default_factory=dict)
    """What the API server keeps of specs that it was sent, where that is something else: its schema may lack a field
    that this operator writes."""
    overrides: Mapping[str, PowerOverride] = field(default_factory=dict)
    pods: Mapping[str, PodView] = field(default_factory=dict)
    """By namespace and name: those that ask for something."""
    reports: Mapping[str, PowerReport] = field(default_factory=dict)
    wait_policies: Mapping[str, WaitPolicy] = field(default_factory=dict)
    jobs: Mapping[str, JobView] | None = None
    """By namespace and name: those that may wait for cheap hours. None where the operator does not follow jobs."""
    agents: AgentPlacement = EVERYWHERE
    """Where agents can run."""
    jump: Jump | None = None
    """Time that was skipped, while not all agents can have reported since."""

    def budget(self, node: str) -> BudgetView | Unreadable | None:
        """The node's budget, or what is known of one that cannot be read; None where it has none."""
        return self.budgets.get(node) or self.unreadable.get((POWER_BUDGET, node))

    def reports_judged_at(self, now: datetime) -> datetime:
        """The moment by which agents' reports are overdue or not: ``now``, or the one before time was skipped."""
        return self.jump.before if self.jump is not None and now < self.jump.until else now


def _without_lift(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name != LIFT_UNTIL}


def view_node(body: Mapping[str, Any]) -> NodeView:
    metadata = body["metadata"]
    ready = _ready(mapping_of(body.get("status")))
    since = ready.get("lastTransitionTime") if ready.get("status", "True") != "True" else None
    return NodeView(
        metadata["name"],
        metadata.get("uid", ""),
        dict(metadata.get("labels") or {}),
        read_time(since),
        tuple(_taints((body.get("spec") or {}).get("taints") or ())),
    )


def _taints(taints: Iterable[Mapping[str, Any]]) -> Iterator[Taint]:
    for taint in taints:
        if taint["effect"] in _KEEPS_AWAY and not taint["key"].startswith(_OF_KUBERNETES):
            yield Taint(taint["key"], taint.get("value") or "", taint["effect"])


def view_budget(body: Mapping[str, Any], specs: KnownSpecs) -> BudgetView:
    """A PowerBudget as the API gives it.

    Raises:
        ValueError: it names no policy that could be.
    """
    metadata = body["metadata"]
    owners = metadata.get("ownerReferences") or []
    status = mapping_of(body.get("status"))
    current, energy = mapping_of(status.get("current")), mapping_of(status.get("energy"))
    ready = _ready(status)
    annotations = metadata.get("annotations") or {}
    silent_since = read_time(annotations.get(SILENT_SINCE))
    if silent_since is not None:
        ready = _silent(silent_since)
    reason = known_reason(ready.get("reason"))
    spec = mapping_of(body.get("spec"))
    if not isinstance(spec.get("policy", ""), str):
        raise ValueError("spec.policy is no name")  # noqa: TRY004 - of what is unreadable, as any other value
    capped = silent_since is None and reason != BudgetReason.UNSUPPORTED
    cap_uw = power_of(current.get("capMicrowatts")) if capped else None
    applied_uw = power_of(current.get("appliedMicrowatts")) if capped else None
    return BudgetView(
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        spec=specs.known(spec),
        policy_label=(metadata.get("labels") or {}).get(POLICY_LABEL),
        owner_uid=next((owner.get("uid") for owner in owners if owner.get("kind") == "Node"), None),
        ready=ready.get("status") == "True",
        reason=reason,
        message=None if ready.get("message") is None else shown(ready["message"]),
        silent_since=silent_since,
        reporting=Reporting(
            metadata.get("generation"),
            whole_number(status.get("observedGeneration"), _LARGEST),
            read_time(annotations.get(WRITTEN_AT)),
            read_time(current.get("end")),
        ),
        cap_uw=cap_uw,
        applied_uw=applied_uw,
        overridden_uw=applied_uw if reason == BudgetReason.OVERRIDDEN else None,
        draw=_draw(mapping_of(status.get("draw"))) if silent_since is None else None,
        energy_joules=_joules(energy, "packages"),
        accelerator_joules=_joules(energy, "accelerators"),
        energy_history=read_history(energy.get("history")),
        reapplied=whole_number(status.get("reapplied"), _LARGEST),
        left_out=impossible(status),
    )


def _silent(since: datetime) -> dict[str, str]:
    """The condition Ready of a budget whose agent is silent."""
    message = (
        f"The agent has not reported since {format_time(since)}, when a report was due: what is in force on the node is"
        " not known. Look at the agent's pod on it."
    )
    return {"status": "Unknown", "reason": BudgetReason.AGENT_SILENT, "message": message}


def _ready(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """The condition Ready; without anything where there is none."""
    found = status.get("conditions")
    conditions = [one for one in found if isinstance(one, Mapping)] if isinstance(found, list | tuple) else []
    return mapping_of(find_condition(conditions, ConditionType.READY))


def _draw(draw: Mapping[str, Any]) -> DrawView | None:
    average_uw = power_of(draw.get("averageMicrowatts"))
    parts = (_part(mapping_of(draw.get(name))) for name in ("packages", "accelerators"))
    return None if average_uw is None else DrawView(average_uw, *parts)


def _part(draw: Mapping[str, Any]) -> PartDraw | None:
    average_uw, binds = power_of(draw.get("averageMicrowatts")), draw.get("binds")
    if average_uw is None:
        return None
    cap_uw = power_of(draw.get("capMicrowatts"))
    return PartDraw(average_uw, binds if isinstance(binds, bool) else None, cap_uw)


def _joules(energy: Mapping[str, Any], part: str) -> int | None:
    """What ``part`` of the node has drawn since counting began."""
    return whole_number(mapping_of(energy.get(part)).get("joules"), MOST_JOULES)

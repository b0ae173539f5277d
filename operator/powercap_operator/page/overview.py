"""All that is on the page, as values. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from powercap_api.markets import MARKET_TIME
from powercap_api.names import MARKET_DAY
from powercap_api.units import format_watts_of_many

from ..planning.reading import read_policies
from ..world.node_state import Sums, sums_of
from ..world.snapshot import World
from ..worth.reported_day import ReportedDay
from .markets import MarketView, market_views
from .nodes import Choice, NodesView, nodes_view
from .overrides import OverrideView, override_views
from .policies import UNREADABLE, PolicyView, policy_views
from .waiting import WaitView, wait_views
from .wording import Tone, clock, nodes, number, worst


@dataclass(frozen=True, slots=True)
class Seen:
    """What the operator knows when the page is asked for."""

    world: World
    listed: bool
    """Whether the whole cluster has been read."""
    leading: bool
    stuck: Sequence[str]
    """Loops of the operator that do not turn."""
    version: str
    name: str
    """What the operator calls itself: its pod's name."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number at the top of the page."""

    value: str
    what: str


@dataclass(frozen=True, slots=True)
class Overview:
    """The page."""

    headline: str
    tone: Tone
    sentences: tuple[str, ...]
    """What stands in, and why."""
    figures: tuple[Figure, ...]
    overrides: tuple[OverrideView, ...]
    policies: tuple[PolicyView, ...]
    waiting: tuple[WaitView, ...]
    markets: tuple[MarketView, ...]
    nodes: NodesView
    time: str
    zone: str
    operator: str
    version: str


def overview(seen: Seen, choice: Choice, now: datetime, reported: Sequence[ReportedDay]) -> Overview:
    """The page at ``now`` for a person who wants to see these nodes, with what is reported of today and yesterday."""
    world, reading = seen.world, read_policies(seen.world, now)
    fleet, by_policy = sums_of(world.budgets.values(), now)
    policies = policy_views(world, reading, by_policy, now, reported)
    zone = ZoneInfo(next((policy.zone for policy in policies if policy.zone), MARKET_TIME))
    table = nodes_view(world, choice, now)
    headline, tone = _headline(seen, policies, table)
    sentences = [f"{policy.name}: {text}" for policy in policies for text in policy.sentences]
    return Overview(
        headline=headline,
        tone=tone,
        sentences=(*_own_troubles(seen), *sentences, *table.troubles),
        figures=_figures(fleet),
        overrides=override_views(world.overrides.values(), zone, now),
        policies=policies,
        waiting=wait_views(world, reading.days, now),
        markets=market_views(reading.days, now),
        nodes=table,
        time=clock(now, zone, now),
        zone=zone.key,
        operator=f"{seen.name} {'leads' if seen.leading else 'is ready to take over'}",
        version=seen.version,
    )


def _own_troubles(seen: Seen) -> Sequence[str]:
    loops = [f"This operator's loop does not turn any more: {loop}." for loop in seen.stuck]
    unreadable = [
        f"MarketDay {one.name} cannot be read: {one.why}"
        for one in seen.world.unreadable.values()
        if one.kind == MARKET_DAY
    ]
    return [*loops, *unreadable]


def _headline(seen: Seen, policies: Sequence[PolicyView], table: NodesView) -> tuple[str, Tone]:
    """The one sentence that a person reads first."""
    if not seen.listed:
        return "The operator has not read the cluster yet", Tone.WARN
    if not policies:
        return "There is no PowerPolicy: nothing is capped", Tone.QUIET
    unreadable = [policy.name for policy in policies if policy.state == UNREADABLE]
    if unreadable:
        return f"Policy {', '.join(unreadable)} cannot be read", Tone.BAD
    missing = [policy.name for policy in policies if policy.tone is Tone.BAD]
    if missing:
        return f"No market results for {', '.join(missing)}", Tone.BAD
    bad = _count(table, Tone.BAD)
    if bad:
        return f"{nodes(bad)} {'does' if bad == 1 else 'do'} not follow", Tone.BAD
    tone = worst([policy.tone for policy in policies])
    waiting = _count(table, Tone.WARN)
    if waiting:
        return f"{nodes(waiting)} {'needs' if waiting == 1 else 'need'} attention", Tone.WARN
    if tone is Tone.WARN:
        return "Capped; a policy needs attention", Tone.WARN
    following = _count(table, Tone.GOOD)
    if not following:
        return "Nothing is capped now", Tone.QUIET
    return f"{nodes(following)} {'follows' if following == 1 else 'follow'} the market", Tone.GOOD


def _count(table: NodesView, tone: Tone) -> int:
    return sum(one.count for one in table.states if one.tone is tone)


def _figures(fleet: Sums) -> tuple[Figure, ...]:
    figures = [Figure(number(fleet.nodes), "nodes with a budget")]
    if fleet.cap_uw:
        figures.append(Figure(format_watts_of_many(fleet.cap_uw), "allowed now"))
    if fleet.draw_uw:
        figures.append(Figure(format_watts_of_many(fleet.draw_uw), "drawn in the slot before"))
        figures.append(Figure(number(fleet.binding), "nodes held back by the cap"))
    return tuple(figures)

"""Makes policies, market days, nodes and worlds for tests, with as little said as possible."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from dev.lab.exchange.facts import period_starts
from dev.lab.exchange.pages import sample_periods
from powercap_api.clock import format_time
from powercap_api.marketday import MarketDay, MarketDayStatus, MarketFetch, MarketSource
from powercap_api.markets import Market, market_day_name
from powercap_api.names import API_VERSION
from powercap_api.poweroverride import PowerOverride
from powercap_api.powerpolicy import PowerPolicy
from powercap_operator.market.known_days import market_of
from powercap_operator.market.results import build_market_day
from powercap_operator.planning.marketday_status import with_results
from powercap_operator.planning.wanted_days import query_of
from powercap_operator.world.snapshot import BudgetView, NodeView, World


def moment(text: str) -> datetime:
    """``2025-10-09T12:00Z`` as a datetime in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def make_policy(name: str = "default", *, created: str = "2025-01-01T00:00Z", **spec: Any) -> PowerPolicy:
    """A PowerPolicy as the API would give it."""
    return PowerPolicy.from_wire(
        {
            "apiVersion": API_VERSION,
            "kind": "PowerPolicy",
            "metadata": {"name": name, "uid": f"uid-{name}", "generation": 1, "creationTimestamp": created},
            "spec": {"maxSource": "40", **spec},
        }
    )


def volumes_like(count: int, seed: int = 0) -> list[str]:
    """A day of made-up volumes, all different from their neighbours."""
    return [f"{30 + (index * 7 + seed * 13) % 60}.{index % 10}" for index in range(count)]


def make_day(
    day: date,
    volumes: Sequence[str] | None = None,
    *,
    complete: bool = True,
    provider: str = "EPEX",
    market: Market | None = None,
    seed: int = 0,
) -> MarketDay:
    """A MarketDay with the given volumes, or made-up ones for every period of the day."""
    market = market or market_of(make_policy().spec.market)
    starts = period_starts(day, market.resolution_minutes)
    volumes = volumes_like(len(starts), seed) if volumes is None else volumes
    return MarketDay.from_wire(
        {
            "apiVersion": API_VERSION,
            "kind": "MarketDay",
            "metadata": {"name": market_day_name(provider, market, day), "uid": "uid"},
            "spec": {
                "provider": provider,
                "area": market.area,
                "auction": market.auction,
                "resolutionMinutes": market.resolution_minutes,
                "deliveryDate": day.isoformat(),
            },
            "status": {
                "currency": "EUR",
                "periods": [
                    {"start": format_time(start), "volume": volume, "price": "50.00"}
                    for start, volume in zip(starts, volumes, strict=False)
                ],
                "conditions": [
                    {
                        "type": "Complete",
                        "status": "True" if complete else "False",
                        "reason": "Complete" if complete else "Incomplete",
                        "message": "",
                        "lastTransitionTime": "2025-01-01T00:00:00Z",
                    }
                ],
            },
        }
    )


def new_day(day: date, name: str | None = None, **spec: Any) -> MarketDay:
    """A MarketDay without a status."""
    body = make_day(day).to_wire()
    del body["status"]
    body["metadata"]["name"] = name or body["metadata"]["name"]
    return MarketDay.from_wire({**body, "spec": {**body["spec"], **spec}})


def in_vain(day: date, provider: str = "EPEX") -> MarketDay:
    """A day that was asked for once and did not come."""
    made = make_day(day, complete=False, provider=provider)
    status = made.status.model_copy(update={"periods": [], "fetch": MarketFetch(requests=1, failures=1)})
    return made.model_copy(update={"status": status})


def after(day: MarketDay, status: MarketDayStatus) -> MarketDay:
    """The object with the status as it comes back from the API."""
    return MarketDay.from_wire({**day.to_wire(), "status": status.to_wire()})


def whole_day(day: MarketDay, source: MarketSource, now: datetime) -> MarketDay:
    """The object with all of its results."""
    query = query_of(day)
    return after(day, with_results(day, build_market_day(sample_periods(query), query), source, None, now))


def make_node(name: str, **labels: str) -> NodeView:
    """A node with the labels."""
    return NodeView(name, f"uid-{name}", labels)


def make_override(name: str = "evening", *, created: str = "2025-10-09T06:00Z", **spec: Any) -> PowerOverride:
    """A PowerOverride as the API would give it: 30 W on every node from 17:00 to 19:00 UTC on 9 October 2025."""
    usual: dict[str, Any] = {"start": "2025-10-09T17:00:00Z", "end": "2025-10-09T19:00:00Z"}
    usual |= {"nodeSelector": {}, "reason": "the grid asks"}
    if "duration" in spec:
        del usual["end"]
    if "nodes" in spec:
        del usual["nodeSelector"]
    if not spec.get("release"):
        usual["limit"] = "30"
    return PowerOverride.from_wire(
        {
            "apiVersion": API_VERSION,
            "kind": "PowerOverride",
            "metadata": {"name": name, "uid": f"uid-{name}", "generation": 1, "creationTimestamp": created},
            "spec": {name: value for name, value in (usual | spec).items() if value is not None},
        }
    )


def make_world(
    policies: Iterable[PowerPolicy] = (),
    days: Iterable[MarketDay] = (),
    nodes: Iterable[NodeView] = (),
    budgets: Iterable[BudgetView] = (),
    overrides: Iterable[PowerOverride] = (),
) -> World:
    """A world of these."""
    return World(
        policies={policy.metadata.name: policy for policy in policies},
        days={day.metadata.name: day for day in days},
        nodes={node.name: node for node in nodes},
        budgets={budget.name: budget for budget in budgets},
        overrides={override.metadata.name: override for override in overrides},
    )

"""Days that a person gives: read once for each edit, refused with the line, and never asked for or made."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest

from powercap_api.marketday import MarketDay, MarketDayStatus
from powercap_api.markets import Auction, Market
from powercap_api.names import API_VERSION
from powercap_api.reasons import PolicyReason
from powercap_operator.market.csv_format import to_csv
from powercap_operator.market.known_days import KnownDays
from powercap_operator.market.results import Query
from powercap_operator.planning.budget_spec import plan
from powercap_operator.planning.decision import decide
from powercap_operator.planning.due_days import is_due
from powercap_operator.planning.resolved_policy import resolve
from powercap_operator.planning.static_days import read_static_day, read_static_days
from powercap_operator.sources.mock import made_up_periods
from tests.support.objects import make_day, make_node, make_policy, make_world, moment

DAY = date(2025, 10, 9)
NOON = moment("2025-10-09T10:00Z")
HISTORY = timedelta(days=14)
QUERY = Query(Market("FR", Auction.IDA1), DAY)
CSV = to_csv(made_up_periods(QUERY), QUERY)
LINES = CSV.splitlines()
STATIC: dict[str, Any] = {"market": {"providers": ["Static"]}}


def static_day(csv: str = CSV, *, generation: int = 1, **spec: Any) -> MarketDay:
    return MarketDay.from_wire(
        {
            "apiVersion": API_VERSION,
            "kind": "MarketDay",
            "metadata": {"name": "by-hand", "uid": "uid", "generation": generation},
            "spec": {"provider": "Static", "deliveryDate": "2025-10-09", "csv": csv, **spec},
        }
    )


def read(day: MarketDay) -> MarketDay:
    return day.model_copy(update={"status": read_static_day(day, NOON)})


def edited(day: MarketDay, csv: str) -> MarketDay:
    """The day as the API server gives it after an edit."""
    generation = (day.metadata.generation or 0) + 1
    return static_day(csv, generation=generation).model_copy(update={"status": day.status})


def conditions(status: MarketDayStatus) -> dict[str, tuple[str, str]]:
    return {one.type: (one.status, one.reason) for one in status.conditions}


def text(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"


def test_its_csv_becomes_the_days_results() -> None:
    status = read_static_day(static_day(), NOON)
    assert conditions(status) == {"Complete": ("True", "Complete"), "Ready": ("True", "Complete")}
    assert len(status.periods) == 96
    assert status.source is not None
    assert status.source.route == "csv"
    assert status.summary is not None
    assert status.summary.periods == 96


def test_it_is_read_once_for_each_edit() -> None:
    day = static_day()
    assert list(read_static_days([day], NOON)) == ["by-hand"]
    assert read_static_days([read(day)], NOON) == {}
    assert list(read_static_days([edited(read(day), CSV)], NOON)) == ["by-hand"]


@pytest.mark.parametrize(
    ("csv", "message"),
    [
        ("", "bad CSV: line 1: '' was found, 'Period,Volume (MWh),Price (€/MWh)' expected. Edit spec.csv."),
        (
            text(["Hour,Price", *LINES[1:]]),
            "bad CSV: line 1: 'Hour,Price' was found, 'Period,Volume (MWh),Price (€/MWh)' expected. Edit spec.csv.",
        ),
        (
            text([*LINES[:7], "01:30-01:45,many,50.00", *LINES[8:]]),
            "bad CSV: line 8: the cell 'many' is no number",
        ),
        (
            text([*LINES[:5], LINES[4], *LINES[5:]]),
            "bad CSV: line 6: 00:45 is there more than once and 2025-10-09 has it once (read as FR IDA1 of 2025-10-09)."
            " Edit spec.csv.",
        ),
        (
            text(LINES[:-4]),
            "incomplete day: 4 of 96 periods missing: 23:00-24:00. Edit spec.csv.",
        ),
        (
            "Period,Volume (MWh),Price (€/MWh)\n00:00-01:00,1,2\n",
            "bad CSV: the periods have 60 minutes and resolutionMinutes is 15: make the MarketDay, and let the policy"
            " follow a market, with resolutionMinutes: 60. Edit spec.csv.",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_line(csv: str, message: str) -> None:
    status = read_static_day(static_day(csv), NOON)
    (complete, ready) = status.conditions
    assert complete.message == ready.message
    assert complete.message.startswith(message)
    assert (complete.status, ready.status) == ("False", "False")
    assert status.periods == []


def test_a_bad_edit_leaves_the_good_day_in_force() -> None:
    good = read(static_day())
    status = read_static_day(edited(good, text(LINES[:9])), NOON)
    assert status.periods == good.status.periods
    assert conditions(status) == {"Complete": ("True", "Complete"), "Ready": ("False", "Incomplete")}
    assert "What was read before stays in force" in status.conditions[1].message
    assert status.observed_generation == 2
    mended = read_static_day(edited(edited(good, "").model_copy(update={"status": status}), CSV), NOON)
    assert conditions(mended)["Ready"] == ("True", "Complete")


@pytest.mark.parametrize(
    ("volume", "price", "strategy", "served"),
    [
        ("5", "-", {"type": "Volume"}, True),
        ("5", "-", {"type": "Price"}, False),
        ("-", "5", {"type": "Price"}, True),
        ("-", "5", {"type": "Volume"}, False),
    ],
)
def test_a_column_that_nobody_has_may_be_left_out(
    volume: str, price: str, strategy: dict[str, Any], served: bool
) -> None:
    lines = [LINES[0], *(f"{line.partition(',')[0]},{volume},{price}" for line in LINES[1:])]
    day = read(static_day(text(lines)))
    assert conditions(day.status)["Complete"] == ("True", "Complete")
    planned = plan(resolve(make_policy(**STATIC, strategy=strategy)), KnownDays([day]), NOON)
    assert (planned.data == PolicyReason.CURRENT) is served


def test_a_policy_follows_it_under_any_name() -> None:
    planned = plan(resolve(make_policy(**STATIC)), KnownDays([read(static_day())]), NOON)
    assert planned.data == PolicyReason.CURRENT
    assert planned.market_days == ("by-hand",)
    assert len(planned.periods) == 96


def test_nobody_is_asked_for_it_and_it_is_never_made() -> None:
    world = make_world([make_policy(**STATIC)], nodes=[make_node("a")])
    decision = decide(world, NOON, HISTORY)
    assert decision.create_days == {}
    assert not is_due(static_day("nonsense"), NOON)


def test_the_policy_says_what_to_make() -> None:
    world = make_world([make_policy(**STATIC)], nodes=[make_node("a")])
    status = decide(world, NOON, HISTORY).policy_statuses["default"]
    (data,) = [one for one in status["conditions"] if one["type"] == "MarketData"]
    assert data["reason"] == "Missing"
    assert "make MarketDay static-fr-ida1-2025-10-09 with spec {provider: Static, area: FR" in data["message"]
    assert "00:00-00:15,68.2,95.69" in data["message"]


def test_where_a_person_gave_nothing_the_next_source_is_asked() -> None:
    policy = make_policy(market={"providers": ["Static", "EPEX"]})
    assert "epex-fr-ida1-2025-10-09" in decide(make_world([policy]), NOON, HISTORY).create_days
    given = make_world([policy], [read(static_day())])
    assert "epex-fr-ida1-2025-10-09" not in decide(given, NOON, HISTORY).create_days


def test_a_person_may_step_in_for_a_source_that_failed() -> None:
    policy = make_policy(market={"providers": ["EPEX", "Static"]})
    days = KnownDays([make_day(DAY, complete=False), read(static_day())])
    assert plan(resolve(policy), days, NOON).market_days == ("by-hand",)

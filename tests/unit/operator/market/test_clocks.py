"""Which moment a printed label means, and which clock a window is on: in every bidding zone, in absolute UTC.

Nothing here asks the code for a clock: Central European Time is worked out from its rule (EU Directive 2000/84/EC: an
hour ahead of UTC, two from the last Sunday of March 01:00 UTC to the last of October 01:00 UTC).
"""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from powercap_api.markets import BIDDING_ZONES, OFFERS, Auction, Market
from powercap_cli.main import main
from powercap_operator.market.fallback import bare_day
from powercap_operator.market.known_days import is_complete
from powercap_operator.market.results import Query, build_market_day
from powercap_operator.planning.budget_spec import plan_periods
from powercap_operator.planning.decision import decide
from powercap_operator.planning.due_days import is_due
from powercap_operator.planning.resolved_policy import resolve
from powercap_operator.sources.epex.page import open_page
from tests.support.objects import make_day, make_node, make_policy, make_world, moment

CHANGES = (date(2025, 3, 30), date(2025, 10, 26), date(2026, 3, 29), date(2026, 10, 25))
Captured = pytest.CaptureFixture[str]


def cet_offset(at: datetime) -> timedelta:
    """How far Central European Time is ahead of UTC at a moment."""
    spring, autumn = (
        max(
            datetime(at.year, month, day, 1, tzinfo=UTC)
            for day in range(25, 32)
            if date(at.year, month, day).weekday() == 6
        )
        for month in (3, 10)
    )
    return timedelta(hours=2 if spring <= at < autumn else 1)


def cet_starts(day: date, minutes: int) -> list[datetime]:
    """The periods of a day in Central European Time: every multiple of the length in UTC that falls on it."""
    first = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=3)
    every = [first + timedelta(minutes=minutes) * count for count in range(31 * 60 // minutes)]
    return [at for at in every if (at + cet_offset(at)).date() == day]


def page(heading: str, labels: list[str], currency: str) -> str:
    """A page in the form of the exchange's, with the place of each label as its price."""
    items = "".join(f'<li class="child"><a href="#">{label}</a></li>' for label in labels)
    rows = "".join(
        f"<tr><td>1.0</td><td>1.0</td><td>{100 + place}.0</td><td>{place}.00</td></tr>"
        for place in range(len(labels))
    )
    heads = "".join(f"<th>{name} (MWh)</th>" for name in ("Buy Volume", "Sell Volume", "Volume"))
    return (
        f'<html><body><div class="js-md-widget"><div class="table-container"><h2>{heading}</h2>'
        f'<div class="fixed-column js-table-times"><ul>{items}</ul></div><div class="js-table-values"><table>'
        f"<thead><tr>{heads}<th>Price ({currency}/MWh)</th></tr></thead><tbody>{rows}</tbody></table></div></div></div>"
    )


def label(at: datetime, minutes: int) -> str:
    local = at + cet_offset(at)
    begin = local.hour * 60 + local.minute
    end = begin + minutes
    if minutes == 60:
        return f"{begin // 60:02} - {end // 60:02}"
    return f"{begin // 60:02}:{begin % 60:02} - {end // 60:02}:{end % 60:02}"


NAMES = {
    ("CH", Auction.SDAC, 60): "Day-Ahead > CH",
    ("GB", Auction.SDAC, 60): "Day-Ahead > GB DAA 1 (60')",
    ("GB", Auction.SDAC, 30): "Day-Ahead > GB DAA 2 (30')",
}
"""How the site's headings name the auctions outside of the coupling."""


def heading(market: Market, day: date) -> str:
    own = f"{market.area}-" if market.area in ("CH", "GB") else ""
    usual = "Day-Ahead > SDAC" if market.auction is Auction.SDAC else f"Intraday > {own}{market.auction}"
    name = NAMES.get((market.area, market.auction, market.resolution_minutes), usual)  # type: ignore[arg-type]
    length = "" if market.resolution_minutes == 60 else f" > {market.resolution_minutes}min"
    return f"Auction > {name}{length} > {market.area} > {day.day} {day:%B} {day.year}"


EVERY_OFFER = [
    Market(area, offer.auction, product.minutes)
    for offer in OFFERS
    if isinstance(offer.auction, Auction)
    for area in offer.areas
    for product in offer.products
]


@pytest.mark.parametrize("day", CHANGES, ids=str)
@pytest.mark.parametrize("market", EVERY_OFFER, ids=str)
def test_labels_are_central_european_time_everywhere(market: Market, day: date) -> None:
    starts = cet_starts(day, market.resolution_minutes)
    assert len(starts) * market.resolution_minutes == (23 if day.month == 3 else 25) * 60
    sign = "£" if market.area == "GB" else "€"
    html = page(heading(market, day), [label(at, market.resolution_minutes) for at in starts], sign)
    read = open_page(html)
    assert read.query() == Query(market, day)
    periods = read.periods(Query(market, day))
    assert [period.start for period in periods] == starts
    assert [period.price for period in periods] == [Decimal(place) for place in range(len(starts))]
    assert build_market_day(periods, Query(market, day)).complete


def test_every_zone_has_an_offer_for_each_of_its_auctions() -> None:
    assert {market.area for market in EVERY_OFFER} == set(BIDDING_ZONES)
    assert len(EVERY_OFFER) == 18 * 5 + 3 + 4


GB_DAY = "Auction > Intraday > GB-IDA1 > 30min > GB > "


@pytest.mark.parametrize(
    ("day", "count", "known"),
    [
        # the rows of 18 December 2025 in the exchange's form: the label 00:00 is 23:00 in London on the day before
        (
            "2025-12-18",
            48,
            {0: "2025-12-17T23:00:00Z", 16: "2025-12-18T07:00:00Z", 47: "2025-12-18T22:30:00Z"},
        ),
        (
            "2026-07-11",
            48,
            {0: "2026-07-10T22:00:00Z", 16: "2026-07-11T06:00:00Z", 47: "2026-07-11T21:30:00Z"},
        ),
        ("2026-03-29", 46, {0: "2026-03-28T23:00:00Z", 3: "2026-03-29T00:30:00Z", 4: "2026-03-29T01:00:00Z"}),
        ("2025-10-26", 50, {0: "2025-10-25T22:00:00Z", 4: "2025-10-26T00:00:00Z", 6: "2025-10-26T01:00:00Z"}),
    ],
)
def test_great_britains_day_begins_at_23_o_clock_there(
    day: str, count: int, known: dict[int, str], tmp_path: Path, capsys: Captured
) -> None:
    delivery = date.fromisoformat(day)
    labels = [label(at, 30) for at in cet_starts(delivery, 30)]
    file = tmp_path / "gb.html"
    file.write_text(page(f"{GB_DAY}{delivery.day} {delivery:%B} {delivery.year}", labels, "£"), "utf-8")
    arguments = ["market", "parse", str(file), "--area", "GB", "--auction", "IDA1", "--date", day]
    assert main([*arguments, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {name: found[name] for name in ("market", "day", "zone", "currency")} == {
        "market": "GB IDA1 30min",
        "day": day,
        "zone": "Europe/Paris",
        "currency": "GBP",
    }
    assert len(found["periods"]) == count
    for place, start in known.items():
        period = {"start": start, "minutes": 30, "volume": 100.0 + place, "price": float(place)}
        assert found["periods"][place] == period


REAL_PRICES = """
    40.35 31.43 5.80 16.00 18.45 9.89 16.00 10.77 8.34 9.21 15.36 12.00 9.72 4.00 -1.04 4.00
    -1.05 20.00 24.24 53.00 48.00 52.06 49.29 49.31 50.41 50.26 47.04 48.95 52.00 53.01 59.24 61.73
    56.00 68.00 68.10 76.70 75.30 76.00 75.60 73.99 70.00 62.80 68.00 62.99 68.09 52.04 56.54 45.00
"""
"""GB IDA1 of 14 December 2025, half-hours in the order of their labels from 00:00 on."""


def test_great_britains_printed_peak_is_the_mean_of_its_hours(tmp_path: Path, capsys: Captured) -> None:
    """The page printed base 41.31 and peak 53.63; peak is from 07:00 to 19:00 UK time, in winter the same in UTC."""
    labels = [label(at, 30) for at in cet_starts(date(2025, 12, 14), 30)]
    html = page(f"{GB_DAY}14 December 2025", labels, "£")
    for place, price in enumerate(REAL_PRICES.split()):
        html = html.replace(f"<td>{place}.00</td></tr>", f"<td>{price}</td><!-- --></tr>", 1)
    file = tmp_path / "gb.html"
    file.write_text(html, "utf-8")
    arguments = ["market", "parse", str(file), "--area", "GB", "--auction", "IDA1", "--date", "2025-12-14"]
    assert main([*arguments, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)["periods"]
    peak = [one["price"] for one in found if "2025-12-14T07:00:00Z" <= one["start"] < "2025-12-14T19:00:00Z"]
    assert len(peak) == 24
    assert round(sum(peak) / 24, 2) == 53.63
    assert round(sum(one["price"] for one in found) / 48, 2) == 41.31


def test_a_page_of_before_headings_named_auctions(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "at.html"
    labels = [label(at, 60) for at in cet_starts(date(2022, 12, 24), 60)]
    file.write_text(page("Auction > Day-Ahead > 60min > AT > 24 December 2022", labels, "€"), "utf-8")
    arguments = [
        "market",
        "parse",
        str(file),
        "--area",
        "AT",
        "--date",
        "2022-12-24",
        "--format",
        "json",
        "--auction",
    ]
    assert main([*arguments, "SDAC"]) == 0
    assert json.loads(capsys.readouterr().out)["periods"][0]["start"] == "2022-12-23T23:00:00Z"
    file.write_text(page("Auction > Intraday > 60min > AT > 24 December 2022", labels, "€"), "utf-8")
    assert main([*arguments, "IDA1"]) == 1
    assert "does not name its auction" in capsys.readouterr().err


def test_days_that_were_read_on_another_clock_are_read_anew() -> None:
    """As versions before read Great Britain's: complete, and an hour late."""
    day = make_day(date(2025, 12, 18), market=Market("GB", Auction.IDA1, 30))
    assert is_complete(day)
    old = day.model_copy(update={"status": day.status.model_copy(update={"time_zone": "Europe/London"})})
    assert not is_complete(old)
    assert is_due(old, moment("2025-12-18T12:00Z"))


def test_a_clock_that_is_not_proven_is_said_so() -> None:
    for area, told in (("SE3", True), ("FI", False), ("FR", False)):
        policy = make_policy(market={"area": area})
        days = [make_day(date(2026, 6, 10), market=Market(area, Auction.IDA1))]
        now = moment("2026-06-10T10:00Z")
        decision = decide(
            make_world([policy], days, [make_node("a")]), now, timedelta(days=14), now - timedelta(days=1)
        )
        (data,) = [
            one["message"]
            for one in decision.policy_statuses["default"]["conditions"]
            if one["type"] == "MarketData"
        ]
        assert (f"That {area}'s days are in market time is not proven" in data) is told


def test_a_plan_says_every_moment_in_utc(tmp_path: Path, capsys: Captured) -> None:
    policy = tmp_path / "policy.json"
    market = {"area": "GB", "auction": "IDA1"}
    body = make_policy(market=market, strategy={"type": "Price"}).to_wire()
    policy.write_text(json.dumps(body), "utf-8")
    results = tmp_path / "epex_data_2026-03-29.csv"
    labels = [label(at, 30).replace(" ", "") for at in cet_starts(date(2026, 3, 29), 30)]
    lines = [f"{text},{100 + place}.0,{place}.00" for place, text in enumerate(labels)]
    results.write_text("\n".join(["Period,Volume (MWh),Price (£/MWh)", *lines]) + "\n", "utf-8")
    assert main(["plan", "--policy", str(policy), "--csv", str(results), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["market"], found["day"], found["zone"]) == ("GB IDA1 30min", "2026-03-29", "Europe/Paris")
    assert len(found["periods"]) == 46
    assert found["periods"][4] == {
        "start": "2026-03-29T01:00:00Z",
        "minutes": 30,
        "volume": 104.0,
        "price": 4.0,
        "cap": 40.0,
        "why": "4.00 GBP/MWh, at or below 4.50 (P10): maxSource 40 W",
    }


# people's clock ---------------------------------------------------------------------------------------------------

NIGHT = {"windows": [{"start": "22:00", "end": "06:00", "power": "36"}]}


def caps(area: str, day: date, strategy: dict[str, Any], **spec: Any) -> dict[datetime, int]:
    """Watts of each period of the day that needs no results."""
    policy = resolve(make_policy(market={"area": area, "auction": "SDAC"}, strategy=strategy, **spec))
    planned = plan_periods(policy, bare_day(policy.market, day))
    return {period.start: period.cap_uw // 1_000_000 for period in planned}


@pytest.mark.parametrize(
    ("area", "begin", "end"),
    [
        ("FR", "2026-06-10T04:00Z", "2026-06-10T20:00Z"),
        ("FI", "2026-06-10T03:00Z", "2026-06-10T19:00Z"),
        ("GB", "2026-06-10T05:00Z", "2026-06-10T21:00Z"),
        ("PL", "2026-06-10T04:00Z", "2026-06-10T20:00Z"),
    ],
)
def test_windows_are_on_the_clock_on_the_wall(area: str, begin: str, end: str) -> None:
    strategy = {"type": "Schedule", **NIGHT, "otherwise": {"type": "Fixed", "power": "20"}}
    found = caps(area, date(2026, 6, 10), strategy)
    assert {cap for start, cap in found.items() if moment(begin) <= start < moment(end)} == {20}
    assert {cap for start, cap in found.items() if not moment(begin) <= start < moment(end)} == {36}


@pytest.mark.parametrize(("area", "noon"), [("FR", 10), ("FI", 9), ("GB", 11)])
def test_the_sun_is_highest_at_noon_on_the_wall(area: str, noon: int) -> None:
    found = caps(area, date(2026, 6, 10), {"type": "Solar"})
    assert found[datetime(2026, 6, 10, noon, tzinfo=UTC)] == 40
    assert sum(cap == 40 for cap in found.values()) == 1


def test_the_fees_of_a_window_are_on_the_clock_on_the_wall() -> None:
    tariff = {"windows": [{"start": "07:00", "end": "22:00", "fees": "10"}]}
    policy = resolve(make_policy(market={"area": "FI", "auction": "SDAC"}, tariff=tariff))
    day = bare_day(policy.market, date(2026, 6, 10))
    paid = {
        period.start: policy.tariff.price_paid(0, period.start, policy.wall_clock)  # type: ignore[arg-type]
        for period in day.periods
    }
    assert [paid[moment(f"2026-06-10T{at}Z")] for at in ("03:45", "04:00", "18:45", "19:00")] == [
        0,
        10,
        10,
        0,
    ]


@pytest.mark.parametrize(
    ("area", "auction", "minutes"),
    [("CH", "IDA1", 60), ("CH", "SDAC", 60), ("GB", "IDA1", 30), ("GB", "SDAC", 60), ("FI", "IDA1", 15)],
)
def test_a_policy_that_says_no_length_follows_what_is_offered(area: str, auction: str, minutes: int) -> None:
    policy = resolve(make_policy(market={"area": area, "auction": auction}))
    assert policy.market.resolution_minutes == minutes

"""Figures: that they are drawn with what they must show, and what is said where they cannot be."""

import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from powercap_api.markets import Auction, Market
from powercap_api.policy.strategy import StrategyType
from powercap_api.schedule import Schedule
from powercap_cli.draw.figure import FigureError, draw_market, draw_plan
from powercap_cli.draw.plan_chart import DayPlan, plan_day
from powercap_cli.main import main
from powercap_operator.market.csv_format import to_csv
from powercap_operator.market.delivery_day import day_bounds
from powercap_operator.market.known_days import DayResults
from powercap_operator.market.results import DayData, Period, Query, build_market_day
from powercap_operator.planning.resolved_policy import resolve
from powercap_operator.sources.mock import made_up_periods
from tests.support.objects import make_policy

DOCS = Path(__file__).parents[4] / "docs"
MARKET = Market("FR", Auction.IDA1)
ORDINARY, AUTUMN, SPRING = date(2025, 10, 9), date(2025, 10, 26), date(2026, 3, 29)


def market_day(day: date) -> DayData:
    query = Query(MARKET, day)
    return build_market_day(made_up_periods(query), query)


def day_plan(day: date) -> DayPlan:
    end = day_bounds(day, MARKET.bidding_zone.zone)[1]
    results = DayResults(day, day, Schedule(market_day(day).periods, end), (), "EUR")
    return plan_day(resolve(make_policy(strategy={"type": "Price"})), results)


def market_figure(path: Path, day: date) -> None:
    draw_market(market_day(day), path, source="a saved page")


def plan_figure(path: Path, day: date) -> None:
    draw_plan(day_plan(day), path)


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (market_figure, ["FR IDA1 of 2025-10-09", "volume, MWh", "price, EUR/MWh", "a saved page"]),
        (
            plan_figure,
            ["default: caps of one node", "cap, W", "maxSource 40 W", "minPower 10 W", "volume, MWh"],
        ),
    ],
)
def test_a_figure_has_title_units_and_local_time(
    draw: Callable[[Path, date], None], words: list[str], tmp_path: Path
) -> None:
    draw(tmp_path / "day.svg", ORDINARY)
    text = (tmp_path / "day.svg").read_text(encoding="utf-8")
    for word in [*words, "time in Paris", "00:00", "12:00", "24:00"]:
        assert word in text
    assert "clocks go" not in text


@pytest.mark.parametrize(("day", "words"), [(AUTUMN, "clocks go back"), (SPRING, "clocks go forward")])
def test_a_clock_change_is_marked(day: date, words: str, tmp_path: Path) -> None:
    for draw in (market_figure, plan_figure):
        draw(tmp_path / "day.svg", day)
        assert (tmp_path / "day.svg").read_text(encoding="utf-8").count(words) == 1


def test_the_same_day_gives_the_same_file(tmp_path: Path) -> None:
    for name in ("one.svg", "two.svg"):
        plan_figure(tmp_path / name, ORDINARY)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_png_is_a_picture(tmp_path: Path) -> None:
    market_figure(tmp_path / "day.png", AUTUMN)
    assert (tmp_path / "day.png").read_bytes().startswith(b"\x89PNG")


def test_a_day_with_holes_is_drawn_with_holes(tmp_path: Path) -> None:
    periods = market_day(ORDINARY).periods
    holed = [Period(period.start) if 10 < index < 30 else period for index, period in enumerate(periods[:90])]
    day = build_market_day(holed, Query(MARKET, ORDINARY))
    draw_market(day, tmp_path / "day.svg")
    assert "not complete" in (tmp_path / "day.svg").read_text(encoding="utf-8")


def test_nothing_to_draw_is_said(tmp_path: Path) -> None:
    with pytest.raises(FigureError, match="nothing to draw"):
        draw_market(build_market_day([], Query(MARKET, ORDINARY)), tmp_path / "day.svg")


def test_a_format_that_is_none_and_a_folder_that_is_not_there_are_said(tmp_path: Path) -> None:
    with pytest.raises(FigureError, match=r"end it in \.png or \.svg"):
        market_figure(tmp_path / "day.gif", ORDINARY)
    with pytest.raises(FigureError, match="cannot write"):
        market_figure(tmp_path / "nowhere" / "day.svg", ORDINARY)


def test_without_matplotlib_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(FigureError, match=r"in a checkout, pipx install '\.\[kubectl,plot\]'"):
        market_figure(tmp_path / "day.svg", ORDINARY)


def test_market_show_draws_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    query = Query(MARKET, ORDINARY)
    csv = tmp_path / "epex_data_2025-10-09.csv"
    csv.write_text(to_csv(made_up_periods(query), query), encoding="utf-8")
    assert main(["market", "show", str(csv), "--plot", str(tmp_path / "day.svg")]) == 0
    assert (tmp_path / "day.svg").exists()
    assert main(["market", "show", str(csv), "--plot", str(tmp_path / "day.pdf")]) == 1
    assert "end it in .png or .svg" in capsys.readouterr().err


@pytest.mark.parametrize("strategy", [strategy.value.lower() for strategy in StrategyType])
def test_every_strategy_is_explained_with_its_figure(strategy: str) -> None:
    figure = DOCS / "strategies" / f"{strategy}.svg"
    assert figure.stat().st_size < 100_000
    text = (DOCS / "strategies.md").read_text(encoding="utf-8")
    assert f"](strategies/{strategy}.svg)" in text

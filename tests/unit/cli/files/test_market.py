"""``powercap market``: what goes to standard output, what to standard error, and the exit codes."""

import asyncio
import io
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from dev.lab.exchange import pages
from dev.lab.exchange.pages import market_page, sample_periods
from dev.lab.exchange.site import Behaviour, ExchangeSite
from powercap_api.markets import Auction, Market
from powercap_cli.files.day_fetch import fetch_days
from powercap_cli.main import main, make_parser
from powercap_operator.market.csv_format import from_csv, to_csv
from powercap_operator.market.results import DayData, Period, Query
from tests.support.saved_pages import FOLDER, NEEDS_PAGES

DAY = date(2025, 10, 9)
QUERY = Query(Market("FR", Auction.IDA1), DAY)
HOURLY = Query(Market("FR", Auction.SDAC, 60), DAY)
MARKET = ["--area", "FR", "--auction", "IDA1", "--date", "2025-10-09"]

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def site() -> Iterator[ExchangeSite]:
    with ExchangeSite() as running:
        running.publish(QUERY, sample_periods(QUERY))
        yield running


def save(folder: Path, page: str, name: str = "page.html") -> str:
    path = folder / name
    path.write_text(page, encoding="utf-8")
    return str(path)


# parse ----------------------------------------------------------------------------------------------------------


@NEEDS_PAGES
def test_the_command_of_the_readme(capsys: Captured) -> None:
    page = str(FOLDER / "epex_FR_2025-10-02.html")
    assert main(["market", "parse", page, "--area", "FR", "--auction", "SDAC", "--date", "2025-10-02"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == "Period,Volume (MWh),Price (€/MWh)"
    assert lines[1] == "00:00-00:15,3577.5,96.94"
    assert lines[5] == "01:00-01:15,3665.2,73.51"
    assert lines[96].startswith("23:45-24:00,")
    assert len(lines) == 97
    assert err == ""


@pytest.mark.parametrize("query", [QUERY, HOURLY], ids=str)
def test_a_page_becomes_csv_in_the_resolution_that_it_has(
    query: Query, tmp_path: Path, capsys: Captured
) -> None:
    page = save(tmp_path, market_page(query, sample_periods(query)))
    assert (
        main(["market", "parse", page, "--auction", str(query.market.auction), "--date", "2025-10-09"]) == 0
    )
    assert capsys.readouterr() == (to_csv(sample_periods(query), query), "")


def test_the_answer_of_the_pages_script_will_do_too(tmp_path: Path, capsys: Captured) -> None:
    page = save(tmp_path, pages.ajax_answer(QUERY, sample_periods(QUERY)))
    assert main(["market", "parse", page, *MARKET]) == 0
    assert capsys.readouterr().out == to_csv(sample_periods(QUERY), QUERY)


def test_a_page_from_standard_input(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    page = market_page(QUERY, sample_periods(QUERY)).encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(page)))
    assert main(["market", "parse", "-", *MARKET]) == 0
    assert capsys.readouterr().out == to_csv(sample_periods(QUERY), QUERY)


@pytest.mark.parametrize(
    ("page", "kind"),
    [
        (pages.continuous_page("LV", DAY), "wrong market"),
        (market_page(HOURLY, sample_periods(HOURLY)), "wrong market"),
        (pages.shell_page(), "no table"),
        (pages.no_data_page(QUERY), "not published"),
        (pages.FORBIDDEN, "blocked"),
        (pages.CDN_ERROR, "blocked"),
        (market_page(QUERY, sample_periods(QUERY)[:-1]), "malformed page"),
        ("x" * 5_000_000, "malformed page"),
    ],
)
def test_what_is_not_that_market_gives_one_line_that_names_it(
    page: str, kind: str, tmp_path: Path, capsys: Captured
) -> None:
    path = save(tmp_path, page)
    assert main(["market", "parse", path, *MARKET]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"powercap: {kind}: ")
    assert err.endswith(f"[{path}]\n")
    assert err.count("\n") == 1


def test_a_resolution_that_was_asked_for_is_insisted_on(tmp_path: Path, capsys: Captured) -> None:
    page = save(tmp_path, market_page(HOURLY, sample_periods(HOURLY)))
    assert (
        main(["market", "parse", page, "--auction", "SDAC", "--date", "2025-10-09", "--resolution", "15"])
        == 1
    )
    assert "holds periods of 60 minutes" in capsys.readouterr().err


def test_holes_are_printed_and_warned_of(tmp_path: Path, capsys: Captured) -> None:
    periods = list(sample_periods(QUERY))
    periods[4] = Period(periods[4].start, None, Decimal("1.00"))
    assert main(["market", "parse", save(tmp_path, market_page(QUERY, periods)), *MARKET]) == 0
    out, err = capsys.readouterr()
    assert "01:00-01:15,-,1.00\n" in out
    assert "1 of 96 periods without volume: 01:00-01:15" in err


def test_a_file_that_is_not_there(tmp_path: Path, capsys: Captured) -> None:
    assert main(["market", "parse", str(tmp_path / "none.html"), *MARKET]) == 1
    assert "cannot be read: No such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["market"],
        ["market", "parse"],
        ["market", "parse", "x", "--date", "yesterday"],
        ["market", "parse", "x", "--date", "2025-10-09", "--area", "XX"],
        ["market", "parse", "x", "--date", "2025-10-09", "--auction", "IDA4"],
        ["market", "parse", "x", "--date", "2025-10-09", "--resolution", "5"],
        ["market", "fetch", "--provider", "Nobody"],
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: list[str], capsys: Captured) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "command", [[], ["market"], ["market", "parse"], ["market", "fetch"], ["market", "show"]]
)
def test_help_teaches_by_example(command: list[str], capsys: Captured) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*command, "--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert "examples:\n  powercap " in out
    assert max(map(len, out.splitlines())) <= 120


# fetch ----------------------------------------------------------------------------------------------------------


def test_a_day_is_written_to_a_file(site: ExchangeSite, tmp_path: Path, capsys: Captured) -> None:
    folder = tmp_path / "new" / "data"
    assert main(["market", "fetch", *MARKET, "--base-url", site.url, "--output-dir", str(folder)]) == 0
    path = folder / "ida1_FR_2025-10-09.csv"
    assert capsys.readouterr() == (f"{path}\n", "")
    first, _, rest = path.read_text(encoding="utf-8").partition("\n")
    assert first == "# market: FR IDA1; day: 2025-10-09; clock: Europe/Paris; source: EPEX"
    assert rest == to_csv(sample_periods(QUERY), QUERY)
    assert [file.name for file in folder.iterdir()] == [path.name]
    assert path.stat().st_mode & 0o777 == 0o644


def test_the_name_that_says_no_market_is_written_when_asked_for(
    site: ExchangeSite, tmp_path: Path, capsys: Captured
) -> None:
    arguments = ["market", "fetch", *MARKET, "--base-url", site.url, "--output-dir", str(tmp_path)]
    assert main([*arguments, "--seed-names"]) == 0
    path = tmp_path / "epex_data_2025-10-09.csv"
    assert capsys.readouterr().out == f"{path}\n"
    assert path.read_text(encoding="utf-8") == to_csv(sample_periods(QUERY), QUERY)


def test_no_day_is_written_over_unasked(site: ExchangeSite, tmp_path: Path, capsys: Captured) -> None:
    arguments = ["market", "fetch", *MARKET, "--base-url", site.url, "--output-dir", str(tmp_path)]
    path = tmp_path / "ida1_FR_2025-10-09.csv"
    assert main(arguments) == 0
    assert main(arguments) == 0
    path.write_text("other", encoding="utf-8")
    assert main(arguments) == 1
    assert f"{path} is there already with other values: --overwrite writes over it" in capsys.readouterr().err
    assert path.read_text(encoding="utf-8") == "other"
    assert main([*arguments, "--overwrite"]) == 0
    assert "FR IDA1" in path.read_text(encoding="utf-8")


def test_a_day_is_printed(site: ExchangeSite, capsys: Captured) -> None:
    site.behave(Behaviour(page_has_table=False))
    assert main(["market", "fetch", *MARKET, "--base-url", site.epex_url, "--output-dir", "-"]) == 0
    assert from_csv(capsys.readouterr().out, QUERY) == sample_periods(QUERY)


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (Behaviour(status=403), "forbidden"),
        (Behaviour(status=429, retry_after="60"), "rate limited"),
        (Behaviour(body=pages.CHALLENGE), "blocked"),
        (Behaviour(page_has_table=False, ajax=False, disclaimer=False), "no table"),
        (Behaviour(reset=True), "unavailable"),
    ],
)
def test_a_failure_writes_nothing(
    site: ExchangeSite, behaviour: Behaviour, kind: str, tmp_path: Path, capsys: Captured
) -> None:
    site.behave(behaviour)
    assert main(["market", "fetch", *MARKET, "--base-url", site.url, "--output-dir", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"powercap: {kind}: ")
    assert err.endswith("[EPEX FR IDA1 of 2025-10-09]\n")
    assert err.count("\n") == 1
    assert ("not before" in err) is (behaviour.retry_after is not None)
    assert list(tmp_path.iterdir()) == []


def test_an_incomplete_day_replaces_nothing(site: ExchangeSite, tmp_path: Path, capsys: Captured) -> None:
    periods = list(sample_periods(QUERY))
    periods[4] = Period(periods[4].start, None, None)
    site.publish(QUERY, periods)
    good = tmp_path / "ida1_FR_2025-10-09.csv"
    good.write_text("good", encoding="utf-8")
    assert main(["market", "fetch", *MARKET, "--base-url", site.url, "--output-dir", str(tmp_path)]) == 1
    assert "incomplete day: 1 of 96 periods without volume" in capsys.readouterr().err
    assert good.read_text(encoding="utf-8") == "good"


def test_a_folder_that_cannot_be_written_to(site: ExchangeSite, tmp_path: Path, capsys: Captured) -> None:
    blocking = save(tmp_path, "", "file")
    assert main(["market", "fetch", *MARKET, "--base-url", site.url, "--output-dir", blocking]) == 1
    assert f"cannot write {blocking}/ida1_FR_2025-10-09.csv" in capsys.readouterr().err


@pytest.mark.parametrize("provider", ["EnergyCharts", "ENTSOE"])
def test_other_sources_give_prices(
    site: ExchangeSite, provider: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = Query(Market("FR", Auction.SDAC), DAY)
    site.publish(query, sample_periods(query))
    monkeypatch.setenv("ENTSOE_TOKEN", "a-secret-token")
    url = {"EnergyCharts": site.energy_charts_url, "ENTSOE": site.entsoe_url}[provider]
    arguments = ["--auction", "SDAC", "--date", "2025-10-09", "--provider", provider, "--base-url", url]
    assert main(["market", "fetch", *arguments, "--output-dir", "-"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[1] == "00:00-00:15,-,-14.95"
    assert "secret" not in out + err


def _many(site: ExchangeSite, provider: str, folder: Path, first: str, last: str) -> list[str]:
    """The site's days from 30 September to 2 October 2025, and the options that ask for days of them."""
    for place in (0, 1, 2):
        query = Query(
            Market("FR", Auction.SDAC, 60 if place == 0 else 15), date(2025, 9, 30) + timedelta(place)
        )
        site.publish(query, sample_periods(query))
    url = {"EPEX": site.epex_url, "EnergyCharts": site.energy_charts_url, "ENTSOE": site.entsoe_url}[provider]
    words = ["market", "fetch", "--auction", "SDAC", "--from", first, "--to", last, "--provider", provider]
    return [*words, "--base-url", url, "--output-dir", str(folder)]


@pytest.mark.parametrize("provider", ["EnergyCharts", "ENTSOE"])
def test_a_months_days_take_one_request(
    site: ExchangeSite, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch, provider: str
) -> None:
    monkeypatch.setenv("ENTSOE_TOKEN", "a-secret-token")
    words = _many(site, provider, tmp_path, "2025-10-01", "2025-10-03")
    assert main(words) == 1
    out, err = capsys.readouterr()
    assert [Path(line).name for line in out.splitlines()] == [
        "sdac_FR_2025-10-01.csv",
        "sdac_FR_2025-10-02.csv",
    ]
    assert f"2025-10-03: {provider} does not have the whole day" in err
    assert len(site.requests) == 1
    first = (tmp_path / "sdac_FR_2025-10-01.csv").read_text(encoding="utf-8").splitlines()
    assert first[0] == f"# market: FR SDAC; day: 2025-10-01; clock: Europe/Paris; source: {provider}"
    assert first[2] == "00:00-00:15,-,-14.95"
    assert len(first) == 98
    words = _many(site, provider, tmp_path, "2025-10-01", "2025-10-02")
    assert main(words) == 0
    assert len(site.requests) == 1, "the files are there"


def test_months_are_asked_for_one_after_the_other(site: ExchangeSite, tmp_path: Path) -> None:
    words = _many(site, "EnergyCharts", tmp_path, "2025-09-30", "2025-10-02")
    arguments = make_parser(words).parse_args(words)
    kept: list[DayData] = []
    pauses: list[float] = []

    def keep(day: DayData) -> bool:
        kept.append(day)
        return True

    async def wait(seconds: float) -> None:
        pauses.append(seconds)

    market = Market("FR", Auction.SDAC)
    assert asyncio.run(fetch_days(market, arguments, keep, print, wait))
    assert [day.query.delivery_day.day for day in kept] == [30, 1, 2]
    assert [len(day.periods) for day in kept] == [24, 96, 96]
    assert pauses == [30], "two requests a minute"


@pytest.mark.parametrize(
    ("provider", "options", "said"),
    [
        ("EPEX", (), "EPEX gives SDAC one day at a time: ask for a day with --date"),
        ("EnergyCharts", ("--auction", "IDA1"), "EnergyCharts gives IDA1 one day at a time"),
        ("EnergyCharts", ("--to", "2025-09-01"), "--to 2025-09-01 is before --from 2025-10-01"),
        ("EnergyCharts", ("--output-dir", "-"), "of many days CSV files are written"),
        ("EnergyCharts", ("--area", "NL"), "Energy-Charts has no prices for NL SDAC"),
    ],
)
def test_ranges_that_are_refused(
    site: ExchangeSite, tmp_path: Path, capsys: Captured, provider: str, options: tuple[str, ...], said: str
) -> None:
    assert main([*_many(site, provider, tmp_path, "2025-10-01", "2025-10-02"), *options]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert len(site.requests) <= 2
    assert not list(tmp_path.iterdir())


def test_an_auction_by_another_name_is_refused_with_its_name(capsys: Captured) -> None:
    for command in (["fetch"], ["import", "a.csv"]):
        with pytest.raises(SystemExit):
            main(["market", *command, "--auction", "DAYAHEAD"])
        assert "'DAYAHEAD' is no auction: write one of SDAC, IDA1" in capsys.readouterr().err


def test_tomorrow_is_a_day_too(capsys: Captured) -> None:
    assert main(["market", "fetch", "--date", "tomorrow", "--provider", "Mock", "--output-dir", "-"]) == 0
    assert len(capsys.readouterr().out.splitlines()) in (93, 97, 101)


# show -----------------------------------------------------------------------------------------------------------


def lines_of(text: str) -> list[str]:
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    return lines


@pytest.mark.parametrize("day", [DAY, date(2025, 10, 26), date(2026, 3, 29)], ids=str)
def test_a_day_is_drawn_hour_by_hour(day: date, tmp_path: Path, capsys: Captured) -> None:
    query = Query(QUERY.market, day)
    file = save(tmp_path, to_csv(sample_periods(query), query), f"epex_data_{day}.csv")
    assert main(["market", "show", file]) == 0
    lines = lines_of(capsys.readouterr().out)
    hours = [line for line in lines if line[2:3] == "-"]
    assert len(hours) == len(sample_periods(query)) // 4
    assert hours[-1].startswith("23-24 ▇▇▇█ " if day == DAY else "23-24 ")
    assert hours[-1].count("█") >= 40
    assert lines[1].startswith("Europe/Paris time, epex_data_")
    assert lines[-2].startswith("volume 1,000.0 to ")


def test_a_page_says_itself_what_it_holds(tmp_path: Path, capsys: Captured) -> None:
    query = Query(Market("GB", Auction.SDAC, 30), DAY)
    assert main(["market", "show", save(tmp_path, market_page(query, sample_periods(query)))]) == 0
    out = capsys.readouterr().out
    assert out.startswith("GB SDAC 30min of 2025-10-09, 48 periods of 30 min\nEurope/Paris time")
    assert "£/MWh" in out


def test_prices_alone_have_an_axis(tmp_path: Path, capsys: Captured) -> None:
    periods = [Period(period.start, None, period.price) for period in sample_periods(QUERY)]
    file = save(tmp_path, to_csv(periods, QUERY), "epex_data_2025-10-09.csv")
    assert main(["market", "show", file]) == 0
    lines = lines_of(capsys.readouterr().out)
    first, last = lines[4][10:51], lines[27][10:51]
    assert first.index("█") < first.index("│")
    assert last.index("│") < last.index("█")
    assert "complete" in lines[1]


@pytest.mark.parametrize("value", [None, Decimal("0.0"), Decimal("-3.0")], ids=str)
def test_days_with_nothing_to_draw_are_drawn(value: Decimal | None, tmp_path: Path, capsys: Captured) -> None:
    periods = [Period(period.start, value, value) for period in sample_periods(QUERY)]
    assert main(["market", "show", save(tmp_path, to_csv(periods, QUERY), "epex_data_2025-10-09.csv")]) == 0
    assert len(lines_of(capsys.readouterr().out)) >= 28


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("day.csv", "", "neither its first line nor its name says the day"),
        ("2025-13-09.csv", "", "neither its first line nor its name says the day"),
        ("2025-10-09.csv", "", "no line begins with a period"),
        ("2025-10-09.csv", "Period\n00:00-00:15,1,2\n", "bad CSV: line 1"),
        ("2025-10-09.html", "<html></html>", "no table"),
    ],
)
def test_what_cannot_be_drawn(name: str, text: str, why: str, tmp_path: Path, capsys: Captured) -> None:
    assert main(["market", "show", save(tmp_path, text, name)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert why in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(("data", "words"), [("Carbon", "g CO2eq/kWh"), ("Renewable", "%, mean")])
def test_a_day_of_the_grid_is_fetched_shown_and_drawn(
    data: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file says by its columns what it is."""
    fetched = ["market", "fetch", "--auction", data, "--provider", "Mock", "--date", "2025-10-26"]
    assert main([*fetched, "--output-dir", str(tmp_path)]) == 0
    path = tmp_path / f"{data.lower()}_FR_2025-10-26.csv"
    assert capsys.readouterr().out == f"{path}\n"
    assert main(["market", "show", str(path), "--plot", str(tmp_path / "day.svg")]) == 0
    shown = capsys.readouterr().out
    assert f"FR {data} of 2025-10-26, 100 periods of 15 min" in shown
    assert "complete" in shown
    assert words in shown
    assert "100 of 100 periods are forecasts" in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert "forecast" in (tmp_path / "day.svg").read_text(encoding="utf-8")

"""``powercap backtest``: text, JSON, CSV and figure carry the same numbers, and what is refused says why."""

import csv
import io
import json
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from powercap_api.markets import Auction, GridData, Market
from powercap_cli.main import main
from powercap_operator.market.csv_format import csv_name, to_csv
from powercap_operator.market.results import Query
from powercap_operator.sources.mock import made_up_periods
from tests.support.saved_pages import FOLDER, NEEDS_PAGES
from tests.unit.cli.files.test_plan import write_policy

Captured = pytest.CaptureFixture[str]
FIRST = date(2025, 10, 20)
MARKET = {"area": "FR", "auction": "SDAC"}
OUTCOME = ["energyKWh", "cost", "co2Kg", "workHours", "costPerWorkHour"]


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """A fortnight over the end of summer time: hours in the first days, quarters in the others, one day missing."""
    folder = tmp_path / "history"
    folder.mkdir()
    for step in range(14):
        query = Query(Market("FR", Auction.SDAC, 60 if step < 4 else 15), FIRST + timedelta(days=step))
        if step != 9:
            (folder / csv_name(query)).write_text(to_csv(made_up_periods(query), query), encoding="utf-8")
    return folder


def backtest(capsys: Captured, tmp_path: Path, history: Path, *arguments: str, **spec: Any) -> str:
    policy = write_policy(tmp_path, **{"maxSource": "140", "minPower": "40", "market": MARKET, **spec})
    assert main(["backtest", "--policy", policy, "--history", str(history), *arguments]) == 0
    return capsys.readouterr().out


def refused(capsys: Captured, tmp_path: Path, history: Path, *arguments: str, **spec: Any) -> str:
    policy = write_policy(tmp_path, **{"maxSource": "140", "minPower": "40", "market": MARKET, **spec})
    assert main(["backtest", "--policy", policy, "--history", str(history), *arguments]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    return err


def test_what_cannot_be_compared_says_why(history: Path, tmp_path: Path, capsys: Captured) -> None:
    err = refused(capsys, tmp_path, history, "--compare", "Volume,Carbon")
    assert "strategy Carbon looks at carbon, and no day has it in every period" in err
    err = refused(capsys, tmp_path, history, "--from", "2020-01-01", "--to", "2020-01-31")
    assert "no day is from 2020-01-01 to 2020-01-31: those with prices are 2025-10-20 to 2025-11-02" in err
    (tmp_path / "empty").mkdir()
    assert "the folder has no file of results" in refused(capsys, tmp_path, tmp_path / "empty")
    err = refused(capsys, tmp_path, history, maxSource="30")
    assert "spec.minPower: minPower must not be above maxSource" in err


def test_days_that_cannot_be_told_or_are_there_twice_are_named(
    history: Path, tmp_path: Path, capsys: Captured
) -> None:
    text = (history / "epex_data_2025-10-25.csv").read_text(encoding="utf-8")
    (history / "sdac_FR_2025-10-25.csv").write_text(text, encoding="utf-8")
    (history / "nameless.csv").write_text(text, encoding="utf-8")
    policy = write_policy(tmp_path, maxSource="140", minPower="40", market=MARKET)
    assert main(["backtest", "--policy", policy, "--history", str(history)]) == 0
    err = capsys.readouterr().err
    assert "sdac_FR_2025-10-25.csv: epex_data_2025-10-25.csv has this day too" in err
    assert (
        "nameless.csv: market error: neither its first line nor its name says the day: name it as in" in err
    )


def test_json_has_these_keys_and_no_others(history: Path, tmp_path: Path, capsys: Captured) -> None:
    found = json.loads(
        backtest(
            capsys, tmp_path, history, "--compare", "Volume,Price", "--static-watts", "70", "--format", "json"
        )
    )
    about = {name: value for name, value in found.items() if name != "policies"}
    assert about == {
        "market": "FR SDAC",
        "firstDay": "2025-10-20",
        "lastDay": "2025-11-02",
        "days": 13,
        "maxSourceWatts": 140,
        "minPowerWatts": 40,
        "staticWatts": 70,
        "powerToWork": "Xeon E3-1240L v5, fixed work (green-coding.io)",
    }
    assert [policy["strategy"] for policy in found["policies"]] == ["Price", "Volume"]
    for policy in found["policies"]:
        assert list(policy) == ["name", "strategy", *OUTCOME, "uncapped", "flatCap", "daysWorseThanFlatCap"]
        assert list(policy["uncapped"]) == OUTCOME
        assert list(policy["flatCap"]) == ["capWatts", *OUTCOME]
        assert policy["co2Kg"] is None
        assert policy["flatCap"]["workHours"] == pytest.approx(policy["workHours"], abs=0.001)
        assert policy["costPerWorkHour"] == pytest.approx(policy["cost"] / policy["workHours"], abs=1e-6)
        assert policy["uncapped"]["energyKWh"] == pytest.approx((13 * 24 + 1) * 0.21)
        assert policy["uncapped"]["workHours"] == 13 * 24 + 1


def test_text_and_csv_carry_the_numbers_of_the_json(history: Path, tmp_path: Path, capsys: Captured) -> None:
    arguments = ("--compare", "Volume,Price", "--static-watts", "70", "--format")
    policies = json.loads(backtest(capsys, tmp_path, history, *arguments, "json"))["policies"]
    text = backtest(capsys, tmp_path, history, *arguments, "text")
    saturated = text.partition("Cluster with slack")[0]
    rows = list(csv.DictReader(io.StringIO(backtest(capsys, tmp_path, history, *arguments, "csv"))))
    assert len(rows) == 2 * 2 * 3
    for policy in policies:
        cases = {"policy": policy, "uncapped": policy["uncapped"], "flatCap": policy["flatCap"]}
        for case, outcome in cases.items():
            (row,) = [
                row
                for row in rows
                if (row["cluster"], row["strategy"], row["case"]) == ("saturated", policy["strategy"], case)
            ]
            for name in OUTCOME:
                assert row[name] == ("" if outcome[name] is None else str(outcome[name]))
            assert f"{outcome['energyKWh']:.3f}" in saturated
            assert f"{outcome['cost']:.4f}" in saturated
            assert f"{outcome['costPerWorkHour']:.6f}" in saturated
        assert f"flat cap {policy['flatCap']['capWatts']:.3f} W" in text
        assert f"Worse than the flat cap on {policy['daysWorseThanFlatCap']} of 13 days" in " ".join(
            text.split()
        )


def test_the_text_says_what_was_compared(history: Path, tmp_path: Path, capsys: Captured) -> None:
    text = backtest(capsys, tmp_path, history, "--compare", "Volume,Price")
    said = " ".join(text.split())
    assert "13 days of FR SDAC, 2025-10-20 to 2025-11-02; one node" in said
    assert "70 W static power (half of maxSource: say yours with --static-watts)" in said
    assert "Xeon E3-1240L v5, fixed work (green-coding.io)" in said
    assert "left out: 1 days without a price in every period: 2025-10-29" in said
    assert "A day's cost per work hour against the flat cap's:" in said
    ranking = text.partition("Ranking by cost per unit of work")[2].splitlines()
    assert [line.split(":")[0] for line in ranking[1:]] == [
        "1. default with Price",
        "2. default",
        "3. no cap",
    ]
    assert max(map(len, text.splitlines())) <= 100


def test_a_cap_that_never_binds_says_0_and_why(history: Path, tmp_path: Path, capsys: Captured) -> None:
    load = tmp_path / "load.csv"
    load.write_text("time,watts\n00:00,30\n08:00,90\n", encoding="utf-8")
    text = backtest(
        capsys, tmp_path, history, "--load", str(load), strategy={"type": "Fixed", "power": "112"}
    )
    said = " ".join(text.split())
    assert "The cap held the node back 0.0 % of the time." in said
    assert (
        "It never did, so it saves 0: the lowest cap was 112 W, and the node never draws more than 90 W."
        in said
    )
    assert "Worse than the flat cap on 0 of 13 days." in said
    changes = [line.split()[3:] for line in text.splitlines() if "the policy is" in line]
    assert changes == [["0.0", "%", "0.0", "%", "-", "0.0", "%", "0.0", "%"]] * 4


def test_from_to_and_a_curve_of_ones_own(history: Path, tmp_path: Path, capsys: Captured) -> None:
    curve = tmp_path / "curve.csv"
    curve.write_text("cap,seconds,joules\n140,10,1400\n70,20,1400\n", encoding="utf-8")
    found = json.loads(
        backtest(
            capsys,
            tmp_path,
            history,
            "--curve",
            str(curve),
            "--from",
            "2025-10-26",
            "--to",
            "2025-10-26",
            "--static-watts",
            "0",
            "--format",
            "json",
            strategy={"type": "Fixed", "power": "70"},
        )
    )
    (policy,) = found["policies"]
    assert found["days"] == 1
    assert (policy["workHours"], policy["energyKWh"]) == (12.5, 1.75)
    assert policy["flatCap"]["capWatts"] == 70


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_the_figure_is_drawn(history: Path, tmp_path: Path, capsys: Captured, ending: str) -> None:
    plot = tmp_path / f"out.{ending}"
    backtest(capsys, tmp_path, history, "--compare", "Volume,Price,CheapestHours", "--plot", str(plot))
    content = plot.read_bytes()
    if ending == "png":
        assert content.startswith(b"\x89PNG")
        return
    text = content.decode()
    for words in (
        "What the caps bought, against no cap",
        "saturated: work waits",
        "CheapestHours",
        "worse (red) on",
    ):
        assert words in text


def test_files_that_cannot_be_read_are_missing_days(history: Path, tmp_path: Path, capsys: Captured) -> None:
    (history / "epex_data_2025-10-21.csv").write_text("403 Forbidden", encoding="utf-8")
    policy = write_policy(tmp_path, maxSource="140", minPower="40", market=MARKET)
    assert main(["backtest", "--policy", policy, "--history", str(history), "--format", "json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["days"] == 12
    assert "powercap backtest: left out: epex_data_2025-10-21.csv: " in err


def test_results_of_another_market_are_no_history(history: Path, tmp_path: Path, capsys: Captured) -> None:
    for path in history.iterdir():
        path.rename(path.with_name(f"FR_SDAC_{path.name}"))
    err = refused(capsys, tmp_path, history, market={"area": "FR", "auction": "IDA1"})
    assert "no day has a price in every period" in err
    assert "the folder has FR SDAC, the policy follows FR IDA1: set market.area and market.auction" in err


@pytest.mark.parametrize(
    ("option", "content", "why"),
    [
        ("--curve", "cap,seconds\n", "the first line must be cap,seconds,joules"),
        ("--load", "watts\n", "the first line must be time,watts"),
        ("--plot", None, "names no known format"),
    ],
)
def test_wrong_files_are_refused(
    history: Path, tmp_path: Path, capsys: Captured, option: str, content: str | None, why: str
) -> None:
    path = tmp_path / "other.txt"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    assert why in refused(capsys, tmp_path, history, option, str(path))


def test_percentages_need_a_node(history: Path, tmp_path: Path, capsys: Captured) -> None:
    spec: dict[str, Any] = {"maxSource": "70%", "minPower": "20%"}
    err = refused(capsys, tmp_path, history, **spec)
    assert "the policy has percentages: say of how many watts with --node-watts" in err
    share = backtest(capsys, tmp_path, history, "--node-watts", "200", "--compare", "Price", **spec)
    assert share == backtest(capsys, tmp_path, history, "--compare", "Price")


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path, capsys: Captured) -> None:
    assert "cannot be read" in refused(capsys, tmp_path, tmp_path / "nothing")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--compare", "Volume,Wind"), "'Wind' is no strategy: Volume, "),
        (("--static-watts", "much"), "'much' is no power: write watts, such as 90"),
        (("--static-watts", "-1"), "-1 W is no power of a machine"),
    ],
)
def test_wrong_arguments_are_wrong_usage(arguments: tuple[str, str], why: str, capsys: Captured) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["backtest", "--policy", "p", "--history", "h", *arguments])
    assert why in capsys.readouterr().err


@NEEDS_PAGES
def test_real_days_are_read_and_bear_out_the_known_shares(tmp_path: Path, capsys: Captured) -> None:
    """On 129 days Volume did 10.7 % less work and Price 27.8 % (computed apart from this project); the saved pages
    hold seven of them."""
    found = json.loads(
        backtest(
            capsys,
            tmp_path,
            FOLDER,
            "--compare",
            "Volume,Price",
            "--format",
            "json",
            market={**MARKET, "resolutionMinutes": 60},
        )
    )
    assert found["days"] == 7
    less = {policy["strategy"]: 1 - policy["workHours"] / (7 * 24) for policy in found["policies"]}
    assert less["Volume"] == pytest.approx(0.107, abs=0.01)
    assert less["Price"] == pytest.approx(0.278, abs=0.01)


def test_help_names_every_option(capsys: Captured) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["backtest", "--help"])
    text = capsys.readouterr().out
    for option in (
        "policy",
        "history",
        "from",
        "to",
        "load",
        "curve",
        "static-watts",
        "compare",
        "plot",
        "format",
    ):
        assert re.search(rf"--{option}\b", text)


def test_carbon_and_renewables_from_files_beside_the_results(
    history: Path, tmp_path: Path, capsys: Captured
) -> None:
    """Carbon draws what it draws at cleaner hours than Price does; every policy's CO2 is told."""
    for path in list(history.iterdir()):
        day = date.fromisoformat(path.stem.removeprefix("epex_data_"))
        for data in GridData:
            query = Query(Market("FR", data), day)
            (history / csv_name(query)).write_text(to_csv(made_up_periods(query), query), encoding="utf-8")
    names = "Volume,Price,Carbon,Renewable"
    found = json.loads(backtest(capsys, tmp_path, history, "--compare", names, "--format", "json"))
    policies = {one["strategy"]: one for one in found["policies"]}
    assert set(policies) == {"Volume", "Price", "Carbon", "Renewable"}
    assert found["days"] == 13
    grams = {name: one["co2Kg"] / one["energyKWh"] for name, one in policies.items()}
    assert grams["Carbon"] < grams["Volume"]
    assert (
        grams["Carbon"]
        < policies["Carbon"]["uncapped"]["co2Kg"] / policies["Carbon"]["uncapped"]["energyKWh"]
    )

"""``powercap plan``: what it prints, that it fits 80 columns, and how it refuses."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from powercap_api.markets import Auction, GridData, Market
from powercap_cli.main import main
from powercap_operator.market.csv_format import to_csv
from powercap_operator.market.results import Query
from powercap_operator.sources.mock import made_up_periods
from tests.unit.operator.strategies.test_strategies import EVERY_STRATEGY

Captured = pytest.CaptureFixture[str]
DAYS = [date(2025, 10, 9), date(2025, 10, 26), date(2026, 3, 29)]


def write_policy(folder: Path, **spec: Any) -> str:
    path = folder / "policy.yaml"
    body = {
        "apiVersion": "powercap.dev/v1alpha1",
        "kind": "PowerPolicy",
        "metadata": {"name": "default"},
        "spec": {"maxSource": "40", **spec},
    }
    path.write_text(yaml.safe_dump(body), encoding="utf-8")
    return str(path)


def write_day(
    folder: Path, day: date = DAYS[0], minutes: int = 15, auction: Auction | GridData = Auction.IDA1
) -> str:
    query = Query(Market("FR", auction, minutes), day)
    path = folder / f"epex_data_{day}.csv"
    path.write_text(to_csv(made_up_periods(query), query), encoding="utf-8")
    return str(path)


def write_override(folder: Path, *specs: dict[str, Any]) -> str:
    path = folder / "overrides.yaml"
    usual = {"nodeSelector": {}, "reason": "the grid asks"}
    bodies = [
        {
            "apiVersion": "powercap.dev/v1alpha1",
            "kind": "PowerOverride",
            "metadata": {"name": f"o{index}"},
            "spec": usual | spec,
        }
        for index, spec in enumerate(specs)
    ]
    path.write_text(yaml.safe_dump_all(bodies), encoding="utf-8")
    return str(path)


def planned(capsys: Captured, *arguments: str) -> list[str]:
    assert main(["plan", *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out.splitlines()


@pytest.mark.parametrize("strategy", EVERY_STRATEGY, ids=str)
@pytest.mark.parametrize("day", DAYS, ids=str)
def test_every_strategy_is_drawn_within_80_columns(
    strategy: dict[str, Any], day: date, tmp_path: Path, capsys: Captured
) -> None:
    policy = write_policy(tmp_path, strategy=strategy)
    of_grid = strategy["type"] in list(GridData)
    csv = write_day(tmp_path, day, auction=GridData(strategy["type"]) if of_grid else Auction.IDA1)
    lines = planned(capsys, "--policy", policy, "--csv", csv)
    assert max(len(line) for line in lines) <= 80
    assert lines[4].startswith("00:00-")
    assert sum(line.startswith(("0", "1", "2")) for line in lines[4:-4]) >= 1
    assert any("-24:00" in line for line in lines)


@pytest.mark.parametrize(("data", "title"), [(GridData.CARBON, "gCO2/kWh"), (GridData.RENEWABLE, "% RENEW")])
def test_the_grids_data_has_a_column(tmp_path: Path, capsys: Captured, data: GridData, title: str) -> None:
    csv = write_day(tmp_path, auction=data)
    lines = planned(capsys, "--policy", write_policy(tmp_path, strategy={"type": str(data)}), "--csv", csv)
    assert lines[0] == f"default: FR {data} of 2025-10-09, Europe/Paris time"
    assert lines[3].endswith(f" {title}")
    assert lines[4].split()[-1].replace(".", "").isdigit()
    assert "carbon intensity and renewable shares are forecasts, of some periods or all" in lines


def test_a_line_says_period_cap_and_what_the_market_gave(tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "epex_data_2025-10-09.csv"
    query = Query(Market("FR", Auction.IDA1), DAYS[0])
    lines = to_csv(made_up_periods(query), query).splitlines()
    lines[1], lines[2] = "00:00-00:15,200,95.69", "00:15-00:30,100,-5.02"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    out = planned(capsys, "--policy", write_policy(tmp_path), "--csv", str(path))
    assert out[0] == "default: FR IDA1 of 2025-10-09, Europe/Paris time"
    assert out[1] == "strategy Volume, maxSource 40 W, minPower 10 W"
    assert out[3].split() == ["CAP", "0", "W", "40", "W", "MWh", "EUR/MWh"]
    assert out[4].split() == ["00:00-00:15", "40", "W", "█" * 36, "200", "95.69"]
    assert out[5].split() == ["00:15-00:30", "20", "W", "█" * 18, "100", "-5.02"]
    assert out[-2].startswith("96 slots from ")
    assert "% of maxSource all day" in out[-1]


def test_the_price_paid_has_a_column_of_its_own(tmp_path: Path, capsys: Captured) -> None:
    tariff = {"fees": "30", "taxFactor": "1.2", "windows": [{"start": "17:00", "end": "21:00", "fees": "45"}]}
    policy = write_policy(tmp_path, strategy={"type": "Price"}, tariff=tariff)
    lines = planned(capsys, "--policy", policy, "--csv", write_day(tmp_path))
    assert max(map(len, lines)) <= 80
    assert lines[3].split()[-3:] == ["MWh", "EUR/MWh", "PAID"]
    priced = {line[:11]: line.split()[-2:] for line in lines[4:] if line[2:3] == ":"}
    night, peak = priced["00:00-00:15"], priced["17:00-17:15"]
    assert Decimal(night[1]) == round((Decimal(night[0]) + 30) * Decimal("1.2"), 2)
    assert Decimal(peak[1]) == round((Decimal(peak[0]) + 75) * Decimal("1.2"), 2)


def test_percentages_without_a_node_and_with_one(tmp_path: Path, capsys: Captured) -> None:
    policy = write_policy(tmp_path, maxSource="80%", strategy={"type": "Fixed", "power": "40%"})
    lines = planned(capsys, "--policy", policy, "--date", "2025-10-09")
    assert lines[1] == "strategy Fixed, maxSource 80 %, minPower 10 W"
    assert lines[3].split() == ["CAP", "0", "%", "80", "%"]
    assert lines[4].split()[:3] == ["00:00-24:00", "40", "%"]
    assert lines[-4:] == [
        "1 slot from 40 % to 40 %; of what the node's own limits add up to",
        "in 24 hours, 50 % of maxSource all day",
        "in watts: --node-watts WATTS, what a node's limits add up to without powercap",
        "caps below minPower, 10 W, are raised to it on the node",
    ]
    lines = planned(capsys, "--policy", policy, "--date", "2025-10-09", "--node-watts", "200")
    assert lines[1] == "strategy Fixed, maxSource 160 W, minPower 10 W"
    assert lines[4].split()[:3] == ["00:00-24:00", "80", "W"]
    assert lines[-2].endswith("at the caps one node draws 1920.0 Wh")


def test_a_nodes_watts_are_a_power(tmp_path: Path, capsys: Captured) -> None:
    policy = write_policy(tmp_path, maxSource="80%", strategy={"type": "Fixed"})
    with pytest.raises(SystemExit):
        main(["plan", "--policy", policy, "--node-watts", "200000000"])
    assert "if you mean microwatts, write 200000000u" in capsys.readouterr().err


def test_why_says_why(tmp_path: Path, capsys: Captured) -> None:
    policy = write_policy(tmp_path, strategy={"type": "Solar"})
    lines = planned(capsys, "--policy", policy, "--date", "2025-10-09", "--why")
    assert lines[4].endswith("solar curve: no sun before 4 and after 20 h: minPower 10 W")


def test_a_fixed_power_is_one_line(tmp_path: Path, capsys: Captured) -> None:
    policy = write_policy(tmp_path, strategy={"type": "Fixed", "power": "20"})
    lines = planned(capsys, "--policy", policy, "--date", "2025-10-26")
    assert lines[0] == "default: 2025-10-26, Europe/Paris time"
    assert lines[4].split() == ["00:00-24:00", "20", "W", "█" * 28]
    assert lines[-2:] == [
        "1 slot from 20 W to 20 W; at the caps one node draws 500.0 Wh",
        "in 25 hours, 50 % of maxSource all day",
    ]


def test_the_repeated_hour_is_marked(tmp_path: Path, capsys: Captured) -> None:
    lines = planned(capsys, "--policy", write_policy(tmp_path), "--csv", write_day(tmp_path, DAYS[1]))
    labels = [line[:13].strip() for line in lines]
    assert labels.count("02:00-02:15") == 1
    assert labels.count("02:00-02:15 ²") == 1
    assert "02:45-03:00" in labels
    assert lines[-1] == "² the second pass of the hour that the clocks repeat"


def test_the_skipped_hour_is_not_there(tmp_path: Path, capsys: Captured) -> None:
    lines = planned(capsys, "--policy", write_policy(tmp_path), "--csv", write_day(tmp_path, DAYS[2]))
    labels = [line[:13].strip() for line in lines]
    assert labels[labels.index("01:45-02:00") + 1] == "03:00-03:15"


@pytest.mark.parametrize(
    ("spec", "arguments", "words"),
    [
        ({}, [], "strategy Volume needs the day's results: say where they are with --csv FILE"),
        (
            {"strategy": {"type": "Magic"}},
            [],
            'spec.strategy.type: Unsupported value: "Magic": supported values: "Volume"',
        ),
        (
            {"maxSource": 140.5},
            [],
            'spec.maxSource: a number with a fraction goes in quotes: write "140.5"',
        ),
        ({"tariff": {"fees": 38.5}}, [], 'a number with a fraction goes in quotes: write "38.5"'),
        ({}, ["--csv", "nowhere.csv", "--date", "2025-10-09"], "cannot read the results"),
        ({}, ["--csv", "nowhere.csv"], "cannot read the results"),
        ({"strategy": {"type": "Solar"}}, ["--plot", "day.pdf"], "end it in .png or .svg"),
    ],
)
def test_it_says_what_is_missing(
    spec: dict[str, Any], arguments: list[str], words: str, tmp_path: Path, capsys: Captured
) -> None:
    assert main(["plan", "--policy", write_policy(tmp_path, **spec), *arguments]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("text", ["kind: [", "[" * 2000], ids=["open", "deep"])
def test_a_file_that_is_no_yaml_is_said_in_a_line(text: str, tmp_path: Path, capsys: Captured) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(text, encoding="utf-8")
    assert main(["plan", "--policy", str(policy)]) == 1
    err = capsys.readouterr().err
    assert "is no YAML" in err
    assert err.count("\n") == 1


def test_half_a_day_counts_with_the_auction_before_it(tmp_path: Path, capsys: Captured) -> None:
    """As in the cluster: the day's largest volume may be in the half that the other auction has."""
    files = {}
    for auction in (Auction.IDA2, Auction.IDA3):
        query = Query(Market("FR", auction), DAYS[0])
        periods = made_up_periods(query)
        largest = "400" if auction is Auction.IDA2 else "200"
        lines = to_csv(periods, query).splitlines()
        lines[1] = f"{lines[1].split(',')[0]},{largest},50.00"
        files[auction] = tmp_path / f"{auction}_{DAYS[0]}.csv"
        files[auction].write_text("\n".join(lines) + "\n", encoding="utf-8")
    policy = write_policy(tmp_path, market={"auction": "IDA3"})
    ida2, ida3 = str(files[Auction.IDA2]), str(files[Auction.IDA3])
    out = planned(capsys, "--policy", policy, "--csv", ida2, "--csv", ida3)
    cap = {line.split()[0]: line.split()[1] for line in out if line[:1].isdigit()}
    assert (cap["00:00-00:15"], cap["12:00-12:15"]) == ("40", "20")
    assert main(["plan", "--policy", policy, "--csv", ida3]) == 1
    assert "give both files, as in --csv IDA2.csv --csv IDA3.csv" in capsys.readouterr().err


def test_a_file_that_says_its_market_and_day_is_taken_by_its_word(tmp_path: Path, capsys: Captured) -> None:
    query = Query(Market("NL", Auction.IDA1), DAYS[0])
    file = tmp_path / "day.csv"
    file.write_text(to_csv(made_up_periods(query), query, source="EPEX"), encoding="utf-8")
    assert main(["plan", "--policy", write_policy(tmp_path), "--csv", str(file)]) == 1
    assert f"says that it is of NL IDA1 on {DAYS[0]}, and FR IDA1" in capsys.readouterr().err
    same = write_policy(tmp_path, market={"area": "NL"})
    assert str(DAYS[0]) in "".join(planned(capsys, "--policy", same, "--csv", str(file)))


def test_results_of_another_length_are_refused(tmp_path: Path, capsys: Captured) -> None:
    day = write_day(tmp_path, minutes=60)
    assert main(["plan", "--policy", write_policy(tmp_path), "--csv", day]) == 1
    assert "set market.resolutionMinutes: 60" in capsys.readouterr().err


EVENING = {"start": "2025-10-09T15:00:00Z", "end": "2025-10-09T16:20:00Z"}  # 17:00 to 18:20 in Paris


def test_overrides_are_laid_over_the_day(tmp_path: Path, capsys: Captured) -> None:
    policy = write_policy(tmp_path, strategy={"type": "Fixed"})
    release = {"release": True, "start": "2025-10-09T20:00:00Z", "duration": "30m"}
    file = write_override(tmp_path, {"limit": "50%", **EVENING}, release)
    lines = planned(capsys, "--policy", policy, "--date", "2025-10-09", "--override", file, "--why")
    rows = [line.split() for line in lines if line[:2].isdecimal()]
    assert [(row[0], row[1]) for row in rows] == [
        ("00:00-17:00", "40"),
        ("17:00-18:20", "20"),
        ("18:20-22:00", "40"),
        ("22:00-22:30", "released"),
        ("22:30-24:00", "40"),
    ]
    text = "\n".join(lines)
    assert "20 W at most, PowerOverride o0: the grid asks" in text
    assert "original limits, PowerOverride o1: the grid asks" in text
    assert "released: the node's original limits, counted here as maxSource" in text


def test_an_override_never_raises_a_cap_nor_goes_under_min_power(tmp_path: Path, capsys: Captured) -> None:
    policy = write_policy(tmp_path, strategy={"type": "Fixed", "power": "30"})
    high = write_override(tmp_path, {"limit": "35", **EVENING})
    lines = planned(capsys, "--policy", policy, "--date", "2025-10-09", "--override", high)
    assert any(line.startswith("00:00-24:00") for line in lines)
    low = write_override(tmp_path, {"limit": "2", **EVENING})
    lines = planned(capsys, "--policy", policy, "--date", "2025-10-09", "--override", low)
    assert [line.split()[1] for line in lines if line.startswith("17:00-18:20")] == ["10"]


@pytest.mark.parametrize(
    ("override", "policy", "words"),
    [
        ({"limit": "60", **EVENING}, {"maxSource": "80%"}, "add --node-watts WATTS"),
        ({"limit": "lots", **EVENING}, {}, "must be a power in watts"),
        ({"limit": "60", "duration": "2 days"}, {}, "spec.duration"),
        (
            {"limit": "60", "start": "2199-12-31T23:00:00Z", "duration": "2h"},
            {},
            "would end after 2200",
        ),
    ],
)
def test_overrides_that_cannot_be_laid_are_refused_with_words(
    override: dict[str, Any], policy: dict[str, Any], words: str, tmp_path: Path, capsys: Captured
) -> None:
    arguments = ["--policy", write_policy(tmp_path, **policy, strategy={"type": "Fixed"})]
    arguments += ["--date", "2025-10-09", "--override", write_override(tmp_path, override)]
    assert main(["plan", *arguments]) == 1
    assert words in capsys.readouterr().err


def test_a_policy_is_no_override(tmp_path: Path, capsys: Captured) -> None:
    policy = write_policy(tmp_path, strategy={"type": "Fixed"})
    assert main(["plan", "--policy", policy, "--override", policy]) == 1
    assert "is no PowerOverride: it must begin with" in capsys.readouterr().err

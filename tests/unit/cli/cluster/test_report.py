"""``powercap report``: sums over days, and savings from the measured draw, beside both baselines."""

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from powercap_api.names import API_VERSION
from powercap_api.powerreport import PowerReport, PowerReportSpec
from powercap_cli.cluster import report
from powercap_cli.main import main, make_parser
from powercap_operator.market.delivery_day import day_bounds
from powercap_operator.metrics.families import report_metrics
from powercap_operator.page.reports import reports
from powercap_operator.planning.resolved_policy import resolve
from powercap_operator.worth.comparison import Baselines
from powercap_operator.worth.curve import default_curve
from powercap_operator.worth.measured import Machine, Savings, savings_of
from powercap_operator.worth.reported_day import ReportedDays
from tests.support.objects import make_policy

Captured = pytest.CaptureFixture[str]
ZONE = resolve(make_policy()).zone
TODAY = date(2025, 10, 20)
NOON = datetime(2025, 10, 20, 10, tzinfo=UTC)
NODES = 2
MACHINE = Machine(default_curve(), 70.0)


def spec(day: date, *, bound: bool, policy: str = "default", **more: Any) -> dict[str, Any]:
    """Two nodes that draw 60 W each; from noon on, at 100 EUR/MWh in place of 50, a cap holds them back at 70 W."""
    start, end = day_bounds(day, ZONE)
    count = (end - start) // timedelta(minutes=15)
    late = [place >= count // 2 for place in range(count)]
    watts = [70 if bound and one else 60 for one in late]
    joules = [NODES * 900 * one for one in watts]
    held = [NODES * 900 if bound and one else 0 for one in late]
    return {
        "policy": policy,
        "day": day.isoformat(),
        "timeZone": ZONE.key,
        "start": start.isoformat(),
        "until": end.isoformat(),
        "writtenAt": end.isoformat(),
        "nodes": NODES,
        "notFollowing": 1 if bound else 0,
        "maxSourceMicrowatts": 140_000_000,
        "currency": "EUR",
        "nodeHours": "48.0",
        "energy": "2.880 kWh",
        "bound": "50 %",
        "lifts": 1,
        "quarters": {
            "joules": joules,
            "seconds": [NODES * 900] * count,
            "boundSeconds": held,
            "boundJoules": [energy if seconds else 0 for energy, seconds in zip(joules, held, strict=True)],
            "lifts": [0] * count,
            "prices": ["100" if one else "50" for one in late],
        },
        **more,
    }


def file_of(folder: Path, *specs: dict[str, Any]) -> str:
    items = [
        {
            "apiVersion": "powercap.dev/v1alpha1",
            "kind": "PowerReport",
            "metadata": {"name": f"{one['policy']}-{one['day']}", "uid": "uid"},
            "spec": one,
        }
        for one in specs
    ]
    path = folder / "reports.json"
    path.write_text(json.dumps({"items": items}), encoding="utf-8")
    return str(path)


def days(*, bound: bool, count: int = 10, **more: Any) -> list[dict[str, Any]]:
    return [spec(TODAY - timedelta(days=back), bound=bound, **more) for back in range(count)]


def text(capsys: Captured, path: str, *options: str) -> str:
    arguments = make_parser(["report"]).parse_args(["report", "--file", path, *options])
    arguments.now = lambda: NOON
    assert report.run(arguments) == 0
    return capsys.readouterr().out


def modelled(folder: Path) -> tuple[str, ...]:
    """The options that say what MACHINE is like."""
    path = folder / "curve.csv"
    path.write_text(
        "cap,seconds,joules\n100,8.48,190.8\n80,8.96,179.4\n60,10.49,157.4\n40,13.73,140\n20,30.23,154.1\n"
    )
    return ("--curve", str(path), "--static-watts", "70")


def test_nothing_is_told_of_savings_by_machines_that_nobody_named(tmp_path: Path, capsys: Captured) -> None:
    path = file_of(tmp_path, *days(bound=True))
    said = text(capsys, path)
    assert "Savings: not known: they are modelled: say what a node is like with --curve and" in said
    assert "no cap, at most" not in said
    for half in (modelled(tmp_path)[:2], modelled(tmp_path)[2:]):
        assert main(["report", "--file", path, *half]) == 1
        assert "--curve and --static-watts go together" in capsys.readouterr().err


def test_yesterday_and_the_last_days_are_added_up(tmp_path: Path, capsys: Captured) -> None:
    said = text(capsys, file_of(tmp_path, *days(bound=True)))
    rows = {
        line[:12].strip(): line[26:].split() for line in said.splitlines() if line.startswith(("yes", "last"))
    }
    kwh = NODES * 12 * (0.06 + 0.07)
    cost = NODES * 12 * (0.06 * 50 + 0.07 * 100) / 1000
    for name, length in (("yesterday", 1), ("last 7 days", 7), ("last 30 days", 9)):
        assert rows[name] == [
            str(length),
            f"{length * 48:.1f}",
            f"{length * kwh:.3f}",
            f"{length * cost:.4f}",
            "-",
            "50",
            "%",
            str(length),
            "1",
        ]
    assert "Of the last 30 days 9 are there: reports are kept as long as market days" in said


def test_savings_stand_beside_both_baselines(tmp_path: Path, capsys: Captured) -> None:
    said = text(capsys, file_of(tmp_path, *days(bound=True)), *modelled(tmp_path))
    assert (
        "Savings over these days, modelled from the measured draw; maxSource 140 W, static power 70 W a node"
        in said
    )
    for words in (
        "saturated: measured",
        "with slack: measured",
        "no cap, at most",
        "flat cap ",
        "measured is",
    ):
        assert words in said


def test_a_day_s_saving_is_the_one_in_the_metrics(tmp_path: Path, capsys: Captured) -> None:
    day = spec(TODAY - timedelta(days=1), bound=True)
    lines = text(capsys, file_of(tmp_path, day), *modelled(tmp_path)).splitlines()
    changes = [line.split()[-2:] for line in lines if line.startswith("    measured is")]
    said = [-float(number.replace("−", "-")) for number, _ in changes]
    body = {
        "metadata": {"name": "a", "uid": "uid"},
        "kind": "PowerReport",
        "apiVersion": API_VERSION,
        "spec": day,
    }
    families = report_metrics(ReportedDays(MACHINE).at({"a": PowerReport.from_wire(body)}, NOON))
    (saved,) = [one for one in families if one.name == "powercap_report_saved_ratio"]
    told = {(one.labels["load"], one.labels["against"]): one.value for one in saved.samples}
    order = [(load, against) for load in ("saturated", "slack") for against in ("no_cap", "flat_cap")]
    assert len(said) == 4
    # The text has one decimal of a percentage of costs with six.
    assert [told[labels] * 100 for labels in order] == pytest.approx(said, abs=0.06)
    assert max(map(abs, said)) > 5


def test_where_nothing_bound_nothing_was_saved(tmp_path: Path, capsys: Captured) -> None:
    said = text(capsys, file_of(tmp_path, *days(bound=False)), *modelled(tmp_path))
    assert "Savings: 0. No cap ever held a node back" in said
    assert "no cap, at most" not in said


def saved(report: dict[str, Any], static_watts: float) -> Baselines:
    told = savings_of([PowerReportSpec.model_validate(report)], Machine(default_curve(), static_watts), 140.0)
    assert isinstance(told, Savings)
    return told.found


def test_the_measured_energy_is_the_policys_and_the_rest_follows_the_model() -> None:
    found = saved(spec(TODAY, bound=True), 0.0)
    assert found.slack.policy.energy_kwh == pytest.approx(NODES * 12 * 0.13)
    assert found.slack.uncapped.energy_kwh == pytest.approx(NODES * 12 * (0.06 + 0.14))
    assert found.slack.uncapped.cost == pytest.approx(NODES * 12 * (0.06 * 50 + 0.14 * 100) / 1000)
    assert found.bound == pytest.approx(0.5)
    # 70 of 140 W is half of full power: between 40 % (0.4532) and 60 % (0.6669)
    low, high = 140.0 / 13.73 / (190.8 / 8.48), 157.4 / 10.49 / (190.8 / 8.48)
    part = (0.5 - low) / (high - low)
    work = 8.48 / 13.73 + part * (8.48 / 10.49 - 8.48 / 13.73)
    assert found.slack.policy.work_hours == pytest.approx(NODES * 12 * (60 / 140 + work))
    assert found.slack.flat.work_hours == pytest.approx(found.slack.policy.work_hours, rel=1e-6)


def test_without_bound_time_policy_no_cap_and_flat_cap_are_the_same() -> None:
    found = saved(spec(TODAY, bound=False), 70.0)
    assert found.bound == 0
    assert found.saturated.policy == found.saturated.uncapped
    assert found.saturated.policy.cost == pytest.approx(found.saturated.flat.cost)


def test_csv_has_a_line_for_each_day(tmp_path: Path, capsys: Captured) -> None:
    path = file_of(tmp_path, *days(bound=True, count=3), spec(TODAY, bound=False, policy="other"))
    rows = list(csv.DictReader(io.StringIO(text(capsys, path, "--format", "csv"))))
    assert [(row["policy"], row["day"]) for row in rows] == [
        ("default", "2025-10-18"),
        ("default", "2025-10-19"),
        ("default", "2025-10-20"),
        ("other", "2025-10-20"),
    ]
    assert (rows[0]["energyKWh"], rows[0]["cost"], rows[0]["boundPercent"]) == ("3.120", "0.2400", "50.0")


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_the_days_are_drawn(tmp_path: Path, capsys: Captured, ending: str) -> None:
    plot = tmp_path / f"report.{ending}"
    text(capsys, file_of(tmp_path, *days(bound=True)), "--plot", str(plot))
    assert plot.read_bytes()[:4] in (b"\x89PNG", b"<?xm")


def test_percentages_need_watts_for_savings(tmp_path: Path, capsys: Captured) -> None:
    body = days(bound=True)
    for one in body:
        del one["maxSourceMicrowatts"]
    path = file_of(tmp_path, *body)
    assert "say what it is on a node with --max-source-watts" in text(capsys, path, *modelled(tmp_path))
    assert "maxSource 150 W" in text(capsys, path, "--max-source-watts", "150", *modelled(tmp_path))


def test_without_prices_savings_are_not_known(tmp_path: Path, capsys: Captured) -> None:
    body = days(bound=True)
    for one in body:
        del one["quarters"]["prices"]
    assert "Savings: not known: no report has both prices and measured time." in text(
        capsys, file_of(tmp_path, *body), *modelled(tmp_path)
    )


@pytest.mark.parametrize(
    ("content", "options", "why"),
    [
        ('{"items": []}', (), "there are no reports: the operator writes one"),
        ("{", (), "has no PowerReports in JSON"),
        ('{"items": [{"kind": "PowerReport"}]}', (), "a report cannot be read: "),
        ('{"items": []}', ("--policy", "night"), "there are no reports of policy night"),
    ],
)
def test_what_cannot_be_told_is_refused(
    tmp_path: Path, capsys: Captured, content: str, options: tuple[str, ...], why: str
) -> None:
    path = tmp_path / "reports.json"
    path.write_text(content, encoding="utf-8")
    assert main(["report", "--file", str(path), *options]) == 1
    out, err = capsys.readouterr()
    assert why in err
    assert out == ""


def told_everywhere(capsys: Captured, folder: Path, body: dict[str, Any]) -> tuple[str, str, set[str]]:
    """Yesterday's cost in the command's table and on the page, and the metrics' families that have a value of it."""
    row = next(
        line for line in text(capsys, file_of(folder, body)).splitlines() if line.startswith("yesterday")
    )
    (item,) = json.loads((folder / "reports.json").read_text(encoding="utf-8"))["items"]
    found = ReportedDays(MACHINE).at({"report": PowerReport.from_wire(item)}, NOON)
    page = dict(reports(found)["default"].rows)
    return row[26:].split()[3], page["Cost"][0], {one.name for one in report_metrics(found) if one.samples}


def test_a_price_column_that_is_one_short_gives_no_cost_anywhere(tmp_path: Path, capsys: Captured) -> None:
    body = spec(TODAY - timedelta(days=1), bound=True)
    command, page, metrics = told_everywhere(capsys, tmp_path, body)
    assert (command, page) == ("0.2400", "0.24 EUR")
    assert {"powercap_report_cost", "powercap_report_saved_ratio"} <= metrics
    body["quarters"]["prices"].pop()
    command, page, metrics = told_everywhere(capsys, tmp_path, body)
    assert (command, page) == ("-", "–")
    assert not {"powercap_report_cost", "powercap_report_saved_ratio"} & metrics
    said = text(capsys, file_of(tmp_path, body), *modelled(tmp_path))
    assert "no report has both prices and measured time" in said


def test_on_the_first_day_no_policy_is_said_to_be_in_percent(tmp_path: Path, capsys: Captured) -> None:
    said = text(capsys, file_of(tmp_path, spec(TODAY, bound=False)), *modelled(tmp_path))
    assert "Savings: not known: no whole day is reported yet." in said
    assert "percent" not in said

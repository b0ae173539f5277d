"""``powercap backtest --jobs`` and ``powercap jobs plan``: figures worked out by hand, and what is refused says why."""

import json
from pathlib import Path

import pytest

from powercap_cli.main import main

Captured = pytest.CaptureFixture[str]
POLICY = """\
apiVersion: powercap.dev/v1alpha1
kind: WaitPolicy
metadata: {name: default}
spec:
  market: {area: FR, auction: SDAC, resolutionMinutes: 60}
  maxWait: 12h
  leastSavingPercent: 0
"""
SUNDAY = [50] * 12 + [10, 20, *[60] * 8, 40, 30]
"""Prices of 5 October 2025 by the hours of Paris, EUR/MWh."""
JOBS = """\
submitted,hours,waitHours
2025-10-05T08:00:00+02:00,2,12
2025-10-05T06:00:00Z,4,2
2025-10-05T23:00:00+02:00,2,1
"""


@pytest.fixture
def history(tmp_path: Path) -> Path:
    folder = tmp_path / "history"
    folder.mkdir()
    rows = [f"{hour:02}:00-{hour + 1:02}:00,-,{price}" for hour, price in enumerate(SUNDAY)]
    text = "\n".join(["Period,Volume (MWh),Price (€/MWh)", *rows])
    (folder / "sdac_FR_2025-10-05.csv").write_text(text + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    file = tmp_path / "waitpolicy.yaml"
    file.write_text(POLICY, encoding="utf-8")
    return file


def command(history: Path, policy: Path, jobs: str, *more: str) -> list[str]:
    file = policy.parent / "jobs.csv"
    file.write_text(jobs, encoding="utf-8")
    return ["backtest", "--jobs", str(file), "--policy", str(policy), "--history", str(history), *more]


def test_json_has_the_sums_at_its_top_and_by_month(history: Path, policy: Path, capsys: Captured) -> None:
    assert main(command(history, policy, JOBS, "--format", "json")) == 0
    found = json.loads(capsys.readouterr().out)
    # The first: 50 and 50 at once, 10 and 20 from 12:00 on. The second may start until 10:00: 50, 50, 10 and 20 then.
    assert found["jobs"] == 2
    assert found["hours"] == 6
    assert found["atOnce"] == 50
    assert found["waiting"] == pytest.approx((10 + 20 + 50 + 50 + 10 + 20) / 6, abs=1e-4)
    assert found["best"] == found["waiting"]
    assert found["meanDelayHours"] == 3
    assert found["dearerThanAtOnce"] == 0
    assert found["leftOut"] == 1
    assert [month["month"] for month in found["months"]] == ["2025-10"]
    assert found["unit"] == "EUR/MWh"


def test_text_says_the_same(history: Path, policy: Path, capsys: Captured) -> None:
    assert main(command(history, policy, JOBS)) == 0
    out = capsys.readouterr().out
    assert "2 jobs by Price of FR SDAC 60min, in EUR/MWh, weighted by hours" in out
    assert "all           2      50.0      26.7      26.7   46.7 %     3.0 h" in out
    assert "1 more jobs were left out: results are missing for when they would run." in out


@pytest.mark.parametrize(
    ("at", "line"),
    [
        (
            "2025-10-05T08:00+02:00",
            "starts Sun 2025-10-05 12:00 Europe/Paris (2025-10-05T10:00:00Z): 15.00 instead of 50.00 EUR/MWh",
        ),
        (
            "2025-10-05T12:00+02:00",
            "starts at once, Sun 2025-10-05 12:00 Europe/Paris (2025-10-05T10:00:00Z): 15.00 EUR/MWh;"
            " no later start saves enough",
        ),
        (
            "2025-10-07T12:00+02:00",
            "starts at once, Tue 2025-10-07 12:00 Europe/Paris (2025-10-07T10:00:00Z): results are not known for as"
            " long as it runs",
        ),
    ],
)
def test_the_plan_of_one_job(history: Path, policy: Path, capsys: Captured, at: str, line: str) -> None:
    arguments = ["--policy", str(policy), "--history", str(history), "--duration", "2h", "--wait", "12h"]
    assert main(["jobs", "plan", *arguments, "--at", at]) == 0
    assert capsys.readouterr().out.strip() == line


@pytest.mark.parametrize(
    ("jobs", "said"),
    [
        (
            "submitted,hours\n2025-10-05T08:00,2\n",
            "line 2: submitted: '2025-10-05T08:00' has no offset: write",
        ),
        ("submitted,hours\nsoon,2\n", "line 2: submitted: 'soon' is no time such as"),
        (
            "submitted,hours\n0001-01-01T00:00:00+14:00,2\n",
            "line 2: submitted: '0001-01-01T00:00:00+14:00' is no time",
        ),
        ("submitted,hours\n2025-10-05T08:00Z,long\n", "line 2: hours: 'long' is no number of hours"),
        ("submitted,hours\n2025-10-05T08:00Z,nan\n", "line 2: hours: 'nan' is no number of hours"),
        ("submitted,hours\n2025-10-05T08:00Z,1e9\n", "line 2: hours: 1e9 is not from 0 to 744"),
        ("submitted,hours\n2025-10-05T08:00Z,0\n", "line 2: hours: a job runs for a second or more"),
        ("submitted,hours\n2025-10-05T08:00Z,1,2,3\n", "line 2: more cells than columns"),
        ("start,hours\n", "the first line must be submitted,hours,waitHours"),
        ("submitted,hours\n", "no job was submitted between these days"),
        (
            "submitted,hours\n2025-10-07T08:00Z,1\n",
            "results are missing for when the jobs would run: the folder has 2025-10-05 to 2025-10-05",
        ),
    ],
)
def test_jobs_that_cannot_be_worked_with(
    history: Path, policy: Path, capsys: Captured, jobs: str, said: str
) -> None:
    assert main(command(history, policy, jobs)) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (["--static-watts", "70"], "--static-watts is of nodes, and not of jobs"),
        (["--compare", "Price"], "--compare is of nodes"),
        (["--format", "csv"], "--format csv is of nodes"),
    ],
)
def test_options_of_nodes_are_refused(
    history: Path, policy: Path, capsys: Captured, option: list[str], said: str
) -> None:
    assert main(command(history, policy, JOBS, *option)) == 1
    assert said in capsys.readouterr().err


def test_a_folder_of_another_market_is_named(history: Path, policy: Path, capsys: Captured) -> None:
    policy.write_text(POLICY.replace("area: FR", "area: BE"), encoding="utf-8")
    assert main(command(history, policy, JOBS)) == 1
    assert "the folder has no results of BE SDAC 60min; it has FR SDAC: set the WaitPolicy's market" in (
        capsys.readouterr().err
    )


def test_days_are_picked_by_from_and_to(history: Path, policy: Path, capsys: Captured) -> None:
    assert main(command(history, policy, JOBS, "--to", "2025-10-04")) == 1
    assert "no job was submitted between these days" in capsys.readouterr().err

"""``powercap jobs`` of a cluster: what waits, until when, and what that saves."""

from datetime import date
from typing import Any

import httpx
import pytest

from powercap_cli.cluster.client import Cluster
from powercap_cli.cluster.jobs import show_jobs
from tests.support.objects import moment
from tests.support.waiting import job_body, make_wait_policy, priced

NOW = moment("2025-10-08T22:00Z")


def cluster(jobs: list[dict[str, Any]]) -> Cluster:
    """A cluster in which power is cheap from three to five in the morning."""
    odd = make_wait_policy("odd").to_wire()
    odd["spec"]["maxWait"] = "soon"
    lists = {
        "jobs": jobs,
        "waitpolicies": [make_wait_policy(maxWait="6h").to_wire(), odd],
        "marketdays": [priced(date(2025, 10, 9), [50, 50, 50, 30, 30, 60]).to_wire()],
    }

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/namespaces/batch/cronjobs/nightly"):
            return httpx.Response(200, json={"spec": {"timeZone": "UTC"}})
        items = lists[request.url.path.rsplit("/", 1)[1]]
        return httpx.Response(200, json={"items": items, "metadata": {}})

    return Cluster(httpx.Client(base_url="http://api", transport=httpx.MockTransport(answer)))


def test_each_job_that_waits_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    jobs = [
        job_body("render", NOW, wait="5h", duration="2h"),
        job_body("odd", NOW, wait="soon"),
        job_body("done", NOW, released_at="2025-10-08T22:00:00Z"),
    ]
    assert show_jobs(cluster(jobs), None, None, NOW) == 0
    said = capsys.readouterr()
    rows = {line.split()[1]: line for line in said.out.splitlines()[1:3]}
    assert rows.keys() == {"render", "odd"}
    assert "2025-10-09T01:00:00Z" in rows["render"]
    assert "0.0400 EUR/kW" in rows["render"]
    assert "waits until Thu 03:00: 30.00 instead of 50.00 EUR/MWh" in rows["render"]
    assert "'soon' is no duration" in rows["odd"]
    assert "modelled" in said.out
    assert "WaitPolicy odd is left out" in said.err


def test_programs_have_the_same_as_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert show_jobs(cluster([job_body("render", NOW, wait="5h", duration="2h")]), "batch", "json", NOW) == 0
    assert '"savedPerKilowatt": "0.0400 EUR/kW"' in capsys.readouterr().out


def test_a_time_of_day_is_meant_on_the_cron_jobs_clock(capsys: pytest.CaptureFixture[str]) -> None:
    run = job_body("run", NOW, cron_job="nightly", finish_by="04:00", duration="1h")
    assert show_jobs(cluster([run]), None, "json", NOW) == 0
    assert '"latest": "2025-10-09T03:00:00Z"' in capsys.readouterr().out


def test_where_nothing_waits_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert show_jobs(cluster([]), None, None, NOW) == 0
    assert capsys.readouterr().out == "No job waits for cheap hours.\n"

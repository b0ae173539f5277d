"""Every query of the dashboard, asked of a real Prometheus that scrapes the real operator, returns something.

The agents' statuses are written by the test, so that there are nodes of every kind at once: one that follows, one that
the cap holds back, one that is lifted, one whose limit is locked, one that is silent, and one with nothing to cap.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dev.cluster.process.ports import free_port
from dev.lab.results import DEFAULT_MARKET, periods_for
from dev.lab.stage import Stage, quoted_logs, tomorrow_and_today, wait_until
from dev.sight.dashboard_reader import faults_of
from powercap_api.budget.energy import Quarter, Run
from powercap_api.clock import format_time
from powercap_api.names import API_VERSION, POWER_OVERRIDE, POWER_REPORT, SILENT_SINCE
from powercap_api.powerreport import report_name
from powercap_operator.market.delivery_day import day_bounds
from powercap_operator.market.results import Query
from powercap_operator.metrics.catalogue import LABELS, NAMES
from tests.api.conftest import Kube
from tests.sight.prometheus import Prometheus, running_prometheus

ZONE = DEFAULT_MARKET.bidding_zone.zone
FILE = Path(__file__).parents[2] / "charts/powercap/files/dashboards/powercap.json"
DASHBOARD: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
NODES = {
    "follows": ("True", "Applied"),
    "held-back": ("True", "Applied"),
    "lifted": ("False", "Lifted"),
    "locked": ("False", "WriteFailed"),
    "silent": ("True", "Applied"),
    "without": ("False", "Unsupported"),
}
VARIABLES = {
    "cluster": ".*", "policy": ".*", "area": ".*", "auction": ".*", "provider": ".*", "node": ".*", "top": "10",
    "__rate_interval": "5s", "__range": "1h",
}  # fmt: skip
"""What Grafana puts in: for All, and for a scrape every second."""


UNKNOWN_DAY = {
    "apiVersion": API_VERSION,
    "kind": "MarketDay",
    "metadata": {"name": "unknown"},
    "spec": {"area": "DE-LU", "deliveryDate": "2025-01-01"},
}
"""A day that the exchange does not give."""


def override(start: datetime) -> dict[str, Any]:
    """A limit for an hour from then on."""
    return {
        "apiVersion": API_VERSION,
        "kind": POWER_OVERRIDE,
        "metadata": {"name": "evening-peak"},
        "spec": {
            "nodeSelector": {},
            "limit": "60",
            "start": format_time(start),
            "duration": "1h",
            "reason": "the grid asks",
            "source": "grid",
        },
    }


def panels() -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def queries() -> Iterator[tuple[str, str, bool]]:
    """Title, expression, and whether it is for a moment."""
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], target["expr"], target.get("instant", False)


def filled_in(expression: str) -> str:
    """The query as Prometheus gets it."""
    return re.sub(r"\$(\w+)", lambda match: VARIABLES[match[1]], expression).replace("[1h]", "[5s]")


def has_a_number(series: list[dict[str, Any]]) -> bool:
    """Whether there is anything to draw."""
    values = [value for one in series for value in one.get("values", [one.get("value")])]
    return any(value[1] != "NaN" for value in values)


def status_of(node: str, generation: int, now: datetime) -> dict[str, Any]:
    """What the node's agent says, with its energy of the last hour."""
    status, reason = NODES[node]
    ready = {"type": "Ready", "status": status, "reason": reason, "message": f"of {node}"}
    ends = now - timedelta(hours=1) if node == "silent" else now + timedelta(minutes=10)
    said: dict[str, Any] = {
        "observedGeneration": generation,
        "conditions": [{**ready, "lastTransitionTime": format_time(now)}],
        "reapplied": 2,
    }
    if node == "without":
        return said
    drawn = {"averageMicrowatts": 24_500_000, "peakMicrowatts": 30_000_000}
    draw = {**drawn, "packages": {**drawn, "binds": node == "held-back"}}
    times = {"start": format_time(now - timedelta(minutes=15)), "end": format_time(now)}
    current = {"capMicrowatts": 25_000_000, "appliedMicrowatts": 24_875_000}
    return {
        **said,
        "current": {"start": times["start"], "end": format_time(ends), **current},
        "draw": {"seconds": 900, **draw},
        "energy": {
            "since": times["start"],
            "until": times["end"],
            "packages": {"joules": 22_050, "seconds": 900},
            "accelerators": {"joules": 900_000, "seconds": 900},
            "history": [hour(node, now)],
        },
    }


def hour(node: str, now: datetime) -> dict[str, Any]:
    """Four quarters that have ended: the node that the cap held back was held back in all of them."""
    end = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
    quarter = Quarter(22_050, 900, 900, 22_050) if node == "held-back" else Quarter(22_050)
    return Run("default", end - timedelta(hours=1), [quarter] * 4).to_wire()


def yesterday(today: date) -> dict[str, Any]:
    """Yesterday's report as an operator left it: whole, and written for the last time. No cap bound."""
    day = today - timedelta(days=1)
    start, end = day_bounds(day, ZONE)
    count = (end - start) // timedelta(minutes=15)
    return {
        "apiVersion": API_VERSION,
        "kind": POWER_REPORT,
        "metadata": {"name": report_name("default", day)},
        "spec": {
            "policy": "default",
            "day": day.isoformat(),
            "timeZone": ZONE.key,
            "start": format_time(start),
            "until": format_time(end),
            "writtenAt": format_time(end + timedelta(hours=2)),
            "nodes": 2,
            "notFollowing": 0,
            "maxSourceMicrowatts": 40_000_000,
            "currency": "EUR",
            "nodeHours": f"{count / 2:.1f}",
            "energy": "1 kWh",
            "bound": "0 %",
            "lifts": 0,
            "quarters": {
                "joules": [40_000] * count,
                "seconds": [1800] * count,
                "boundSeconds": [0] * count,
                "boundJoules": [0] * count,
                "lifts": [0] * count,
                "prices": ["50"] * count,
                "carbon": ["45"] * count,
            },
        },
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for these tests."""
    return tmp_path_factory.mktemp("dashboard")


@pytest.fixture
def prometheus(kube: Kube, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Prometheus]:
    """One that has scraped an operator with nodes of every kind often enough for rates. It is evening there:
    results of tomorrow are out, today's report reaches back an hour, and yesterday's is made up."""
    monkeypatch.setenv("POWER_CURVE", "cap,seconds,joules\n100,8.48,190.8\n60,10.49,157.4\n20,30.23,154.1\n")
    monkeypatch.setenv("STATIC_WATTS", "20")
    stage = Stage(folder, kube.plane, {})
    stage.open()
    for node in NODES:
        kube.add_node(node)
    for day in tomorrow_and_today(datetime.now(UTC), ZONE):
        stage.exchange.publish(Query(DEFAULT_MARKET, day), periods_for(day, None))
    local = datetime.now(UTC).astimezone(ZONE)
    stage.advance(local.replace(hour=20, minute=7, second=0) - local)
    kube.apply(UNKNOWN_DAY, override(stage.clock.now()), yesterday(local.date()))
    stage.apply_policy(maxSource="40", market={"carbonProviders": ["Mock"]})
    port = free_port()
    try:
        with quoted_logs(stage):
            stage.start_operator("--metrics", f"127.0.0.1:{port}")
            wait_until(lambda: kube.items("powerbudgets").keys() == NODES.keys(), "budgets", 120, every=0.2)
            # The one that was held back first: the day's report is written as soon as something was measured, and the
            # next one after the next period.
            budgets = kube.items("powerbudgets")
            for node in sorted(budgets, key=lambda node: node != "held-back"):
                said = {"status": status_of(node, budgets[node]["metadata"]["generation"], stage.clock.now())}
                kube.patch("powerbudget", node, said, "status")
            found = {SILENT_SINCE: format_time(stage.clock.now() - timedelta(hours=1))}
            kube.patch("powerbudget", "silent", {"metadata": {"annotations": found}})
            target = {f"127.0.0.1:{port}": {"cluster": "north"}}
            with running_prometheus(folder / "prometheus", target) as prometheus:
                enough = "min(count_over_time(powercap_node_energy_joules_total[1h])) > 3"
                wait_until(lambda: bool(prometheus.query(enough)), "some scrapes", 120, every=0.2)
                today = 'powercap_report_saved_ratio{day="today"}'
                wait_until(lambda: bool(prometheus.query(today)), "the day's report", 120, every=0.2)
                yield prometheus
    finally:
        stage.close()


def test_every_query_returns_something(prometheus: Prometheus) -> None:
    def empty() -> list[str]:
        return [
            f"{title}: {expression}"
            for title, expression, instant in queries()
            if not has_a_number(
                (prometheus.query if instant else prometheus.query_range)(filled_in(expression))
            )
        ]

    wait_until(lambda: not empty(), f"a query returns nothing: {empty()}", 60, every=1)
    assert empty() == []
    by_title = {title: filled_in(expression) for title, expression, _ in queries()}
    not_following = {
        (one["metric"]["node"], one["metric"]["reason"])
        for one in prometheus.query(by_title["Nodes that do not follow, and why"])
    }
    assert not_following == {
        ("lifted", "Lifted"), ("locked", "WriteFailed"), ("silent", "AgentSilent"), ("without", "Unsupported"),
    }  # fmt: skip
    (allowed,) = prometheus.query(by_title["Allowed"])
    assert float(allowed["value"][1]) == 4 * 25, "neither the silent one nor the one with nothing to cap"
    ahead = prometheus.query(by_title["Price from now on, per MWh"])
    assert min(int(one["metric"]["minutes_ahead"]) for one in ahead) == 0
    assert len(ahead) > 1
    saved = {
        (one["metric"]["day"], one["metric"]["load"], one["metric"]["against"]): float(one["value"][1])
        for one in prometheus.query(by_title["Saved per unit of work, today and yesterday"])
    }
    assert len(saved) == 8
    assert {value for (day, _, _), value in saved.items() if day == "yesterday"} == {0.0}
    assert saved["today", "slack", "no_cap"] > 0.01, "a node was held back"
    (days,) = prometheus.query(by_title["Days that are not whole"])
    assert days["metric"]["area"] == "DE-LU"


def test_queries_and_variables_name_metrics_and_labels_that_there_are() -> None:
    process = {"process_resident_memory_bytes"}
    labels = {*set().union(*LABELS.values()), "cluster", "instance", "le"}
    for title, expression, _ in queries():
        named = set(re.findall(r"\b(?:powercap|process)_\w+", expression))
        assert named, title
        assert named <= NAMES | process, title
        for grouped in re.findall(r"(?:by|on) \(([^)]*)\)", expression):
            assert set(grouped.split(", ")) <= labels, title
        for metric, matchers in re.findall(r"(powercap_\w+)\{([^}]*)\}", expression):
            matched = set(re.findall(r"(\w+)=", matchers))
            assert matched <= {*LABELS[metric], "cluster"}, title
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            found = re.fullmatch(r"label_values\((powercap_\w+)(?:\{.*\})?, (\w+)\)", variable["definition"])
            assert found, variable["name"]
            assert found[1] in NAMES
            assert found[2] in {*LABELS[found[1]], "cluster"}
    assert set(re.findall(r"\$\{?(\w+)", FILE.read_text(encoding="utf-8"))) <= {
        *VARIABLES,
        "datasource",
        "__all",
    }


def test_grafana_s_own_types_take_it() -> None:
    assert faults_of(FILE, print) == []


@pytest.mark.parametrize(
    ("where", "what", "why"),
    [
        ((), {"titel": "x"}, "panels[1].Panel: unexpected field 'titel'"),
        (("options",), {"graphMode": 1}, "panels[1].options.graphMode: "),
        (("options",), {"orientationn": 1}, "panels[1].options.Options: unexpected field 'orientationn'"),
        (("targets", 0), {"expresion": "up"}, "panels[1].targets[0].Dataquery: unexpected field 'expresion'"),
        (
            ("fieldConfig", "defaults"),
            {"unitt": "watt"},
            "panels[1].fieldConfig.defaults.FieldConfig: unexpected",
        ),
    ],
)
def test_grafana_s_own_types_do_not_take_everything(
    tmp_path: Path, where: tuple[str | int, ...], what: dict[str, Any], why: str
) -> None:
    damaged = json.loads(FILE.read_text(encoding="utf-8"))
    part = damaged["panels"][1]
    for step in where:
        part = part[step]
    part.update(what)
    file = tmp_path / "damaged.json"
    file.write_text(json.dumps(damaged), encoding="utf-8")
    (fault,) = faults_of(file, print)
    assert fault.startswith(why)


def test_it_is_as_good_for_thousands_of_nodes() -> None:
    """A query that gives a series for each node is cut to the most, or says so of all together."""
    for title, expression, _ in queries():
        if "powercap_node_" in expression:
            assert expression.startswith(("topk($top, ", "quantile(", "sum by (cluster, policy) (")), title


def test_panels_have_places_and_names_of_their_own() -> None:
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert len({panel["title"] for panel in panels()}) == len(panels())
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells

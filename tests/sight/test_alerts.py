"""The chart's alerts, tried by promtool: each one fires where it should, and not where it should not."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.conftest import Object, Render
from tests.sight.promtool import promtool

CASES = Path(__file__).with_name("alerts.yaml")


@pytest.fixture
def group(render: Render) -> Object:
    """The chart's group of rules."""
    (rule,) = render({"prometheusRule": {"enabled": True}, "jobs": {"enabled": True}}).all("PrometheusRule")
    (group,) = rule["spec"]["groups"]
    found: Object = group
    return found


def cases() -> Any:
    return yaml.safe_load(CASES.read_text(encoding="utf-8"))


def test_prometheus_takes_the_rules(group: Object, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(yaml.safe_dump({"groups": [group]}))
    assert f"SUCCESS: {len(group['rules'])} rules found" in promtool("check", "rules", rules)


def test_each_alert_fires_where_it_should(group: Object, tmp_path: Path) -> None:
    for rule in group["rules"]:
        rule["annotations"] = {"summary": rule["annotations"]["summary"]}
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [group]}))
    test = tmp_path / "test.yaml"
    test.write_text(yaml.safe_dump({"rule_files": ["rules.yaml"], **cases()}))
    assert "SUCCESS" in promtool("test", "rules", test)


def test_there_are_cases_of_every_alert_that_fire_and_that_do_not(group: Object) -> None:
    fires: dict[bool, set[str]] = {True: set(), False: set()}
    for case in cases()["tests"]:
        for one in case["alert_rule_test"]:
            fires[bool(one.get("exp_alerts"))].add(one["alertname"])
    every = {rule["alert"] for rule in group["rules"]}
    assert fires == {True: every, False: every}


def test_without_a_cluster_label_the_rules_hold_too(render: Render, tmp_path: Path) -> None:
    (rule,) = render({"prometheusRule": {"enabled": True, "clusterLabel": ""}}).all("PrometheusRule")
    assert "cluster" not in " ".join(one["expr"] for one in rule["spec"]["groups"][0]["rules"])
    rules = tmp_path / "rules.yaml"
    rules.write_text(yaml.safe_dump(rule["spec"]))
    promtool("check", "rules", rules)

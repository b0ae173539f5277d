"""The kinds on a real API server: what it fills in, what it refuses and with which words, what people see."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.cluster.errors import KubectlError
from powercap_api.names import API_VERSION
from tests.api.conftest import Kube
from tests.support.contract_cases import (
    CSV,
    NIGHT,
    REFUSED,
    TAKEN,
    Body,
    budget,
    id_of,
    market_day,
    policy,
)


def test_the_server_fills_in_every_default(kube: Kube) -> None:
    kube.apply(policy())
    assert kube.get("powerpolicy", "test")["spec"] == {
        "maxSource": "40",
        "minPower": "10",
        "nodeSelector": {},
        "matchExpressions": [],
        "priority": 0,
        "market": {"providers": ["EPEX"], "area": "FR", "auction": "IDA1"},
        "strategy": {"type": "Volume"},
        "stabilisationSeconds": 300,
        "hardware": {
            "split": "Proportional",
            "rampWattsPerSecond": 50,
            "dwellSeconds": 0,
            "zones": [],
            "devices": [],
            "safety": {
                "pressure": {"enabled": True, "somePercent": 98, "forSeconds": 900, "liftSeconds": 300},
                "notReady": {"enabled": True, "forSeconds": 300, "liftSeconds": 900},
            },
        },
        "fallback": {"previousDays": 1, "then": "MinPower"},
        "suspend": False,
        "dryRun": False,
    }


@pytest.mark.parametrize("body", TAKEN, ids=id_of)
def test_good_objects_are_taken(kube: Kube, body: Body) -> None:
    kube.apply(body)


@pytest.mark.parametrize(("body", "words"), REFUSED, ids=id_of)
def test_bad_objects_are_refused_with_words_that_help(kube: Kube, body: Body, words: str) -> None:
    with pytest.raises(KubectlError) as refusal:
        kube.apply(body)
    assert words in str(refusal.value)


def wait_policy(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": "WaitPolicy", "metadata": {"name": "test"}, "spec": spec}


def test_a_wait_policy_needs_nothing_said(kube: Kube) -> None:
    kube.apply(wait_policy())
    assert kube.get("waitpolicy", "test")["spec"] == {
        "namespaces": [],
        "market": {"providers": ["EPEX"], "area": "FR", "auction": "IDA1"},
        "signal": "Price",
        "maxWait": "24h",
        "defaultDuration": "1h",
        "leastSavingPercent": 1,
        "mostAtOnce": 50,
    }


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"maxWait": "1d"}, "spec.maxWait"),
        ({"maxWait": "745h"}, "maxWait must be from 1s to 744h"),
        ({"defaultDuration": ""}, "spec"),
        ({"market": {"providers": ["EnergyCharts"]}}, "write auction: SDAC"),
        ({"market": {"area": "CH", "auction": "IDA3"}}, "CH and GB have no IDA3"),
        (
            {"signal": "Renewable", "market": {"carbonProviders": ["CarbonIntensity"]}},
            "CarbonIntensity has no shares of renewable power",
        ),
        ({"mostAtOnce": 0}, "spec.mostAtOnce"),
        ({"namespaces": ["Batch"]}, "spec.namespaces"),
        ({"signal": "Volume"}, 'supported values: "Price", "Carbon", "Renewable"'),
    ],
)
def test_bad_wait_policies_are_refused_with_words_that_help(
    kube: Kube, spec: dict[str, Any], words: str
) -> None:
    with pytest.raises(KubectlError) as refused:
        kube.apply(wait_policy(**spec))
    assert words in str(refused.value)


@pytest.mark.parametrize("kind", ["powerpolicy", "marketday", "powerbudget", "waitpolicy"])
def test_every_field_is_explained(kube: Kube, kind: str) -> None:
    text = kube.plane.kubectl("explain", kind, "--recursive=false")
    assert "<empty>" not in text
    for part in ("spec", "status"):
        text = kube.plane.kubectl("explain", f"{kind}.{part}")
        assert "<no description>" not in text, text


def test_explain_says_the_unit(kube: Kube) -> None:
    assert "in watts" in kube.plane.kubectl("explain", "powerpolicy.spec.maxSource")


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        (
            "pwp",
            [
                "NAME",
                "MAXSOURCE",
                "MINPOWER",
                "STRATEGY",
                "MARKET",
                "NODES",
                "SHARE",
                "VOLUME",
                "PRICE",
                "READY",
                "REASON",
                "AGE",
            ],
        ),
        (
            "pwb",
            [
                "NAME",
                "POLICY",
                "CAP",
                "APPLIED",
                "SHARE",
                "PERIOD",
                "DRAW",
                "READY",
                "REASON",
                "SILENT",
                "AGE",
            ],
        ),
        (
            "mktd",
            [
                "NAME",
                "AREA",
                "AUCTION",
                "DATE",
                "PERIODS",
                "PRICE",
                "VOLUME",
                "CARBON",
                "SOURCE",
                "COMPLETE",
                "AGE",
            ],
        ),
    ],
)
def test_columns_and_short_names(kube: Kube, name: str, columns: list[str]) -> None:
    kube.apply(policy(), market_day(), budget())
    assert kube.plane.kubectl("get", name).splitlines()[0].split() == columns


def test_the_category_lists_all_three(kube: Kube) -> None:
    kube.apply(policy(), market_day(), budget())
    text = kube.plane.kubectl("get", "powercap", "-o", "name")
    assert text.split() == [
        "marketday.powercap.dev/a-day",
        "powerbudget.powercap.dev/a-node",
        "powerpolicy.powercap.dev/test",
    ]


def test_nothing_of_another_strategy_is_filled_in(kube: Kube) -> None:
    kube.apply(policy(strategy={"type": "Schedule", "windows": [NIGHT], "otherwise": {}}))
    assert kube.get("powerpolicy", "test")["spec"]["strategy"] == {
        "type": "Schedule",
        "windows": [NIGHT],
        "otherwise": {"type": "Volume"},
    }


def test_lowering_max_source_below_a_power_is_refused_too(kube: Kube) -> None:
    kube.apply(policy(strategy={"type": "Fixed", "power": "35"}))
    with pytest.raises(KubectlError, match=r"strategy\.power must not be above maxSource"):
        kube.patch("powerpolicy", "test", {"spec": {"maxSource": "30"}})


def test_a_static_day_can_be_edited_and_stays_the_same_day(kube: Kube) -> None:
    kube.apply(market_day(provider="Static", csv="Period"))
    kube.apply(market_day(provider="Static", csv=CSV))
    with pytest.raises(KubectlError, match="a MarketDay stands for one market and day"):
        kube.apply(market_day(provider="Static", csv=CSV, area="DE-LU"))


def test_the_examples_of_the_documentation_are_taken(kube: Kube) -> None:
    text = (Path(__file__).parents[2] / "docs" / "strategies.md").read_text(encoding="utf-8")
    examples = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    assert len(examples) == 11
    kube.apply(*examples)

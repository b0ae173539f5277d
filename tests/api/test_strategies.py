"""Strategies and Static days on a real API server: what it takes, and with which words it refuses the rest."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.cluster.errors import KubectlError
from powercap_api.names import API_VERSION
from tests.api.conftest import Kube

NIGHT = {"start": "22:00", "end": "06:00", "power": "40"}
CSV = "Period,Volume (MWh),Price (€/MWh)\n00:00-00:15,68.2,95.69\n"


def policy(**strategy: Any) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "PowerPolicy",
        "metadata": {"name": "test"},
        "spec": {"maxSource": "40", "strategy": strategy},
    }


def market_day(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "MarketDay",
        "metadata": {"name": "a-day"},
        "spec": {"deliveryDate": "2025-10-09", **spec},
    }


@pytest.mark.parametrize(
    "strategy",
    [
        {},
        {"type": "Volume", "reference": "Average"},
        {"type": "Solar"},
        {"type": "Solar", "alpha": 2},
        {"type": "Price"},
        {"type": "Price", "lowPrice": "-10.5", "highPrice": "90"},
        {"type": "Price", "lowPrice": -20, "highPrice": 90},
        {"type": "Price", "lowPrice": -20, "highPrice": "90.5"},
        {"type": "Carbon", "lowCarbon": 40, "highCarbon": 300},
        {"type": "Renewable", "lowRenewable": 20, "highRenewable": 80},
        {
            "type": "Schedule",
            "windows": [NIGHT],
            "otherwise": {"type": "Price", "lowPrice": 20, "highPrice": 90},
        },
        {"type": "Price", "lowPercentile": 0},
        {"type": "Price", "highPercentile": 100},
        {"type": "Fixed"},
        {"type": "Fixed", "power": 40},
        {"type": "Fixed", "power": "35000m"},
        {"type": "Schedule", "windows": [NIGHT]},
        {"type": "Schedule", "windows": [{**NIGHT, "days": ["Mon", "Sun"], "end": "24:00"}] * 32},
        {"type": "Schedule", "windows": [NIGHT], "otherwise": {"type": "Price", "lowPercentile": 20}},
        {"type": "Schedule", "windows": [NIGHT], "otherwise": {"type": "Fixed", "power": "20"}},
        {"type": "CheapestHours"},
        {
            "type": "CheapestHours",
            "hours": 24,
            "contiguous": True,
            "within": {"start": "12:00", "end": "12:00"},
        },
        {"type": "Schedule", "windows": [NIGHT], "otherwise": {"type": "CheapestHours", "hours": 6}},
    ],
)
def test_good_strategies_are_taken(kube: Kube, strategy: dict[str, Any]) -> None:
    kube.apply(policy(**strategy))


def test_nothing_of_another_strategy_is_filled_in(kube: Kube) -> None:
    kube.apply(policy(type="Schedule", windows=[NIGHT], otherwise={}))
    assert kube.get("powerpolicy", "test")["spec"]["strategy"] == {
        "type": "Schedule",
        "windows": [NIGHT],
        "otherwise": {"type": "Volume"},
    }


def schedule(**window: Any) -> dict[str, Any]:
    return {"type": "Schedule", "windows": [{**NIGHT, **window}]}


@pytest.mark.parametrize(
    ("strategy", "words"),
    [
        ({"alpha": 4}, "alpha belongs to strategy Solar: remove alpha, or write type: Solar"),
        ({"type": "Solar", "reference": "Max"}, "reference belongs to strategy Volume"),
        ({"type": "Solar", "alpha": 0}, "should be greater than or equal to 1"),
        ({"type": "Fixed", "lowPrice": "1", "highPrice": "2"}, "lowPrice belongs to strategy Price"),
        ({"type": "Price", "power": "30"}, "power belongs to strategy Fixed"),
        ({"type": "Price", "lowPrice": "20"}, "lowPrice and highPrice go together"),
        ({"type": "Price", "lowPrice": "90", "highPrice": "20"}, "lowPrice must be below highPrice"),
        ({"type": "Price", "lowPrice": "9", "highPrice": "9.0"}, "lowPrice must be below highPrice"),
        ({"type": "Price", "lowPrice": "cheap", "highPrice": "9"}, "lowPrice"),
        ({"type": "Price", "lowPrice": 90, "highPrice": "20"}, "lowPrice must be below highPrice"),
        ({"type": "Price", "lowPrice": 20.5, "highPrice": 90}, 'must be of type integer,string: "number"'),
        (
            {"type": "Price", "lowPrice": 1_000_000, "highPrice": "9"},
            "should be less than or equal to 999999",
        ),
        ({"type": "Carbon", "lowCarbon": -4, "highCarbon": 30}, "should be greater than or equal to 0"),
        (
            {"type": "Price", "lowPrice": "2", "highPrice": "9", "lowPercentile": 5},
            "write either lowPrice and highPrice, or lowPercentile and highPercentile",
        ),
        ({"type": "Price", "lowPercentile": 90}, "lowPercentile must be below highPercentile"),
        ({"type": "Price", "highPercentile": 101}, "should be less than or equal to 100"),
        ({"type": "Price", "lowCarbon": "1", "highCarbon": "2"}, "lowCarbon belongs to strategy Carbon"),
        ({"type": "Carbon", "lowRenewable": "1", "highRenewable": "2"}, "belongs to strategy Renewable"),
        ({"type": "Carbon", "lowCarbon": "40"}, "lowCarbon and highCarbon go together"),
        ({"type": "Carbon", "lowCarbon": "40", "highCarbon": "30"}, "lowCarbon must be below highCarbon"),
        ({"type": "Carbon", "lowCarbon": "-4", "highCarbon": "30"}, "lowCarbon"),
        (
            {"type": "Renewable", "lowRenewable": "2", "highRenewable": "9", "lowPercentile": 5},
            "write either lowRenewable and highRenewable, or lowPercentile and highPercentile",
        ),
        ({"lowPercentile": 5}, "lowPercentile belongs to strategy Price, Carbon, Renewable"),
        ({"type": "Price", "hours": 8}, "hours belongs to strategy CheapestHours"),
        ({"contiguous": True}, "contiguous belongs to strategy CheapestHours"),
        ({"within": {"start": "20:00", "end": "08:00"}}, "within belongs to strategy CheapestHours"),
        ({"type": "CheapestHours", "hours": 0}, "should be greater than or equal to 1"),
        ({"type": "CheapestHours", "hours": 25}, "should be less than or equal to 24"),
        ({"type": "CheapestHours", "within": {"start": "24:00", "end": "08:00"}}, "cannot start at 24:00"),
        ({"type": "Fixed", "power": "50"}, "strategy.power must not be above maxSource"),
        ({"type": "Fixed", "power": 40000000}, "a number of microwatts takes the suffix u"),
        ({"type": "Schedule"}, "strategy Schedule needs windows, such as"),
        ({"type": "Schedule", "windows": []}, "should have at least 1 items"),
        ({"type": "Schedule", "windows": [NIGHT] * 33}, "must have at most 32 items"),
        ({"windows": [NIGHT]}, "windows belongs to strategy Schedule"),
        ({"otherwise": {}}, "otherwise belongs to strategy Schedule"),
        (schedule(power="50"), "the power of a window must not be above maxSource"),
        (schedule(start="06:00"), 'for a whole day write start: "00:00", end: "24:00"'),
        (schedule(start="24:00"), "a window cannot start at 24:00"),
        (schedule(start="6:00"), "should match"),
        (schedule(end="25:00"), "should match"),
        (schedule(days=["Monday"]), 'Unsupported value: "Monday": supported values: "Mon", "Tue"'),
        (schedule(days=[]), "should have at least 1 items"),
        (schedule(days=["Mon", "Mon"]), "Duplicate value"),
        ({**schedule(), "otherwise": {"type": "Schedule"}}, 'Unsupported value: "Schedule"'),
        ({**schedule(), "otherwise": {"alpha": 2}}, "alpha belongs to strategy Solar"),
        (
            {**schedule(), "otherwise": {"type": "Fixed", "power": "41"}},
            "strategy.otherwise.power must not be above maxSource",
        ),
    ],
)
def test_bad_strategies_are_refused_with_words_that_help(
    kube: Kube, strategy: dict[str, Any], words: str
) -> None:
    with pytest.raises(KubectlError) as refusal:
        kube.apply(policy(**strategy))
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    ("market", "words"),
    [
        ({"carbonProviders": ["EPEX"]}, 'Unsupported value: "EPEX"'),
        ({"carbonProviders": []}, "should have at least 1 items"),
        ({"providers": ["CarbonIntensity"]}, 'Unsupported value: "CarbonIntensity"'),
        ({"auction": "Carbon"}, 'Unsupported value: "Carbon"'),
    ],
)
def test_the_grids_sources_are_named_apart_from_the_auctions(
    kube: Kube, market: dict[str, Any], words: str
) -> None:
    kube.apply(
        policy() | {"spec": {"maxSource": "40", "market": {"carbonProviders": ["EnergyCharts", "ENTSOE"]}}}
    )
    with pytest.raises(KubectlError) as refusal:
        kube.apply(policy() | {"spec": {"maxSource": "40", "market": market}})
    assert words in str(refusal.value)


def test_days_of_the_grid_are_taken(kube: Kube) -> None:
    kube.apply(market_day(provider="EnergyCharts", auction="Carbon"))
    with pytest.raises(KubectlError, match="Unsupported value"):
        kube.apply(market_day(provider="EnergyCharts", auction="Wind"))


PEAK = {"days": ["Mon"], "start": "17:00", "end": "21:00", "fees": "45"}


@pytest.mark.parametrize(
    "tariff",
    [
        {},
        {"priceFactor": "1.03", "fees": "38.5", "windows": [PEAK] * 32, "taxFactor": "1.2"},
        {"priceFactor": "0", "fees": "-3", "taxFactor": "0.90"},
        {"priceFactor": 0, "fees": 30, "taxFactor": 2, "windows": [{**PEAK, "fees": -45}] * 32},
    ],
)
def test_good_tariffs_are_taken(kube: Kube, tariff: dict[str, Any]) -> None:
    body = policy(type="Price")
    body["spec"]["tariff"] = tariff
    kube.apply(body)
    defaults = {"priceFactor": "1", "fees": "0", "windows": [], "taxFactor": "1"}
    assert kube.get("powerpolicy", "test")["spec"]["tariff"] == {**defaults, **tariff}


@pytest.mark.parametrize(
    ("tariff", "words"),
    [
        ({"taxFactor": "0"}, "spec.tariff.taxFactor"),
        ({"priceFactor": "-1"}, "spec.tariff.priceFactor"),
        ({"fees": "30 EUR"}, "spec.tariff.fees"),
        ({"fees": 38.5}, 'must be of type integer,string: "number"'),
        ({"taxFactor": 0}, "should be greater than or equal to 1"),
        ({"windows": [PEAK] * 33}, "must have at most 32 items"),
        ({"windows": [{**PEAK, "end": "17:00"}]}, 'for a whole day write start: "00:00", end: "24:00"'),
        ({"windows": [{**PEAK, "start": "24:00"}]}, "a window cannot start at 24:00"),
    ],
)
def test_bad_tariffs_are_refused(kube: Kube, tariff: dict[str, Any], words: str) -> None:
    body = policy(type="Price")
    body["spec"]["tariff"] = tariff
    with pytest.raises(KubectlError) as refusal:
        kube.apply(body)
    assert words in str(refusal.value)


def test_lowering_max_source_below_a_power_is_refused_too(kube: Kube) -> None:
    kube.apply(policy(type="Fixed", power="35"))
    with pytest.raises(KubectlError, match=r"strategy\.power must not be above maxSource"):
        kube.patch("powerpolicy", "test", {"spec": {"maxSource": "30"}})


def test_a_static_day_can_be_edited_and_stays_the_same_day(kube: Kube) -> None:
    kube.apply(market_day(provider="Static", csv="Period"))
    kube.apply(market_day(provider="Static", csv=CSV))
    with pytest.raises(KubectlError, match="a MarketDay stands for one market and day"):
        kube.apply(market_day(provider="Static", csv=CSV, area="DE-LU"))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"provider": "Static"}, "provider Static needs the day's results: write csv: |"),
        ({"csv": CSV}, "csv belongs to provider Static: remove csv, or write provider: Static"),
        ({"provider": "Static", "csv": "x" * 20_001}, "Too long: may not be"),
    ],
)
def test_only_static_days_have_data_in_their_spec(kube: Kube, spec: dict[str, Any], words: str) -> None:
    with pytest.raises(KubectlError) as refusal:
        kube.apply(market_day(**spec))
    assert words in str(refusal.value)


def test_the_examples_of_the_documentation_are_taken(kube: Kube) -> None:
    text = (Path(__file__).parents[2] / "docs" / "strategies.md").read_text(encoding="utf-8")
    examples = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    assert len(examples) == 11
    kube.apply(*examples)

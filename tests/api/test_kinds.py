"""The kinds on a real API server: what it fills in, what it refuses and with which words, what people see."""

from typing import Any

import pytest

from dev.cluster.errors import KubectlError
from powercap_api.names import API_VERSION
from tests.api.conftest import Kube


def policy(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "PowerPolicy",
        "metadata": {"name": "test"},
        "spec": {"maxSource": "40", **spec},
    }


def market_day(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "MarketDay",
        "metadata": {"name": "a-day"},
        "spec": {"deliveryDate": "2025-10-09", **spec},
    }


def budget(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "PowerBudget",
        "metadata": {"name": "a-node"},
        "spec": {
            "policy": "test",
            "maxSourceMicrowatts": 40_000_000,
            "minPowerMicrowatts": 10_000_000,
            "validUntil": "2025-10-09T22:00:00Z",
            "schedule": [{"start": "2025-10-08T22:00:00Z", "stepSeconds": 900, "shares": "100 63.09"}],
            **spec,
        },
    }


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


@pytest.mark.parametrize(
    "spec",
    [
        {"maxSource": 40},
        {"maxSource": "40000000u", "minPower": "10000000u"},
        {"maxSource": "0.14k", "nodeSelector": {"node-role.kubernetes.io/worker": "", "zone": "a"}},
        {"maxSource": "40", "minPower": 40},
        {"maxSource": "80%"},
        {"maxSource": "80%", "minPower": "80%"},
        {"maxSource": "100%", "minPower": "9%", "strategy": {"type": "Fixed", "power": "10%"}},
        {"maxSource": "40", "minPower": "50%"},
        {
            "maxSource": "40",
            "market": {"providers": ["ENTSOE"], "auction": "SDAC"},
            "strategy": {"type": "Price"},
        },
        {"maxSource": "40", "market": {"providers": ["EnergyCharts"]}, "strategy": {"type": "Solar"}},
        {"maxSource": "40", "market": {"providers": ["EnergyCharts", "Static"]}},
        {
            "maxSource": "80%",
            "strategy": {
                "type": "Schedule",
                "windows": [{"start": "22:00", "end": "06:00", "power": "80%"}],
                "otherwise": {"type": "Fixed", "power": "9%"},
            },
        },
    ],
)
def test_good_policies_are_taken(kube: Kube, spec: dict[str, Any]) -> None:
    kube.apply(policy(**spec))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"maxSource": 40000000}, 'write "40" for 40 W; a number of microwatts takes the suffix u'),
        ({"maxSource": "-40"}, "must be at least 1 W"),
        ({"maxSource": "0"}, "set suspend: true instead"),
        ({"maxSource": "forty"}, 'must be a power in watts, such as "40" or 40000000u'),
        ({"maxSource": "40W"}, 'must be a power in watts, such as "40" or 40000000u'),
        ({"maxSource": 40.5}, 'maxSource in body must be of type integer,string: "number"'),
        ({"maxSource": "180%"}, 'a percentage is a whole number from 1 to 100 and the sign, such as "80%"'),
        ({"maxSource": "0%"}, "a percentage is a whole number from 1 to 100"),
        ({"maxSource": "12.5%"}, "a percentage is a whole number from 1 to 100"),
        ({"maxSource": "80 %"}, "a percentage is a whole number from 1 to 100"),
        ({"maxSource": "%"}, "a percentage is a whole number from 1 to 100"),
        ({"maxSource": "half"}, 'or 40000000u, or a percentage, such as "80%"'),
        ({"maxSource": "9%", "minPower": "10%"}, "minPower must not be above maxSource"),
        ({"maxSource": "80%", "strategy": {"type": "Fixed", "power": "90%"}}, "must not be above maxSource"),
        (
            {"maxSource": "80%", "strategy": {"type": "Fixed", "power": "90"}},
            'such as maxSource: "80%" and power: "40%"',
        ),
        ({"maxSource": "80", "strategy": {"type": "Fixed", "power": "9%"}}, "in watts where maxSource is"),
        (
            {
                "maxSource": "80%",
                "strategy": {
                    "type": "Schedule",
                    "windows": [{"start": "22:00", "end": "06:00", "power": "9"}],
                },
            },
            "the power of a window must be in watts where maxSource is in watts, and a percentage where",
        ),
        (
            {
                "maxSource": "80%",
                "strategy": {
                    "type": "Schedule",
                    "windows": [{"start": "22:00", "end": "06:00", "power": "101%"}],
                },
            },
            "a percentage is a whole number from 1 to 100",
        ),
        ({"maxSource": "40", "minPower": "50"}, "minPower must not be above maxSource"),
        ({"market": {"area": "XX"}}, 'Unsupported value: "XX": supported values: "AT", "BE"'),
        ({"market": {"auction": "IDA9"}}, 'Unsupported value: "IDA9": supported values: "SDAC", "IDA1"'),
        ({"market": {"resolutionMinutes": 5}}, "supported values: "),
        ({"strategy": {"type": "Magic"}}, 'Unsupported value: "Magic"'),
        ({"market": {"area": "GB", "resolutionMinutes": 15}}, "write resolutionMinutes: 30"),
        ({"market": {"area": "GB", "resolutionMinutes": 60}}, "write resolutionMinutes: 30"),
        ({"market": {"area": "CH", "resolutionMinutes": 15}}, "write resolutionMinutes: 60"),
        ({"market": {"area": "FR", "auction": "SDAC", "resolutionMinutes": 30}}, "15 or 60"),
        ({"market": {"area": "CH", "auction": "IDA3"}}, "write auction: IDA1 or IDA2"),
        ({"market": {"providers": ["EnergyCharts"]}}, "none of these sources has volumes"),
        (
            {
                "market": {"providers": ["ENTSOE", "EnergyCharts"]},
                "strategy": {
                    "type": "Schedule",
                    "windows": [{"start": "22:00", "end": "06:00", "power": "40"}],
                },
            },
            "none of these sources has volumes",
        ),
        ({"market": {"providers": ["ENTSOE"]}, "strategy": {"type": "Price"}}, "write auction: SDAC"),
        (
            {
                "market": {
                    "providers": ["ENTSOE"],
                    "area": "GB",
                    "auction": "SDAC",
                    "resolutionMinutes": 60,
                },
                "strategy": {"type": "Price"},
            },
            "GB is not coupled",
        ),
        ({"nodeSelector": "worker"}, "nodeSelector"),
        ({"nodeSelector": {"no such key!": "x"}}, "every key must be a label key"),
        ({"nodeSelector": {"zone": "not/a/value"}}, "every value must be a label value"),
        ({"hardware": {"zones": [{"zone": "dram"}]}}, "give either sharePercent"),
        (
            {"hardware": {"zones": [{"zone": "dram", "cap": "20", "sharePercent": 5}]}},
            "give either sharePercent",
        ),
        ({"hardware": {"zones": [{"zone": "disk", "cap": "20"}]}}, 'Unsupported value: "disk"'),
        ({"hardware": {"devices": [{"driver": "nvidia", "cap": 250000000}]}}, "takes the suffix u"),
        ({"stabilisationSeconds": 0}, "should be greater than or equal to 1"),
        ({"fallback": {"previousDays": 30}}, "should be less than or equal to 7"),
        ({"maxPower": "40"}, 'unknown field "spec.maxPower"'),
    ],
)
def test_bad_policies_are_refused_with_words_that_help(kube: Kube, spec: dict[str, Any], words: str) -> None:
    with pytest.raises(KubectlError) as refusal:
        kube.apply(policy(**spec))
    assert words in str(refusal.value)


def test_a_policys_name_fits_into_a_label(kube: Kube) -> None:
    body = policy()
    body["metadata"]["name"] = "a" * 64
    with pytest.raises(KubectlError, match="at most 63 characters"):
        kube.apply(body)


def test_auctions_that_nobody_has_are_refused_for_market_days_too(kube: Kube) -> None:
    with pytest.raises(KubectlError, match="write resolutionMinutes: 30"):
        kube.apply(market_day(area="GB", resolutionMinutes=15))


@pytest.mark.parametrize("area", ["CH", "GB", "FR"])
def test_what_a_zone_offers_needs_no_length(kube: Kube, area: str) -> None:
    kube.apply(policy(market={"area": area}))
    kube.apply(market_day(area=area))


def test_a_policy_needs_max_source(kube: Kube) -> None:
    body = policy()
    del body["spec"]["maxSource"]
    with pytest.raises(KubectlError, match=r"spec\.maxSource: Required value"):
        kube.apply(body)


def test_a_market_day_stands_for_one_day(kube: Kube) -> None:
    kube.apply(market_day())
    with pytest.raises(KubectlError, match="a MarketDay stands for one market and day"):
        kube.apply(market_day(deliveryDate="2025-10-10"))


@pytest.mark.parametrize(
    "day",
    ["2025-10-9", "tomorrow", "2025-10-09T00:00:00Z", "0001-01-01", "9999-12-31", "2025-13-01", "2025-10-32"],
)
def test_a_delivery_date_is_a_day(kube: Kube, day: str) -> None:
    with pytest.raises(KubectlError, match="must be a day such as 2025-10-09"):
        kube.apply(market_day(deliveryDate=day))


@pytest.mark.parametrize("kind", ["powerpolicy", "marketday", "powerbudget"])
def test_every_field_is_explained(kube: Kube, kind: str) -> None:
    text = kube.plane.kubectl("explain", kind, "--recursive=false")
    assert "<empty>" not in text
    for part in ("spec", "status"):
        text = kube.plane.kubectl("explain", f"{kind}.{part}")
        assert "<no description>" not in text, text


@pytest.mark.parametrize(
    ("segment", "said"),
    [
        ({"shares": "800"}, "should match"),
        ({"shares": "100 63.091"}, "should match"),
        ({"shares": "4V9"}, "should match"),
        ({"shares": ""}, "at least 1 chars long"),
        ({"shares": "63.09 " * 512 + "63.09"}, "3071"),
        ({"stepSeconds": 0}, "should be greater than or equal to 1"),
    ],
)
def test_a_schedule_out_of_bounds_is_refused(kube: Kube, segment: dict[str, Any], said: str) -> None:
    (whole,) = budget()["spec"]["schedule"]
    with pytest.raises(KubectlError, match=said):
        kube.apply(budget(schedule=[whole | segment]))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"maxSourcePercent": 80}, "give either maxSourceMicrowatts or maxSourcePercent"),
        ({"maxSourceMicrowatts": None}, "give either maxSourceMicrowatts or maxSourcePercent"),
        ({"minPowerPercent": 80}, "give either minPowerMicrowatts or minPowerPercent"),
    ],
)
def test_a_budget_has_each_power_in_one_form(kube: Kube, spec: dict[str, Any], said: str) -> None:
    with pytest.raises(KubectlError, match=said):
        kube.apply(budget(**spec))
    kube.apply(budget(maxSourceMicrowatts=None, maxSourcePercent=80))


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

"""The node label for schedulers: bands, hysteresis, at most eight changes a day, and the same after a restart."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from powercap_api.clock import format_time
from powercap_api.schedule import pack_shares
from powercap_operator.planning.node_label.power_label import MOST_CHANGES, PowerLabel, label_at
from tests.support.objects import moment

BEGIN = moment("2025-10-08T22:00Z")
QUARTER = timedelta(minutes=15)
WATT = 1_000_000


def budget(percents: list[int], **spec: Any) -> dict[str, Any]:
    """A day of quarters at these percentages of 100 W; the last holds on."""
    return {
        "policy": "default",
        "maxSourceMicrowatts": 100 * WATT,
        "minPowerMicrowatts": 10 * WATT,
        "validUntil": format_time(BEGIN + timedelta(days=1)),
        "schedule": [
            {
                "start": format_time(BEGIN),
                "stepSeconds": 900,
                "shares": pack_shares(percent * 100 for percent in percents),
            }
        ],
        **spec,
    }


def labels(percents: list[int], **spec: Any) -> list[str]:
    found = [label_at(budget(percents, **spec), BEGIN, BEGIN + n * QUARTER) for n in range(len(percents))]
    return [str(label) for label in found]


def test_bands() -> None:
    assert labels([39]) == ["low"]
    assert labels([40]) == ["normal"]
    assert labels([69]) == ["normal"]
    assert labels([70]) == ["high"]


def test_a_share_near_a_bound_does_not_change_the_label() -> None:
    assert labels([39, 41, 44, 39, 45, 41, 36, 34]) == [
        *("low", "low", "low", "low", "normal", "normal", "normal", "low"),
    ]
    assert labels([72, 68, 66, 72, 64, 72, 75]) == [
        "high",
        "high",
        "high",
        "high",
        "normal",
        "normal",
        "high",
    ]
    assert labels([20, 90, 20]) == ["low", "high", "low"]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 100), min_size=24, max_size=24))
def test_there_are_at_most_eight_changes_a_day(percents: list[int]) -> None:
    found = labels(percents)
    changes = sum(before != after for before, after in pairwise(found))
    assert changes <= MOST_CHANGES
    assert set(found) <= {"low", "normal", "high"}


@pytest.mark.parametrize(
    ("spec", "label"),
    [
        ({"suspend": True}, PowerLabel.HIGH),
        ({"floor": {"basis": "pod a/b"}}, PowerLabel.HIGH),
        ({"floor": {"microwatts": 80 * WATT, "basis": "pod a/b"}}, PowerLabel.HIGH),
        ({"minPowerMicrowatts": 50 * WATT}, PowerLabel.NORMAL),
        ({"validUntil": format_time(BEGIN)}, None),
        ({"schedule": []}, None),
    ],
)
def test_what_else_counts(spec: dict[str, Any], label: PowerLabel | None) -> None:
    assert label_at(budget([20], **spec), BEGIN, BEGIN) == label


@pytest.mark.parametrize(
    ("limit", "label"),
    [({"share": 3_000}, "low"), ({"capMicrowatts": 50 * WATT}, "normal"), ({}, "high")],
)
def test_overrides_count(limit: dict[str, Any], label: str) -> None:
    window = {"start": format_time(BEGIN + QUARTER), "end": format_time(BEGIN + 2 * QUARTER), **limit}
    found = labels([80, 80, 80], overrides=[window])
    assert found == ["high", label, "high"]


def test_powers_in_percent_of_a_node_s_own_limits() -> None:
    spec = budget([20])
    for name in ("maxSource", "minPower"):
        del spec[f"{name}Microwatts"]
        spec[f"{name}Percent"] = 80 if name == "maxSource" else 10
    assert label_at(spec, BEGIN, BEGIN) == PowerLabel.LOW

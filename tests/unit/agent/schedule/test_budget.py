"""The agent's own reading and writing of PowerBudgets is that of the pydantic models."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from powercap_agent.schedule.budget import MAX_CAP_UW, read_budget
from powercap_agent.schedule.fields import InvalidBudgetError
from powercap_api.powerbudget import PowerBudget, PowerBudgetSpec
from powercap_api.reasons import DeviceDriver, Fallback, Split, ZoneName
from powercap_api.schedule import pack_shares, read_segments
from tests.support.agent_parts import budget_body

POWERS = st.integers(1, 100_000_000_000)
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001 - bounds
    lambda moment: moment.replace(microsecond=0)
)
DECIMALS = st.decimals(-1000, 10_000, places=2).map(str)
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=40)


def rules(key: str, names: list[Any], highest_share: int) -> st.SearchStrategy[dict[str, Any]]:
    """Rules for zones or devices, each with either power."""
    return st.one_of(
        st.fixed_dictionaries({key: st.sampled_from(names), "share_percent": st.integers(1, highest_share)}),
        st.fixed_dictionaries({key: st.sampled_from(names), "cap_microwatts": POWERS}),
    )


SEGMENTS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "start": TIMES,
        "step_seconds": st.integers(1, 691_200),
        "shares": st.lists(st.integers(0, 10_000), min_size=1, max_size=20).map(pack_shares),
    },
    optional={"basis": TEXT},
)
WINDOWS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"start": TIMES, "end": TIMES},
    optional={"share": st.integers(0, 10_000), "cap_microwatts": POWERS, "basis": TEXT},
)


def in_order(windows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The windows with their times dealt out anew, so that none overlaps another or is empty."""
    times = sorted({window[name] for window in windows for name in ("start", "end")})
    pairs = zip(times[::2], times[1::2], strict=False)
    return [
        window | {"start": start, "end": end} for window, (start, end) in zip(windows, pairs, strict=False)
    ]


SPEC_FIELDS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "policy": TEXT,
        "schedule": st.lists(SEGMENTS, max_size=8, unique_by=lambda segment: segment["start"]).map(
            lambda segments: sorted(segments, key=lambda segment: segment["start"])
        ),
        "valid_until": TIMES,
    },
    optional={
        "on_expiry": st.sampled_from(Fallback),
        "stabilisation_seconds": st.integers(1, 86_400),
        "suspend": st.booleans(),
        "dry_run": st.booleans(),
        "split": st.sampled_from(Split),
        "zones": st.lists(rules("zone", list(ZoneName), 33), unique_by=lambda rule: rule["zone"], max_size=4),
        "devices": st.lists(
            rules("driver", list(DeviceDriver), 33), unique_by=lambda rule: rule["driver"], max_size=2
        ),
        "ramp_microwatts_per_second": POWERS,
        "dwell_seconds": st.integers(0, 86_400),
        "pressure": st.fixed_dictionaries(
            {},
            optional={
                "some_percent": st.integers(1, 100),
                "for_seconds": st.integers(10, 86_400),
                "lift_seconds": st.integers(10, 86_400),
            },
        ),
        "lift_until": TIMES,
        "overrides": st.lists(WINDOWS, max_size=4).map(in_order),
        "floor": st.fixed_dictionaries({"basis": TEXT}, optional={"microwatts": POWERS}),
    },
)
PERCENT = st.integers(1, 100)
MAX_SOURCE = st.one_of(
    st.fixed_dictionaries({"max_source_microwatts": POWERS}),
    st.fixed_dictionaries({"max_source_percent": PERCENT}),
)
MIN_POWER = st.one_of(
    st.fixed_dictionaries({"min_power_microwatts": POWERS}),
    st.fixed_dictionaries({"min_power_percent": PERCENT}),
)
SPECS = st.builds(lambda *parts: parts[0] | parts[1] | parts[2], SPEC_FIELDS, MAX_SOURCE, MIN_POWER).map(
    PowerBudgetSpec.model_validate
)


@given(SPECS)
def test_all_that_the_model_writes_is_read_alike(spec: PowerBudgetSpec) -> None:
    budget = PowerBudget.model_validate(
        {"metadata": {"name": "n", "uid": "u", "generation": 3}, "spec": spec.to_wire()}
    )
    read = read_budget(json.loads(json.dumps(budget.to_wire())))
    assert (read.uid, read.generation) == ("u", 3)
    assert read.policy == spec.policy
    assert read.max_source_uw == (spec.max_source_microwatts or MAX_CAP_UW)
    floor_uw = 0 if spec.floor is None else spec.floor.microwatts or 0
    assert read.min_power_uw == max(spec.min_power_microwatts or MAX_CAP_UW, floor_uw)
    assert read.max_source_percent == spec.max_source_percent
    assert read.min_power_percent == spec.min_power_percent
    assert read.valid_until == spec.valid_until
    assert read.on_expiry == spec.on_expiry
    assert read.stabilisation_seconds == spec.stabilisation_seconds
    assert (read.suspend, read.dry_run) == (spec.suspend, spec.dry_run)
    assert (read.split, read.lift_until) == (spec.split or Split.PROPORTIONAL, spec.lift_until)
    assert read.ramp_uw_per_second == spec.ramp_microwatts_per_second
    assert read.dwell_seconds == (spec.dwell_seconds or 0)
    assert [(r.name, r.share_percent, r.cap_uw) for r in (*read.zones, *read.devices)] == [
        *((rule.zone, rule.share_percent, rule.cap_microwatts) for rule in spec.zones or []),
        *((rule.driver, rule.share_percent, rule.cap_microwatts) for rule in spec.devices or []),
    ]
    assert (None if read.pressure is None else asdict(read.pressure)) == (
        None if spec.pressure is None else spec.pressure.model_dump()
    )
    asked = spec.floor
    assert (read.floor_uw, read.exempt) == (
        (None, False) if asked is None else (asked.microwatts, asked.microwatts is None)
    )
    assert list(read.overrides) == [window.plain() for window in spec.overrides or []]
    assert list(read.slots) == read_segments([segment.plain() for segment in spec.schedule])


def test_absent_fields_have_the_models_defaults() -> None:
    spec = {
        "policy": "p",
        "maxSourceMicrowatts": 9,
        "minPowerMicrowatts": 5,
        "validUntil": "2025-10-09T12:00:00Z",
    }
    model, read = PowerBudgetSpec.model_validate(spec), read_budget({"metadata": {}, "spec": spec})
    assert read.on_expiry == model.on_expiry
    assert read.stabilisation_seconds == model.stabilisation_seconds
    assert (read.suspend, read.dry_run) == (model.suspend, model.dry_run)
    assert (read.slots, read.zones, read.devices) == ((), (), ())
    assert [model.schedule, model.zones, model.devices] == [[], None, None]
    assert (read.overrides, model.overrides) == ((), None)
    assert (read.split, read.dwell_seconds) == (Split.PROPORTIONAL, 0)
    assert (model.split, model.dwell_seconds) == (None, None)
    assert (read.ramp_uw_per_second, read.pressure, read.lift_until) == (None, None, None)
    assert (model.ramp_microwatts_per_second, model.pressure, model.lift_until) == (None, None, None)


PERCENTAGES = {
    "policy": "p",
    "maxSourcePercent": 80,
    "minPowerPercent": 20,
    "validUntil": "2025-10-09T12:00:00Z",
}


def test_percentages_are_of_what_the_nodes_limits_add_up_to() -> None:
    read = read_budget({"metadata": {}, "spec": PERCENTAGES})
    assert read.in_percent
    node = read.on_node(190_000_000)
    assert (node.max_source_uw, node.min_power_uw) == (152_000_000, 38_000_000)
    # Worked out again from another sum, as packages come and go.
    assert node.on_node(100_000_000).max_source_uw == 80_000_000


@pytest.mark.parametrize(
    ("max_source", "min_power", "expected"),
    [
        ({"maxSourcePercent": 80}, {"minPowerMicrowatts": 10_000_000}, (80_000_000, 10_000_000)),
        ({"maxSourcePercent": 5}, {"minPowerMicrowatts": 10_000_000}, (5_000_000, 5_000_000)),
        ({"maxSourceMicrowatts": 40_000_000}, {"minPowerPercent": 20}, (40_000_000, 20_000_000)),
        ({"maxSourceMicrowatts": 40_000_000}, {"minPowerPercent": 50}, (40_000_000, 40_000_000)),
    ],
)
def test_watts_and_percentages_mix(
    max_source: dict[str, int], min_power: dict[str, int], expected: tuple[int, int]
) -> None:
    spec = {"policy": "p", "validUntil": "2025-10-09T12:00:00Z"} | max_source | min_power
    node = read_budget({"metadata": {}, "spec": spec}).on_node(100_000_000)
    assert (node.max_source_uw, node.min_power_uw) == expected


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"maxSourcePercent": 0}, "maxSourcePercent is 0"),
        ({"maxSourcePercent": 101}, "maxSourcePercent is 101"),
        ({"maxSourcePercent": "80"}, "maxSourcePercent is '80'"),
        ({"minPowerMicrowatts": 5}, "minPowerMicrowatts and minPowerPercent are both there"),
        ({"minPowerPercent": None}, "minPowerMicrowatts is None"),
    ],
)
def test_a_wrong_percentage_is_refused(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InvalidBudgetError, match=complaint):
        read_budget({"metadata": {}, "spec": PERCENTAGES | change})


def segment(**fields: Any) -> dict[str, Any]:
    return {"start": "2025-10-09T12:00:00Z", "stepSeconds": 900, "shares": "100"} | fields


def window(start: str = "12:00", end: str = "13:00", **fields: Any) -> dict[str, Any]:
    return {"start": f"2025-10-09T{start}:00Z", "end": f"2025-10-09T{end}:00Z"} | fields


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"minPowerMicrowatts": 0}, "minPowerMicrowatts"),
        ({"minPowerMicrowatts": "10"}, "minPowerMicrowatts"),
        ({"minPowerMicrowatts": True}, "minPowerMicrowatts"),
        ({"minPowerMicrowatts": 10.5}, "minPowerMicrowatts"),
        ({"policy": None}, "policy is missing"),
        ({"policy": 3}, "no text"),
        ({"validUntil": "tomorrow"}, "validUntil"),
        ({"validUntil": "2025-10-09T12:00:00"}, "validUntil"),
        ({"validUntil": "0001-01-01T00:00:00+23:00"}, "validUntil"),
        ({"validUntil": None}, "validUntil"),
        ({"onExpiry": "Explode"}, "onExpiry"),
        ({"stabilisationSeconds": 0}, "stabilisationSeconds"),
        ({"suspend": "yes"}, "suspend"),
        ({"split": "Half"}, "split"),
        ({"zones": {"zone": "dram"}}, "zones"),
        ({"zones": [{"zone": "kitchen", "sharePercent": 5}]}, "kitchen"),
        ({"zones": [{"zone": "dram"}]}, "exactly one"),
        ({"zones": [{"zone": "dram", "sharePercent": 5, "capMicrowatts": 5}]}, "exactly one"),
        ({"zones": [{"zone": "dram", "sharePercent": 5}] * 2}, "once each"),
        ({"devices": [{"driver": "amdgpu", "sharePercent": 101}]}, "sharePercent"),
        (
            {
                "zones": [{"zone": "dram", "sharePercent": 50}],
                "devices": [{"driver": "amdgpu", "sharePercent": 50}],
            },
            "nothing is left",
        ),
        ({"rampMicrowattsPerSecond": 0}, "ramp"),
        ({"dwellSeconds": -1}, "dwellSeconds"),
        ({"pressure": {"somePercent": 101}}, "somePercent"),
        ({"pressure": True}, "pressure"),
        ({"liftUntil": "soon"}, "liftUntil"),
        ({"maxSourceMicrowatts": 0}, "maxSourceMicrowatts"),
        ({"maxSourceMicrowatts": None}, "maxSourceMicrowatts"),
        ({"schedule": {}}, "schedule is no list"),
        ({"schedule": [3]}, "no JSON object"),
        ({"schedule": [segment()] * 65}, "at most 64"),
        ({"schedule": [segment()] * 2}, "does not start after"),
        ({"schedule": [segment(start="noon")]}, r"schedule\[0\].start is 'noon'"),
        ({"schedule": [segment(start="9999-01-01T00:00:00Z")]}, "too far ahead"),
        ({"schedule": [segment(stepSeconds=0)]}, "stepSeconds"),
        ({"schedule": [segment(shares=None)]}, r"schedule\[0\].shares is no text"),
        ({"schedule": [segment(shares=[10_000])]}, r"schedule\[0\].shares is no text"),
        ({"schedule": [segment(shares="")]}, "has '', no percentage"),
        ({"schedule": [segment(shares="1 " * 512 + "1")]}, "more than 512 shares"),
        ({"schedule": [segment(shares="100 63.091")]}, "has '63.091', no percentage"),
        ({"schedule": [segment(shares="100.01")]}, "has '100.01', no percentage from 0 to 100"),
        ({"schedule": [segment(shares="-01")]}, "'-01'"),
        ({"schedule": [segment(shares="1_1")]}, "'1_1'"),
        ({"schedule": [segment(shares=" 12")]}, "has ''"),
        ({"schedule": [segment(shares="\u0664\u0664\u0664")]}, "no percentage from 0"),
        ({"schedule": [segment(basis=5)]}, "basis is 5"),
        ({"floor": 50}, "spec.floor is no JSON object"),
        ({"floor": {"microwatts": 0, "basis": "p"}}, "microwatts"),
        ({"floor": {"microwatts": 5}}, "basis is missing"),
        ({"overrides": {}}, "overrides is no list"),
        ({"overrides": [window()] * 33}, "at most 32"),
        ({"overrides": [window(end="12:00")]}, "does not end after its start"),
        ({"overrides": [window(), window(start="12:30")]}, "starts in the one before"),
        ({"overrides": [window(share=10_001)]}, "share"),
        ({"overrides": [window(capMicrowatts=0)]}, "capMicrowatts"),
        ({"overrides": [window(capMicrowatts=True)]}, "capMicrowatts"),
        ({"overrides": [{"start": "2025-10-09T12:00:00Z"}]}, r"overrides\[0\].end is None"),
    ],
)
def test_what_cannot_be_followed_is_refused_and_the_field_named(
    change: dict[str, Any], complaint: str
) -> None:
    body = budget_body([40])
    body["spec"] |= change
    with pytest.raises(InvalidBudgetError, match=complaint):
        read_budget(body)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_nonsense_never_does_more_than_be_refused(body: Any) -> None:
    with pytest.raises(InvalidBudgetError):
        read_budget(body)


@given(st.sampled_from(sorted(budget_body([40])["spec"])), JSON)
def test_a_nonsense_field_is_read_as_the_model_would_or_refused(name: str, value: Any) -> None:
    body = budget_body([40])
    body["spec"][name] = value
    try:
        read_budget(body)
    except InvalidBudgetError:
        return
    PowerBudgetSpec.model_validate(body["spec"])

"""What a budget says at a moment."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from powercap_agent.schedule.budget import Budget, read_budget
from powercap_agent.schedule.directive import Action, Phase, directive_at
from powercap_api.reasons import Fallback
from powercap_api.schedule import Slot
from tests.support.agent_parts import NOON, QUARTER, budget_body


def make_budget(caps_w: list[int], **spec: Any) -> Budget:
    return read_budget(budget_body(caps_w, **spec))


@pytest.mark.parametrize(
    ("offset", "cap_w"),
    [
        (timedelta(0), 40),
        (QUARTER - timedelta(microseconds=1), 40),
        (QUARTER, 30),
        (2 * QUARTER, 20),
        (3 * QUARTER - timedelta(seconds=1), 20),
    ],
)
def test_a_slot_holds_from_its_start_to_the_next_ones(offset: timedelta, cap_w: int) -> None:
    order = directive_at(make_budget([40, 30, 20]), NOON + offset)
    assert order.action is Action.CAP
    assert order.cap_uw == cap_w * 1_000_000
    assert order.slot is not None
    assert order.end is not None
    assert order.slot.start <= NOON + offset < order.end
    assert order.end - order.slot.start == QUARTER


FAR = [NOON + 3 * QUARTER, NOON.replace(year=2026), datetime(9999, 1, 1, tzinfo=UTC)]


@pytest.mark.parametrize("now", FAR)
@pytest.mark.parametrize(
    ("on_expiry", "caps", "action", "cap_w"),
    [
        ("MinPower", [40, 30, 20], Action.CAP, 10),
        ("Hold", [40, 30, 20], Action.CAP, 20),
        ("Release", [40, 30, 20], Action.RELEASE, None),
    ],
)
def test_past_valid_until_on_expiry_decides(
    now: datetime, on_expiry: str, caps: list[int], action: Action, cap_w: int | None
) -> None:
    order = directive_at(make_budget(caps, onExpiry=on_expiry), now)
    assert (order.action, order.phase) == (action, Phase.EXPIRED)
    assert order.cap_uw == (None if cap_w is None else cap_w * 1_000_000)
    assert order.end is None


@pytest.mark.parametrize(
    ("on_expiry", "action"),
    [("MinPower", Action.CAP), ("Hold", Action.KEEP), ("Release", Action.RELEASE)],
)
@pytest.mark.parametrize("now", [NOON - timedelta(days=2), NOON + timedelta(days=2)])
def test_without_slots_on_expiry_decides_too(on_expiry: str, action: Action, now: datetime) -> None:
    assert directive_at(make_budget([], onExpiry=on_expiry), now).action is action


def test_before_the_first_slot_on_expiry_decides_until_that_begins() -> None:
    order = directive_at(make_budget([40], onExpiry="Release"), NOON - timedelta(hours=1))
    assert (order.action, order.phase, order.end) == (Action.RELEASE, Phase.EARLY, NOON)


def test_suspended_means_the_originals_whatever_the_time() -> None:
    for now in (NOON - QUARTER, NOON, NOON + timedelta(days=400)):
        assert directive_at(make_budget([40], suspend=True), now).action is Action.RELEASE


def test_slots_past_valid_until_do_not_count() -> None:
    budget = make_budget([40, 30, 20], validUntil="2025-10-09T12:20:00Z")
    assert directive_at(budget, NOON + timedelta(minutes=20)).phase is Phase.EXPIRED
    assert directive_at(budget, NOON + timedelta(minutes=19)).end == NOON + timedelta(minutes=20)


@given(
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(7, 10_000)), min_size=1, max_size=50),
    st.integers(0, 12_000),
    st.lists(st.integers(-5_000, 20_000), min_size=1, max_size=20),
    st.sampled_from(Fallback),
)
def test_whatever_the_clock_does_the_order_is_the_slots(
    slots: list[tuple[int, int]], valid: int, readings: list[int], on_expiry: Fallback
) -> None:
    starts = dict(slots)
    budget = Budget(
        uid="u",
        generation=1,
        policy="p",
        max_source_uw=10_000,
        min_power_uw=7,
        valid_until=NOON + timedelta(seconds=valid),
        slots=tuple(Slot(NOON + timedelta(seconds=at), cap) for at, cap in sorted(starts.items())),
        on_expiry=on_expiry,
    )
    for reading in readings:
        order = directive_at(budget, NOON + timedelta(seconds=reading))
        current = [at for at in starts if at <= reading]
        if current and reading < valid:
            assert (order.action, order.cap_uw) == (Action.CAP, starts[max(current)])
        elif on_expiry is Fallback.MIN_POWER:
            assert (order.action, order.cap_uw) == (Action.CAP, 7)
        elif on_expiry is Fallback.RELEASE:
            assert order.action is Action.RELEASE
        if order.end is not None:
            after = directive_at(budget, order.end)
            assert order.end > NOON + timedelta(seconds=reading)
            assert (after.slot, after.phase) != (order.slot, order.phase)
            just_before = directive_at(budget, order.end - timedelta(microseconds=1))
            assert just_before == order

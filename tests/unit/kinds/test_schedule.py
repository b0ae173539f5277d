"""The two forms of a schedule say the same: segments as the API stores them, slots as programs use them."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from powercap_api.schedule import (
    FULL_SHARE,
    LONGEST_SHARES,
    MAX_SHARES,
    SHARES_PATTERN,
    Schedule,
    Segment,
    Slot,
    cap_uw,
    make_segments,
    merge,
    pack_shares,
    read_segments,
    share_of,
    unpack_shares,
)

BEGIN = datetime(2025, 10, 8, 22, tzinfo=UTC)
END = BEGIN + timedelta(days=2)
QUARTER = timedelta(minutes=15)

SLOTS = st.lists(
    st.tuples(st.integers(0, 2 * 86_400 - 1), st.integers(0, FULL_SHARE), st.sampled_from([None, "a", "b"])),
    max_size=200,
    unique_by=lambda slot: slot[0],
).map(lambda slots: [Slot(BEGIN + timedelta(seconds=at), share, basis) for at, share, basis in sorted(slots)])


@given(SLOTS)
def test_reading_what_was_made_gives_the_slots_back(slots: list[Slot]) -> None:
    segments = make_segments(Schedule(tuple(slots), END))
    assert read_segments(segments) == merge(slots)
    assert all(1 <= len(segment.shares) <= MAX_SHARES for segment in segments)
    assert [segment.start for segment in segments] == sorted({segment.start for segment in segments})


@given(SLOTS)
def test_equal_schedules_have_equal_segments(slots: list[Slot]) -> None:
    segments = make_segments(Schedule(tuple(slots), END))
    assert make_segments(Schedule(tuple(read_segments(segments)), END)) == segments


@given(SLOTS, st.integers(-1, 3 * 86_400).map(lambda at: BEGIN + timedelta(seconds=at)))
def test_the_span_around_a_moment_is_what_holds_then(slots: list[Slot], now: datetime) -> None:
    schedule = Schedule(tuple(slots), END)
    spans = list(schedule.spans())
    assert [span.what for span in spans] == slots
    assert [span.end for span in spans] == [*(span.start for span in spans[1:]), *([END] if spans else [])]
    around = [span.what for span in spans if span.start <= now < span.end]
    assert schedule.at(now) == (around[0] if around else None)


def test_two_days_of_quarters_are_two_segments() -> None:
    shares = [3000 + 7 * index for index in range(192)]
    slots = tuple(
        Slot(BEGIN + index * QUARTER, share, "one" if index < 96 else "two")
        for index, share in enumerate(shares)
    )
    assert make_segments(Schedule(slots, END)) == [
        Segment(BEGIN, 900, tuple(shares[:96]), "one"),
        Segment(BEGIN + timedelta(days=1), 900, tuple(shares[96:]), "two"),
    ]


def test_a_change_within_a_period_costs_a_few_segments_and_no_finer_steps_elsewhere() -> None:
    slots = [Slot(BEGIN + index * QUARTER, 3000 + index) for index in range(96)]
    lifted = Slot(BEGIN + timedelta(hours=9, seconds=197), 10_000)
    ended = Slot(BEGIN + timedelta(hours=9, minutes=7, seconds=11), slots[36].share)
    ordered = tuple(sorted([*slots, lifted, ended], key=lambda slot: slot.start))
    segments = make_segments(Schedule(ordered, BEGIN + timedelta(days=1)))
    assert sum(len(segment.shares) for segment in segments) <= 150
    assert len(segments) <= 16


def test_a_later_segment_cuts_an_earlier_one_off_and_the_last_share_holds_on() -> None:
    cut = Segment(BEGIN, 900, (1, 2, 3, 4))
    late = Segment(BEGIN + timedelta(minutes=20), 60, (7,))
    assert read_segments([cut, late]) == [Slot(BEGIN, 1), Slot(BEGIN + QUARTER, 2), Slot(late.start, 7)]


@given(st.integers(1, 10**11), st.integers(1, 10**11))
def test_a_power_comes_back_to_within_half_a_share(power_uw: int, max_uw: int) -> None:
    power_uw, max_uw = sorted((power_uw, max_uw))
    again = cap_uw(share_of(power_uw, max_uw), 0, max_uw)
    assert again <= max_uw
    assert abs(again - power_uw) <= max_uw / (2 * FULL_SHARE) + 1
    assert cap_uw(share_of(max_uw, max_uw), 1, max_uw) == max_uw


def test_a_share_below_min_power_is_min_power() -> None:
    assert cap_uw(0, 10, 40) == 10
    assert cap_uw(714, 10_000_000, 140_000_000) == 10_000_000


@given(st.lists(st.integers(0, FULL_SHARE), min_size=1, max_size=MAX_SHARES))
def test_shares_are_read_as_they_were_packed(shares: list[int]) -> None:
    text = pack_shares(shares)
    assert len(text) <= LONGEST_SHARES
    assert re.match(SHARES_PATTERN, text)
    assert unpack_shares(text) == tuple(shares)
    assert [round(float(word) * 100) for word in text.split()] == shares


def test_shares_are_percent() -> None:
    assert pack_shares([10_000, 6_309, 550, 5, 0]) == "100 63.09 5.5 0.05 0"
    assert unpack_shares("100.00 7.50 07") == (10_000, 750, 700)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "63.", ".5", "63.091", "100.01", "101", "1e1", "-1", "+1", "1_0", "63,09", "50 ", " 50",
        "50  50", "50\n50", "50\t50", "nan", "٥٠", "7ps", "50" + " 50" * 512,
    ],
)  # fmt: skip
def test_what_is_no_shares_is_refused(text: str) -> None:
    assert len(text) > LONGEST_SHARES // 2 or not re.fullmatch(SHARES_PATTERN, text, re.ASCII)
    with pytest.raises(ValueError, match=r"more than 512 shares|no percentage from 0 to 100"):
        unpack_shares(text)

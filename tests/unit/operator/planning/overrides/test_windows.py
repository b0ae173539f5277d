"""Which overrides hold on a node, and what they come to together."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from powercap_api.poweroverride import PowerOverride, parse_duration, parse_limit
from powercap_api.schedule import MAX_WINDOWS, Window, window_at
from powercap_api.units import PowerFormatError
from powercap_operator.planning.overrides.matching import MOST, Matching
from powercap_operator.planning.overrides.resolved_override import resolve_override
from powercap_operator.planning.overrides.sweep import make_windows
from powercap_operator.planning.overrides.windows import (
    lay_windows,
    next_look,
    read_overrides,
    surplus_overrides,
)
from powercap_operator.world.snapshot import NodeView
from powercap_operator.world.unreadable import unreadable_status
from tests.support.objects import make_node, make_override, make_world, moment

WATT = 1_000_000
MORNING = moment("2025-10-09T07:00Z")
FIVE, SEVEN = moment("2025-10-09T17:00Z"), moment("2025-10-09T19:00Z")
SIX = moment("2025-10-09T18:00Z")


def windows(*overrides: PowerOverride) -> list[Window]:
    return make_windows([resolve_override(override, MORNING) for override in overrides])


def look(
    overrides: Iterable[PowerOverride], nodes: Iterable[NodeView], now: datetime, kept: Matching | None = None
) -> Matching:
    """What is known of nodes and overrides, with what was known before."""
    matching = kept or Matching()
    read_overrides(make_world(nodes=nodes, overrides=overrides), now, matching)
    return matching


def at(hour: int, *overrides: PowerOverride) -> Window | None:
    return window_at(windows(*overrides), moment(f"2025-10-09T{hour:02}:30Z"))


@pytest.mark.parametrize(
    ("text", "share", "cap_uw"),
    [("60", None, 60 * WATT), ("50%", 5_000, None), ("1%", 100, None), ("60000000u", None, 60 * WATT)],
)
def test_limits_are_watts_or_percent(text: str, share: int | None, cap_uw: int | None) -> None:
    assert parse_limit(text) == (share, cap_uw)


@pytest.mark.parametrize("text", ["0%", "101%", "5.5%", "-5%", "half", "", "0", "60W", "200000"])
def test_other_limits_are_refused(text: str) -> None:
    with pytest.raises(PowerFormatError):
        parse_limit(text)
    with pytest.raises(ValidationError):
        make_override(limit=text)


@pytest.mark.parametrize(
    ("text", "minutes"), [("2h", 120), ("90m", 90), ("1h30m", 90), ("60s", 1), ("744h", 44_640)]
)
def test_durations_are_hours_minutes_and_seconds(text: str, minutes: int) -> None:
    assert parse_duration(text) == timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["", "2", "2d", "0s", "745h", "h", "-2h", "1.5h"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no duration|not from 1 second"):
        parse_duration(text)


def test_begin_and_end() -> None:
    given_both = resolve_override(make_override(), MORNING)
    assert (given_both.start, given_both.end) == (FIVE, SEVEN)
    from_creation = resolve_override(make_override(start=None, duration="90m"), MORNING)
    assert (from_creation.start, from_creation.end) == (
        moment("2025-10-09T06:00Z"),
        moment("2025-10-09T07:30Z"),
    )


def test_selectors_and_names() -> None:
    nodes = [make_node("a", pool="x"), make_node("b", pool="y"), make_node("c")]

    def found(**spec: Any) -> set[str]:
        return set(look([make_override(**spec)], nodes, MORNING).windows)

    assert found() == {"a", "b", "c"}
    assert found(nodeSelector={"pool": "x"}) == {"a"}
    assert found(nodes=["b", "gone"]) == {"b"}
    assert look([make_override()], nodes, SEVEN).windows == {}


def test_nodes_with_the_same_overrides_share_their_windows() -> None:
    found = look([make_override()], [make_node(f"n{number}") for number in range(50)], MORNING).windows
    assert len(found) == 50
    assert len({id(each) for each in found.values()}) == 1


def test_the_lowest_limit_counts_while_several_hold() -> None:
    high, low = make_override(limit="60"), make_override("low", limit="20", start="2025-10-09T18:00:00Z")
    assert [(w.start, w.end, w.cap_uw, w.basis) for w in windows(high, low)] == [
        (FIVE, SIX, 60 * WATT, "PowerOverride evening: the grid asks"),
        (SIX, SEVEN, 20 * WATT, "PowerOverride low: the grid asks"),
    ]


def test_priority_does_not_raise_a_limit() -> None:
    found = at(17, make_override(limit="60", priority=10), make_override("low", limit="20"))
    assert found is not None
    assert found.cap_uw == 20 * WATT


def test_watts_and_percent_are_both_kept_for_the_agent_takes_the_lower() -> None:
    found = at(17, make_override(limit="60"), make_override("half", limit="50%"))
    assert found is not None
    assert (found.cap_uw, found.share) == (60 * WATT, 5_000)
    assert found.limit_uw(10 * WATT, 100 * WATT) == 50 * WATT
    assert found.limit_uw(10 * WATT, 200 * WATT) == 60 * WATT
    assert found.limit_uw(70 * WATT, 200 * WATT) == 70 * WATT
    assert found.basis == "PowerOverride evening: the grid asks; half: the grid asks"


@pytest.mark.parametrize(
    ("limit", "release", "released"),
    [
        ({}, {}, True),
        ({"source": "grid"}, {}, False),
        ({"source": "grid"}, {"priority": 100}, False),
        ({"priority": 1}, {}, False),
        ({"priority": 1}, {"priority": 1}, True),
        ({"priority": 1}, {"priority": 2}, True),
    ],
)
def test_a_release_against_a_limit(limit: dict[str, Any], release: dict[str, Any], released: bool) -> None:
    found = at(17, make_override(**limit), make_override("job", release=True, **release))
    assert found is not None
    assert found.release is released
    assert found.cap_uw == (None if released else 30 * WATT)


def test_a_release_that_loses_is_as_if_it_were_not_there() -> None:
    """The grid allows 60 W; a person's own 20 W counts too, for the release lifts neither."""
    found = at(
        17,
        make_override("grid", limit="60", source="grid"),
        make_override("mine", limit="20"),
        make_override("job", release=True),
    )
    assert found is not None
    assert found.cap_uw == 20 * WATT


def test_the_grid_s_limit_cuts_a_hole_into_a_release() -> None:
    job = make_override("job", release=True, start="2025-10-09T12:00:00Z", end="2025-10-09T22:00:00Z")
    found = windows(job, make_override("grid", source="grid"))
    assert [(w.start.hour, w.end.hour, w.release) for w in found] == [
        (12, 17, True),
        (17, 19, False),
        (19, 22, True),
    ]


SECONDS = st.integers(0, 100)


@given(
    st.lists(st.tuples(SECONDS, SECONDS, st.none() | st.integers(1, 99), st.booleans()), max_size=7),
    SECONDS,
)
def test_windows_say_at_every_second_what_the_rules_say(
    drawn: list[tuple[int, int, int | None, bool]], second: int
) -> None:
    overrides = [
        resolve_override(
            make_override(
                f"o{index}",
                start=(FIVE + timedelta(seconds=min(a, b))).isoformat(),
                end=(FIVE + timedelta(seconds=max(a, b) + 1)).isoformat(),
                release=watts is None,
                limit=None if watts is None else str(watts),
                source="grid" if grid else "person",
            ),
            MORNING,
        )
        for index, (a, b, watts, grid) in enumerate(drawn)
    ]
    found = make_windows(overrides)
    for before, after in pairwise(found):
        assert before.end <= after.start
    now = FIVE + timedelta(seconds=second)
    holding = [one for one in overrides if one.holds(now)]
    got = window_at(found, now)
    limits = [one.cap_uw for one in holding if one.cap_uw is not None]
    grid = any(one.cap_uw is not None and one.override.spec.source == "grid" for one in holding)
    if not holding:
        assert got is None
    elif any(one.release for one in holding) and not grid:
        assert got is not None
        assert got.release
    else:
        assert got is not None
        assert got.cap_uw == min(limits)


def laid(spec: dict[str, Any] | None, coming: list[Window], now: datetime) -> dict[str, Any]:
    """A budget's spec with these windows laid."""
    found = lay_windows(spec, coming, moment("2025-10-09T00:00Z"), now)
    return {} if found is None else {"overrides": [window.to_wire() for window in found]}


def test_laying_the_same_again_changes_nothing_before_while_and_after_it_holds() -> None:
    coming = windows(make_override())
    spec = laid(None, coming, MORNING)
    for now in (FIVE, FIVE + timedelta(seconds=1, microseconds=7), SEVEN - timedelta(seconds=1)):
        assert laid(spec, coming, now) == spec
    assert laid(spec, [], SEVEN) == spec, "what is over stays as the record"
    assert laid(spec, [], SEVEN + timedelta(days=1)) == spec
    tomorrow = lay_windows(spec, [], moment("2025-10-10T00:00Z"), moment("2025-10-10T00:00Z"))
    assert tomorrow is None


def test_an_operator_that_starts_while_it_holds_lays_the_same() -> None:
    override, node = make_override(), make_node("node-a")
    spec = laid(None, windows(override), MORNING)
    now = SIX + timedelta(microseconds=993_735)
    coming = look([override], [node], now).windows["node-a"]
    assert laid(spec, list(coming), now) == spec


def test_an_edit_changes_what_is_to_come_and_not_what_was() -> None:
    spec = laid(None, windows(make_override()), MORNING)
    edited = laid(spec, windows(make_override(limit="20")), SIX)
    assert [(w["start"], w["end"], w["capMicrowatts"]) for w in edited["overrides"]] == [
        ("2025-10-09T17:00:00Z", "2025-10-09T18:00:00Z", 30 * WATT),
        ("2025-10-09T18:00:00Z", "2025-10-09T19:00:00Z", 20 * WATT),
    ]
    taken_back = laid(spec, [], SIX)
    assert [(w["start"], w["end"]) for w in taken_back["overrides"]] == [
        ("2025-10-09T17:00:00Z", "2025-10-09T18:00:00Z")
    ]


def test_a_budget_has_room_for_so_many_windows_and_the_next_ones_first() -> None:
    one = windows(make_override())[0]
    many = [
        replace(one, start=FIVE + timedelta(minutes=2 * n), end=FIVE + timedelta(minutes=2 * n + 1))
        for n in range(MAX_WINDOWS + 20)
    ]
    spec = laid(None, many, MORNING)
    assert len(spec["overrides"]) == MAX_WINDOWS
    assert spec["overrides"][0]["start"] == "2025-10-09T17:00:00Z"
    later = laid(spec, many, FIVE + timedelta(minutes=41))
    assert len(later["overrides"]) == MAX_WINDOWS
    assert later["overrides"][-1]["end"] == "2025-10-09T18:43:00Z"


def test_an_override_is_kept_for_a_day_after_its_end() -> None:
    resolved = resolve_override(make_override(), MORNING)
    day = timedelta(days=1)
    assert surplus_overrides([resolved], SEVEN + day - timedelta(seconds=1)) == ()
    assert surplus_overrides([resolved], SEVEN + day) == ("evening",)
    late = resolve_override(make_override(created="2025-10-12T06:00Z"), MORNING)
    assert surplus_overrides([late], moment("2025-10-13T05:59Z")) == (), "made after its end, as git may do"
    assert surplus_overrides([late], moment("2025-10-13T06:00Z")) == ("evening",)


def test_the_clock_is_looked_at_when_an_override_begins_and_ends() -> None:
    override = make_override()
    resolved = [resolve_override(override, MORNING)]
    assert next_look(resolved, MORNING) == FIVE
    assert next_look(resolved, FIVE) == FIVE + timedelta(seconds=5)
    assert next_look(resolved, SIX) == SEVEN
    assert next_look(resolved, SEVEN) is None


def test_one_that_cannot_be_worked_with_stops_no_other_and_is_told() -> None:
    """A begin so late that there is no time left for it to last."""
    odd = make_override("odd", start="2199-12-31T23:00:00Z", duration="2h")
    far = make_override("far", end="2199-12-31T23:59:59Z", start="2199-12-31T23:59:58Z")
    world = make_world(nodes=[make_node("a")], overrides=[odd, make_override(), far])
    read = read_overrides(world, MORNING, Matching())
    assert set(read.resolved) == {"evening", "far"}
    assert [one.name for one in read.faulty] == ["odd"]
    assert read.over == ()
    assert [window.cap_uw for window in read.matching.windows["a"]] == [30 * WATT, 30 * WATT]
    said = unreadable_status(read.faulty[0], MORNING)["conditions"]
    assert [(one["type"], one["status"], one["reason"]) for one in said] == [
        ("Active", "False", "Unreadable")
    ]
    assert said[0]["message"].endswith("It is not in force.")


def test_one_that_is_being_deleted_holds_no_more() -> None:
    gone = make_override("gone", limit="20")
    metadata = gone.metadata.model_copy(update={"deletion_timestamp": "2025-10-09T06:59:00Z"})
    leaving = gone.model_copy(update={"metadata": metadata})
    read = read_overrides(
        make_world(nodes=[make_node("a")], overrides=[leaving, make_override()]), MORNING, Matching()
    )
    assert set(read.resolved) == {"evening"}
    assert {window.cap_uw for window in read.matching.windows["a"]} == {30 * WATT}
    assert (read.faulty, read.over) == ((), ())


@given(st.lists(st.tuples(SECONDS, SECONDS, st.integers(1, 9)), max_size=12), SECONDS)
def test_windows_from_a_moment_on_are_the_last_of_all(drawn: list[tuple[int, int, int]], second: int) -> None:
    overrides = [
        resolve_override(
            make_override(
                f"o{index}",
                start=(FIVE + timedelta(seconds=min(a, b))).isoformat(),
                end=(FIVE + timedelta(seconds=max(a, b) + 1)).isoformat(),
                limit=str(watts),
            ),
            MORNING,
        )
        for index, (a, b, watts) in enumerate(drawn)
    ]
    since = FIVE + timedelta(seconds=second)
    every = [window for window in make_windows(overrides) if window.end > since]
    found = make_windows(overrides, since)
    assert len(found) == len(every)
    for window, wanted in zip(found, every, strict=True):
        assert (max(window.start, since), window.end) == (max(wanted.start, since), wanted.end)
        assert (window.cap_uw, window.basis) == (wanted.cap_uw, wanted.basis)


def test_selectors_match_by_every_label() -> None:
    nodes = {
        name: make_node(name, **labels)
        for name, labels in {
            "a": {"pool": "x", "zone": "1"},
            "b": {"pool": "x", "zone": "2"},
            "c": {"pool": "y", "zone": "1"},
            "d": {},
        }.items()
    }
    selectors: list[dict[str, str]] = [
        {"pool": "x"},
        {"zone": "1"},
        {"pool": "x", "zone": "1"},
        {"pool": "z"},
        {},
    ]
    assert [
        sorted(look([make_override(nodeSelector=selector)], nodes.values(), MORNING).windows)
        for selector in selectors
    ] == [
        ["a", "b"],
        ["a", "c"],
        ["a"],
        [],
        ["a", "b", "c", "d"],
    ]


def test_there_is_room_for_so_many_first_the_grids_then_those_of_before() -> None:
    many = [
        make_override(f"o{number:04}", created=f"2025-10-09T06:{number % 60:02}:00Z", limit="60")
        for number in range(MOST)
    ]
    late = make_override("late", created="2025-10-09T06:59:59Z", limit="20")
    grid = make_override("grid", created="2025-10-09T06:59:59Z", limit="50", source="grid")
    world = make_world(nodes=[make_node("a")], overrides=[*many, late, grid])
    read = read_overrides(world, MORNING, Matching())
    assert len(read.resolved) == MOST
    assert {one.name for one in read.faulty} == {"late", "o0959"}
    assert "more than 1000 overrides" in read.faulty[0].why
    assert [window.cap_uw for window in read.matching.windows["a"]] == [50 * WATT]


LABELS = st.dictionaries(st.sampled_from("pz"), st.sampled_from("12"))
DRAWN_NODES = st.dictionaries(st.sampled_from("abcdef"), LABELS)
DRAWN_OVERRIDES = st.dictionaries(
    st.sampled_from("uvwxyz"),
    st.tuples(
        SECONDS,
        st.integers(1, 30),
        st.none() | st.sampled_from(["10", "20", "30%", "40%"]),
        st.integers(-1, 1),
        LABELS | st.lists(st.sampled_from("abcg"), min_size=1, unique=True),
        st.booleans(),
    ),
)


def drawn_overrides(drawn: dict[str, Any]) -> list[PowerOverride]:
    return [
        make_override(
            name,
            start=(FIVE + timedelta(seconds=start)).isoformat(),
            end=(FIVE + timedelta(seconds=start + length)).isoformat(),
            limit=limit,
            release=limit is None,
            priority=priority,
            source="grid" if grid else "person",
            **({"nodes": where} if isinstance(where, list) else {"nodeSelector": where}),
        )
        for name, (start, length, limit, priority, where, grid) in drawn.items()
    ]


@given(st.lists(st.tuples(DRAWN_NODES, DRAWN_OVERRIDES, SECONDS), min_size=1, max_size=4))
def test_windows_that_are_kept_say_what_those_say_that_are_worked_out_anew(looks: list[Any]) -> None:
    """Whatever comes and goes between two looks, and wherever the clock is set."""
    kept = Matching()
    for labels, drawn, second in looks:
        now = FIVE + timedelta(seconds=second)
        nodes = [make_node(name, **own) for name, own in labels.items()]
        overrides = drawn_overrides(drawn)
        look(overrides, nodes, now, kept)
        for node in nodes:
            matching = [
                resolve_override(one, now)
                for one in overrides
                if (
                    (one.spec.node_selector or {}).items() <= node.labels.items()
                    if one.spec.nodes is None
                    else node.name in one.spec.nodes
                )
            ]
            assert lay_windows(None, kept.windows.get(node.name, ()), FIVE, now) == lay_windows(
                None, make_windows(matching, now), FIVE, now
            )

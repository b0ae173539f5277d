"""What the commands on a cluster make of its objects."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console

from powercap_api.budget.status import BudgetDraw, DrawOf
from powercap_api.schedule import pack_shares
from powercap_cli.cluster.node_view import node_view
from powercap_cli.cluster.overview import market_clock, overview
from powercap_cli.cluster.screen import Screen
from powercap_cli.cluster.status import show_node, show_overview

NOW = datetime(2025, 10, 9, 10, 7, tzinfo=UTC)


def ready(status: str, reason: str, message: str = "why") -> list[dict[str, str]]:
    return [{"type": "Ready", "status": status, "reason": reason, "message": message}]


def budget(name: str, **status: Any) -> dict[str, Any]:
    spec = {
        "policy": "default",
        "schedule": [
            {
                "start": "2025-10-08T22:00:00Z",
                "stepSeconds": 900,
                "shares": pack_shares([5000] * 48 + [2500] + [7500] * 47),
                "basis": "FR IDA1 of 2025-10-09: Volume",
            }
        ],
        "maxSourceMicrowatts": 100_000_000,
        "minPowerMicrowatts": 40_000_000,
        "validUntil": "2025-10-09T22:00:00Z",
    }
    return {"metadata": {"name": name}, "spec": spec, "status": status}


POLICY = {
    "metadata": {"name": "default"},
    "spec": {"maxSource": "100", "strategy": {"type": "Volume"}},
    "status": {
        "market": "FR IDA1",
        "nodes": 2,
        "nodesReady": 1,
        "current": {"share": "50 %", "cap": "50 W", "price": "95.69 EUR/MWh"},
        "conditions": ready("False", "NodesNotReady", "1 of 2 nodes does not follow: b"),
    },
}


def day(name: str, delivery_day: str, **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"deliveryDate": delivery_day}, "status": status}


def shown(draw: Any, seen: Any, *clock: Any) -> str:
    """As a pipe gets it."""
    out = io.StringIO()
    draw(Screen(Console(file=out, highlight=False)), seen, *clock)
    return out.getvalue()


def test_nodes_that_do_not_follow_are_named_and_unsupported_ones_counted() -> None:
    budgets = [
        budget("c"),
        budget("b", conditions=ready("False", "WriteFailed", "locked by firmware")),
        budget("a", conditions=ready("True", "Applied")),
        budget("vm", conditions=ready("False", "Unsupported")),
    ]
    nodes = overview([], [], budgets, NOW)["nodes"]
    assert (nodes["total"], nodes["following"], nodes["unsupported"]) == (4, 1, 1)
    assert [one["name"] for one in nodes["notFollowing"]] == ["b", "c"]
    assert nodes["notFollowing"][1]["reason"] == "NoReport"


def test_market_days_long_over_are_left_out_and_impossible_ones_are_not() -> None:
    complete = [{"type": "Complete", "status": "True", "reason": "Complete", "message": "96 periods"}]
    days = [
        day("old", "2025-10-01"),
        day("today", "2025-10-09", conditions=complete),
        day("impossible", "2025-02-31"),
    ]
    assert [(one["name"], one["complete"]) for one in overview([], days, [], NOW)["marketDays"]] == [
        ("today", "True"),
        ("impossible", "Unknown"),
    ]


def test_the_screen_shows_it_without_colours_where_it_is_piped() -> None:
    seen = overview(
        [POLICY], [day("epex-fr", "2025-10-09")], [budget("b", conditions=ready("False", "WriteFailed"))], NOW
    )
    text = shown(show_overview, seen)
    for word in (
        "default",
        "FR IDA1",
        "95.69 EUR/MWh",
        "NodesNotReady",
        "1 of 2 nodes does not follow",
        "epex-fr",
    ):
        assert word in text
    assert "0 of 1 nodes follow their budget" in text
    assert "b     WriteFailed  why" in text
    assert "\x1b" not in text


def test_a_cluster_without_a_policy_says_what_to_do() -> None:
    assert "kubectl explain powerpolicy.spec" in shown(show_overview, overview([], [], [], NOW))


def test_many_nodes_are_cut_off_with_their_number() -> None:
    budgets = [budget(f"node-{number}") for number in range(30)]
    assert "and 10 more" in shown(show_overview, overview([POLICY], [], budgets, NOW))


def test_a_node_s_slots_begin_with_the_one_that_holds() -> None:
    seen = node_view(budget("a"), NOW)
    assert [(slot["start"], slot["share"], slot["cap"]) for slot in seen["slots"]] == [
        ("2025-10-09T10:00:00Z", "25 %", "40 W"),
        ("2025-10-09T10:15:00Z", "75 %", "75 W"),
    ]
    assert seen["slots"][1]["end"] == "2025-10-09T22:00:00Z"
    assert seen["slots"][0]["why"] == "FR IDA1 of 2025-10-09: Volume"


def test_caps_in_percent_stay_in_percent() -> None:
    body = budget("a")
    del body["spec"]["maxSourceMicrowatts"], body["spec"]["minPowerMicrowatts"]
    body["spec"] |= {"maxSourcePercent": 80, "minPowerPercent": 30}
    assert [slot["cap"] for slot in node_view(body, NOW)["slots"]] == [
        "30.0 % of its limits",
        "60.0 % of its limits",
    ]


def test_a_node_s_limits_draw_and_overrides() -> None:
    body = budget(
        "a",
        conditions=ready("True", "Applied", "The cap of 40 W is in force."),
        current={"cap": "40 W", "applied": "39.9 W", "share": "25 %", "why": "25 % of 100 W", "draw": "31 W"},
        draw=BudgetDraw(
            seconds=900,
            average_microwatts=338_900_000,
            peak_microwatts=350_000_000,
            packages=DrawOf(average_microwatts=39_900_000, peak_microwatts=40_000_000, binds=True),
            accelerators=DrawOf(average_microwatts=300_000_000, peak_microwatts=310_000_000, binds=False),
        ).to_wire(),
        zones=[
            {
                "zone": "intel-rapl/intel-rapl:0",
                "name": "package-0",
                "limits": [
                    {
                        "constraint": "long_term",
                        "originalMicrowatts": 120_000_000,
                        "readBackMicrowatts": 39_875_000,
                        "requestedMicrowatts": 40_000_000,
                        "reason": "Applied",
                    }
                ],
            }
        ],
    )
    body["spec"]["overrides"] = [
        {"start": "2025-10-09T08:00:00Z", "end": "2025-10-09T09:00:00Z", "capMicrowatts": 50_000_000},
        {
            "start": "2025-10-09T17:00:00Z",
            "end": "2025-10-09T19:00:00Z",
            "share": 7000,
            "basis": "grid: asked",
        },
        {"start": "2025-10-09T20:00:00Z", "end": "2025-10-09T21:00:00Z", "basis": "demo"},
    ]
    seen = node_view(body, NOW)
    assert [(one["limit"], one["why"]) for one in seen["overrides"]] == [
        ("70 % of maxSource", "grid: asked"),
        ("original limits", "demo"),
    ]
    text = shown(show_node, seen)
    for word in (
        "The cap of 40 W is in force.",
        "in the 15 min measured before this slot:",
        "packages drew 39.9 W: their cap held them back",
        "accelerators drew 300 W: their cap did not hold them back",
        "package-0",
        "39.9 W",
        "120 W",
        "grid: asked",
    ):
        assert word in text


def test_a_schedule_that_is_over_has_no_slots() -> None:
    assert node_view(budget("a"), NOW + timedelta(days=2))["slots"] == []


def test_overrides_in_force_are_told_and_others_are_not() -> None:
    def override(name: str, state: str, **spec: Any) -> dict[str, Any]:
        spec = {"source": "grid", "reason": "the grid asks", **spec}
        status = {"state": state, "nodes": 3, "asked": "180 W", "end": "2025-10-09T17:00:00Z"}
        return {"metadata": {"name": name}, "spec": spec, "status": status}

    overrides = [
        override("evening", "Active", limit="60"),
        override("run", "Active", release=True),
        override("later", "Pending", limit="60"),
        {"metadata": {"name": "unseen"}, "spec": {"limit": "60", "reason": "x"}},
    ]
    seen = overview([], [], [], NOW, overrides)
    assert [(one["name"], one["limit"]) for one in seen["overrides"]] == [
        ("evening", "60"),
        ("run", "original limits"),
    ]
    text = shown(show_overview, seen, ZoneInfo("Europe/Paris"))
    assert "Overrides in force, times in Europe/Paris" in text
    assert "evening   Thu 19:00  60               3      180 W  -         grid    the grid asks" in text
    assert "Overrides" not in shown(show_overview, overview([], [], [], NOW))


def test_a_node_s_day_is_told_once_after_what_is_in_force() -> None:
    text = shown(show_node, node_view(budget("a"), NOW), ZoneInfo("Europe/Paris"))
    assert text.index("NOW") < text.index("Limits") < text.index("Caps until Fri 00:00 at most")
    assert text.count("FR IDA1 of 2025-10-09: Volume") == 1
    assert "Times are in Europe/Paris." in text
    assert "Thu 12:00  Thu 12:15  25 %   40 W" in text
    assert "Thu 10:00  Thu 10:15  25 %   40 W" in shown(show_node, node_view(budget("a"), NOW))


def test_slots_that_show_the_same_are_one() -> None:
    body = budget("a")
    body["spec"]["schedule"][0]["shares"] = pack_shares([1000, 2000] * 48)
    (slot,) = node_view(body | {"spec": {**body["spec"], "minPowerMicrowatts": 100_000_000}}, NOW)["slots"][
        :1
    ]
    assert slot["end"] == "2025-10-09T10:15:00Z"  # the same cap, at another share
    body["spec"]["schedule"][0]["shares"] = pack_shares([5000, 5001] * 48)
    assert [(one["start"], one["end"]) for one in node_view(body, NOW)["slots"]] == [
        ("2025-10-09T10:00:00Z", "2025-10-09T22:00:00Z")
    ]


def test_one_clock_is_the_market_s_or_utc() -> None:
    def policy(area: str) -> dict[str, Any]:
        return {"spec": {"market": {"area": area}}}

    assert str(market_clock([policy("FR"), policy("FR")])) == str(market_clock([POLICY]))
    assert market_clock([policy("FR"), policy("nowhere")]) == market_clock([policy("FR")])
    assert market_clock([]) is UTC

"""When PowerOverrides begin, end and are deleted, and the node label: an operator and a clock for each test."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dev.cluster.control_plane import ControlPlane
from dev.lab.stage import Stage, wait_until
from powercap_api.clock import format_time
from powercap_api.names import POWER_LABEL
from tests.api.test_overrides import NODE, WATT, opened, reason, state, until_cap
from tests.support.contract_cases import override


@pytest.fixture
def stage(shared_control_plane: ControlPlane, tmp_path: Path) -> Iterator[Stage]:
    with opened(shared_control_plane, tmp_path, "--node-labels") as stage:
        yield stage


def window_is_there(stage: Stage) -> bool:
    return bool(stage.get("powerbudget", NODE)["spec"].get("overrides"))


def test_begin_and_end_come_on_the_second_without_operator_and_api_server(stage: Stage) -> None:
    """The clock of the agent alone brings both about: the API server is asked nothing in between."""
    start = stage.clock.now().replace(microsecond=0) + timedelta(hours=1, seconds=7)
    times = {"start": format_time(start), "end": format_time(start + timedelta(minutes=3, seconds=1))}
    stage.apply(override(limit="50%", duration=None, **times))
    wait_until(lambda: window_is_there(stage), "the window is in the budget")
    wait_until(lambda: reason(stage, "Active") == "Pending", "pending")
    stage.operator.stop(10)
    stage.control_plane.stop_api_server()
    try:
        stage.advance(start - timedelta(seconds=3) - stage.clock.now())
        wait_until(lambda: stage.node_cap(NODE) == 20 * WATT, "50 % of 40 W", 20)
        assert stage.clock.now() >= start, "not before its begin"
        stage.advance(start + timedelta(minutes=3) - timedelta(seconds=2) - stage.clock.now())
        assert stage.node_cap(NODE) == 20 * WATT
        until_cap(stage, 40, 20)
        assert stage.clock.now() >= start + timedelta(minutes=3, seconds=1), "not before its end"
    finally:
        stage.control_plane.start_api_server()
    stage.start_operator()
    wait_until(lambda: reason(stage, "Active") == "Over", "over", 60)


@pytest.mark.long
def test_it_is_deleted_a_day_after_its_end_and_told_in_events(stage: Stage) -> None:
    start = datetime.now(UTC).replace(microsecond=0)
    stage.apply(override(limit="25", duration="5m", start=format_time(start)))
    until_cap(stage, 25)
    wait_until(lambda: reason(stage, "Achieved") == "Achieved", "achieved", 30)
    stage.advance(timedelta(minutes=6))
    until_cap(stage, 40)
    wait_until(lambda: reason(stage, "Active") == "Over", "over", 30)
    assert state(stage)["achieved"] == "25 W", "the record of what came of it"

    def told() -> set[str]:
        events = stage.get("events")["items"]
        return {event["reason"] for event in events if event["involvedObject"]["kind"] == "PowerOverride"}

    wait_until(lambda: {"Active", "Achieved", "Over"} <= told(), f"events, not {told()}", 30)
    stage.advance(timedelta(days=1))
    # Nothing is deleted for minutes after the clock has jumped.
    wait_until(lambda: not stage.get("poweroverrides")["items"], "deleted", 300)


def test_nodes_are_labelled_by_their_cap_for_schedulers(stage: Stage) -> None:
    def label() -> str:
        return str(stage.get("node", NODE)["metadata"].get("labels", {}).get(POWER_LABEL, ""))

    wait_until(lambda: label() == "high", "40 W of 40 W")
    stage.apply(override(limit="50%"))
    wait_until(lambda: label() == "normal", "20 W of 40 W")
    stage.apply(override("more", limit="12"))
    wait_until(lambda: label() == "low", "12 W of 40 W")
    stage.control_plane.kubectl("delete", "pwo", "--all")
    wait_until(lambda: label() == "high", "40 W again")
    stage.control_plane.kubectl("delete", "powerpolicy", "--all")
    wait_until(lambda: label() == "", "no budget, no label")

"""What the status says is so, and what it is made from cannot end the limits."""

import errno
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dev.lab.fake_sysfs import NO_POWERCAP, PACKAGE, set_limit
from powercap_agent.mailbox import BudgetSeen
from powercap_agent.status.budget_status import Status
from powercap_agent.status.publisher import Urgency
from tests.support.agent_parts import BOUNDS, QUARTER, Machine, Rehearsal, Sink, budget_body
from tests.support.turns import WATT, at, condition, nothing, package_watts, seconds_pass, seen


def message(status: Status, kind: str = "Ready") -> str:
    """What a condition says."""
    (found,) = [one["message"] for one in status["conditions"] if one["type"] == kind]
    return str(found)


@pytest.mark.parametrize("slowly", [{"dwellSeconds": 7200}, {"rampMicrowattsPerSecond": 10_000}])
def test_a_limit_that_is_lost_on_the_way_down_is_told_at_the_next_check(
    node: Machine, slowly: dict[str, Any]
) -> None:
    rehearsal = Rehearsal(node)

    def lose() -> None:
        set_limit(node.root, PACKAGE, 65 * WATT)
        node.kernel.refuse_write = lambda _: errno.EACCES

    rehearsal.run(
        [
            seen([60, 50, 50, 30], stabilisationSeconds=60, **slowly),
            nothing,
            at(node, QUARTER),
            at(node, 3 * QUARTER),
            lose,
            seconds_pass(node, 61),
            nothing,
        ]
    )
    told = [condition(status)[1] for status in rehearsal.sink.statuses]
    assert told[1] == "Lowering"
    assert told[-2] in ("WriteFailed", "PartlyApplied")
    assert rehearsal.sink.statuses[-2]["current"]["applied"] == "65 W"


def test_limits_that_a_killed_agent_left_and_that_stay_are_told(node: Machine) -> None:
    node.enforcer().enforce(30 * WATT, BOUNDS)
    rehearsal = Rehearsal(node)
    rehearsal.run([seen([], onExpiry="Hold", validUntil="2025-10-10T00:00:00Z"), nothing])
    first = rehearsal.sink.statuses[0]
    assert package_watts(rehearsal)[-1] == 30
    assert first["current"]["applied"] == "30 W"
    assert message(first, "Applied") == "The limits stay as they are: 30 W in force."


def test_limits_that_nobody_changed_and_that_stay_are_the_originals(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    rehearsal.run([seen([], onExpiry="Hold", validUntil="2025-10-10T00:00:00Z"), nothing])
    first = rehearsal.sink.statuses[0]
    assert message(first, "Applied") == "The original limits are in force."
    assert first["current"]["applied"] is None


def test_a_status_that_the_agent_before_sent_late_is_corrected(node: Machine) -> None:
    stopped = {
        "observedGeneration": 1,
        "conditions": [
            {"type": kind, "status": "False", "reason": "Stopped", "message": "", "lastTransitionTime": "x"}
            for kind in ("Applied", "Ready")
        ],
    }
    rehearsal = Rehearsal(node)
    rehearsal.run(
        [seen([40]), nothing, BudgetSeen(budget_body([40]) | {"status": stopped}), nothing, nothing]
    )
    told = [condition(status)[1] for status in rehearsal.sink.statuses]
    assert told == ["Applied", "Applied", "Stopped"]


def test_a_percentage_of_nothing_is_told(tmp_path: Path) -> None:
    node = Machine(tmp_path, NO_POWERCAP)
    window = {"start": "2025-10-09T11:00:00Z", "end": "2025-10-09T13:00:00Z", "share": 7000, "basis": "grid"}
    body = budget_body([], maxSourcePercent=80, onExpiry="Release", overrides=[window])
    body["spec"]["validUntil"] = "2025-10-10T00:00:00Z"
    del body["spec"]["maxSourceMicrowatts"]
    rehearsal = Rehearsal(node)
    rehearsal.run([BudgetSeen(body), nothing])
    assert condition(rehearsal.sink.statuses[0]) == ("False", "Unsupported")


class Failing(Sink):
    """Fails with the first status."""

    def submit(self, status: Status, urgency: Urgency) -> None:
        if not self.statuses and condition(status)[1] == "Applied":
            raise ZeroDivisionError("a defect")
        super().submit(status, urgency)


def test_a_defect_of_the_status_is_told_once_and_ends_nothing(node: Machine) -> None:
    rehearsal = Rehearsal(node, Failing())
    wait = timedelta(seconds=61)
    rehearsal.run(
        [seen([40, 30], stabilisationSeconds=60), nothing, lambda: node.time.pass_by(wait), at(node, QUARTER)]
    )
    assert package_watts(rehearsal) == [65, 40, 40, 30]
    first = rehearsal.sink.statuses[0]
    assert condition(first) == ("False", "StatusFailed")
    assert "ZeroDivisionError('a defect')" in message(first)
    assert [condition(status)[1] for status in rehearsal.sink.statuses[1:]] == [
        "Applied",
        "Applied",
        "Stopped",
    ]


def test_a_zone_that_reads_0_and_is_disabled_is_no_fault(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    rehearsal.run([seen([40], zones=[{"zone": "core", "sharePercent": 80}]), nothing])
    first = rehearsal.sink.statuses[0]
    assert condition(first) == ("True", "Applied")
    (core,) = [zone for zone in first["zones"] if zone["name"] == "core"]
    assert "nothing is capped in it" in core["limits"][0]["message"]
    assert (node.root / "intel-rapl/intel-rapl:0/intel-rapl:0:0/enabled").read_text() == "0\n"

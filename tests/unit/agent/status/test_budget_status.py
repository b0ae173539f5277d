"""What the agent says: always valid by the model, stable, and readable."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from powercap_agent.enforce.results import LowOriginal, Report, ZoneResult
from powercap_agent.hardware.zone import Zone
from powercap_agent.schedule.budget import read_budget
from powercap_agent.schedule.directive import directive_at
from powercap_agent.status.budget_status import build_refusal, build_status, format_period, says_the_same
from powercap_agent.status.conditions import MeasuredDraw, NodeState
from powercap_agent.status.ledger import Draw, NodeDraw, Part
from powercap_agent.status.publisher import Urgency, urgency_of
from powercap_api.budget.status import PowerBudgetStatus
from powercap_api.reasons import ZoneReason
from powercap_api.schedule import pack_shares
from tests.support.agent_parts import NOON, QUARTER, budget_body

ZONE = Zone("intel-rapl/package-0", "intel-rapl/intel-rapl:0", "intel-rapl", "package-0", True, True, ())
POWERS = st.none() | st.integers(0, 10**11)
DRAWS = st.builds(Draw, st.integers(0, 10**11), st.integers(0, 10**11))


def result(reason: ZoneReason, constraint: str = "long_term", **fields: Any) -> ZoneResult:
    return ZoneResult(ZONE, constraint, reason, **fields)


def situation(report: Report, at: datetime = NOON, caps: list[int] | None = None, **fields: Any) -> NodeState:
    spec = fields.pop("spec", {})
    budget = read_budget(budget_body(caps if caps is not None else [40, 30], **spec))
    known = {"supported": True, "reapplied": 0} | fields
    return NodeState(budget, directive_at(budget, at), report, **known)


def ready(status: dict[str, Any], kind: str = "Ready") -> dict[str, Any]:
    (found,) = [condition for condition in status["conditions"] if condition["type"] == kind]
    return dict(found)


GOOD = Report((result(ZoneReason.APPLIED),), 40_000_000)


LOW = LowOriginal(ZONE, 40_000_000, 105_000_000)


def without_nones(status: dict[str, Any]) -> dict[str, Any]:
    """What the API server makes of a merge patch: None removes."""
    return {
        name: without_nones(value) if isinstance(value, dict) else value
        for name, value in status.items()
        if value is not None
    }


@given(
    report=st.builds(
        Report,
        st.lists(
            st.builds(
                ZoneResult,
                st.just(ZONE),
                st.sampled_from(["long_term", "short_term"]),
                st.sampled_from(ZoneReason),
                POWERS,
                POWERS,
                POWERS,
                st.none() | st.text(max_size=20),
                st.booleans(),
            ),
            max_size=6,
        ).map(tuple),
        POWERS,
        st.booleans(),
    ),
    offset=st.integers(-3600, 86_400),
    spec=st.fixed_dictionaries(
        {},
        optional={
            "onExpiry": st.sampled_from(["MinPower", "Hold", "Release"]),
            "suspend": st.booleans(),
            "dryRun": st.booleans(),
            "schedule": st.just([]),
        },
    ),
    supported=st.booleans(),
    reapplied=st.integers(0, 10**6),
    invalid=st.none() | st.text(max_size=20),
    draw=st.none()
    | st.builds(
        MeasuredDraw,
        st.builds(
            NodeDraw,
            st.floats(1, 1e6),
            DRAWS,
            st.dictionaries(st.sampled_from(Part), DRAWS),
            st.just(((ZONE, Draw(5, 6)),)),
        ),
        st.dictionaries(st.sampled_from(Part), st.integers(1, 10**11)),
    ),
    stopped=st.booleans(),
)
def test_every_status_is_valid_by_the_model(offset: int, **fields: Any) -> None:
    status = build_status(situation(at=NOON + timedelta(seconds=offset), **fields), NOON, None)
    model = PowerBudgetStatus.model_validate(status)
    assert model.to_wire() == without_nones(status)


def test_the_refusal_is_valid_too() -> None:
    status = build_refusal("schedule is no list", 3, NOON, None)
    assert PowerBudgetStatus.model_validate(status | {"current": None}).conditions[0].reason == "InvalidSpec"


def test_the_slot_in_words() -> None:
    body = budget_body([25.3, 5], maxSourceMicrowatts=40_000_000)
    body["spec"]["schedule"][0] |= {
        "shares": pack_shares([6309, 1200]),
        "basis": "FR IDA1 of 2025-10-09: Volume",
    }
    budget = read_budget(body)
    status = build_status(
        NodeState(budget, directive_at(budget, NOON), GOOD, supported=True, reapplied=0), NOON, None
    )
    assert without_nones(status)["current"] == {
        "start": "2025-10-09T12:00:00Z",
        "end": "2025-10-09T12:15:00Z",
        "period": "12:00-12:15 UTC",
        "capMicrowatts": 25_236_000,
        "appliedMicrowatts": 40_000_000,
        "cap": "25.2 W",
        "applied": "40 W",
        "share": "63 %",
        "why": "63 % of 40 W, FR IDA1 of 2025-10-09: Volume",
    }
    low = NodeState(budget, directive_at(budget, NOON + QUARTER), GOOD, supported=True, reapplied=0)
    current = build_status(low, NOON, None)["current"]
    assert (current["cap"], current["share"]) == ("10 W", "12 %")
    assert current["why"] == "12 % of 40 W, raised to minPower 10 W, FR IDA1 of 2025-10-09: Volume"


@pytest.mark.parametrize(
    ("made", "holds", "reason"),
    [
        (situation(GOOD), "True", "Applied"),
        (situation(Report(GOOD.results, 40_000_000, clamped=True)), "True", "Clamped"),
        (situation(Report((result(ZoneReason.FIRMWARE_LOCKED),))), "False", "WriteFailed"),
        (
            situation(Report((*GOOD.results, result(ZoneReason.READ_ONLY, "short_term")))),
            "False",
            "PartlyApplied",
        ),
        (situation(Report(), supported=False), "False", "Unsupported"),
        (situation(Report((result(ZoneReason.MMIO_LOWER),))), "True", "Applied"),
        (situation(Report((*GOOD.results, result(ZoneReason.LOWER_BY_OTHER)))), "True", "LowerByOther"),
        (situation(replace(GOOD, low_originals=(LOW,))), "True", "LowOriginal"),
        (situation(GOOD, invalid="schedule"), "False", "InvalidSpec"),
        (situation(GOOD, stopped=True), "False", "Stopped"),
        (situation(GOOD, at=NOON - QUARTER), "True", "Expired"),
        (situation(GOOD, at=NOON + timedelta(days=1)), "False", "Expired"),
        (situation(GOOD, at=NOON + timedelta(days=1), spec={"onExpiry": "Hold"}), "False", "Holding"),
        (situation(GOOD, at=NOON, caps=[]), "True", "Expired"),
    ],
)
def test_ready_and_its_reason(made: NodeState, holds: str, reason: str) -> None:
    condition = ready(build_status(made, NOON, None))
    assert (condition["status"], condition["reason"]) == (holds, reason)
    assert condition["message"]


def test_a_message_names_what_failed_and_why() -> None:
    failed = result(ZoneReason.FIRMWARE_LOCKED, message="firmware has locked the limit")
    message = ready(build_status(situation(Report((failed,))), NOON, None), "Applied")["message"]
    assert message == "intel-rapl/intel-rapl:0 long_term: FirmwareLocked, firmware has locked the limit"


@pytest.mark.parametrize("fields", [{}, {"stopped": True}, {"at": NOON + timedelta(days=1)}])
def test_clamp_bits_that_stay_behind_are_told_whatever_the_state(fields: dict[str, Any]) -> None:
    message = ready(build_status(situation(replace(GOOD, reenabled=(ZONE,)), **fields), NOON, None))[
        "message"
    ]
    assert message.endswith(
        ". Something disabled intel-rapl/intel-rapl:0 under the cap. It was enabled again, with which the kernel sets"
        " the clamp bits: they stay set until the node reboots."
    )


def test_a_low_original_is_told_with_what_to_do() -> None:
    message = ready(build_status(situation(replace(GOOD, low_originals=(LOW,))), NOON, None))["message"]
    assert "intel-rapl/intel-rapl:0 40 W of 105 W" in message
    assert "agent.originalWatts" in message


def test_a_condition_keeps_its_time_until_its_status_changes() -> None:
    first = build_status(situation(GOOD), NOON, None)
    later = NOON + QUARTER
    second = build_status(situation(Report(GOOD.results, 1, clamped=True), at=later), later, first)
    assert ready(second)["reason"] == "Clamped"
    assert ready(second)["lastTransitionTime"] == ready(first)["lastTransitionTime"]
    third = build_status(situation(Report(), supported=False), later, second)
    assert ready(third)["lastTransitionTime"] == "2025-10-09T12:15:00Z"


def test_the_same_is_the_same_as_the_api_gives_it_back() -> None:
    status = build_status(situation(GOOD), NOON, None)
    assert says_the_same(status, without_nones(status))
    assert not says_the_same(status, None)
    assert not says_the_same(status, {})
    assert not says_the_same(status, without_nones(status) | {"reapplied": 1})


def test_periods_are_told_in_utc() -> None:
    assert format_period(datetime(2025, 10, 9, 23, 45, tzinfo=UTC), datetime(2025, 10, 10, tzinfo=UTC)) == (
        "23:45-00:00 UTC"
    )


def said(applied: tuple[str, str], ready: tuple[str, str], **fields: Any) -> dict[str, Any]:
    conditions = [
        {"type": kind, "status": status, "reason": reason}
        for kind, (status, reason) in (("Applied", applied), ("Ready", ready))
    ]
    return {"observedGeneration": 1, "reapplied": 0, "conditions": conditions} | fields


WELL = ("True", "Applied")


@pytest.mark.parametrize(
    ("before", "after", "urgency"),
    [
        (None, said(WELL, WELL), Urgency.SOON),
        (said(WELL, WELL), said(WELL, WELL, current={"cap": "20 W"}), Urgency.ROUTINE),
        (said(WELL, WELL), said(WELL, WELL, observedGeneration=2), Urgency.SOON),
        (said(WELL, WELL), said(WELL, WELL, reapplied=1), Urgency.SOON),
        (said(WELL, WELL), said(("True", "Clamped"), ("True", "Clamped")), Urgency.SOON),
        (said(WELL, WELL), said(("False", "WriteFailed"), ("False", "WriteFailed")), Urgency.AT_ONCE),
        (said(WELL, WELL), said(WELL, ("False", "InvalidSpec")), Urgency.AT_ONCE),
        (said(WELL, WELL), said(("True", "Lifted"), ("False", "Lifted")), Urgency.AT_ONCE),
        (None, said(("False", "WriteFailed"), ("False", "WriteFailed")), Urgency.AT_ONCE),
        (said(WELL, ("False", "Lifted")), said(WELL, ("False", "Lifted"), current={}), Urgency.ROUTINE),
        (said(WELL, ("False", "Lifted")), said(WELL, WELL), Urgency.SOON),
        (said(WELL, WELL), said(("False", "DryRun"), ("True", "DryRun")), Urgency.SOON),
    ],
)
def test_when_a_status_is_written(
    before: dict[str, Any] | None, after: dict[str, Any], urgency: Urgency
) -> None:
    assert urgency_of(after, before) is urgency

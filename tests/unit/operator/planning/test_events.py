"""Events tell of changes, once, and of nothing else."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from powercap_api.schema.model import Condition
from powercap_operator.planning.events import budget_events, condition_events, event_body
from powercap_operator.world.snapshot import BudgetView, KnownSpec


def one(kind: str, status: str, reason: str, message: str = "words") -> Condition:
    said = {"type": kind, "status": status, "reason": reason, "message": message}
    return Condition.model_validate({**said, "lastTransitionTime": "2025-10-09T12:00:00Z"})


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ([], [one("Complete", "True", "Complete")], [("Complete", False)]),
        ([one("Complete", "True", "Complete")], [one("Complete", "True", "Complete", "other words")], []),
        (
            [one("MarketData", "True", "Current")],
            [one("MarketData", "False", "Fallback")],
            [("Fallback", True)],
        ),
        (
            [one("MarketData", "False", "Fallback")],
            [one("MarketData", "True", "Current")],
            [("Current", False)],
        ),
        ([], [one("Ready", "False", "Suspended")], [("Suspended", False)]),
        ([], [one("Ready", "False", "NodesNotReady")], []),
        ([], [one("Ready", "False", "Pending"), one("MarketData", "Unknown", "Pending")], []),
        ([], [one("Ready", "False", "Missing"), one("MarketData", "False", "Missing")], [("Missing", True)]),
    ],
)
def test_a_condition_that_says_something_new_is_told(
    before: list[Condition], after: list[Condition], told: list[tuple[str, bool]]
) -> None:
    found = condition_events("PowerPolicy", "default", "uid", before, after)
    assert [(event.reason, event.warning) for event in found] == told


BUDGET = BudgetView("node", "uid", KnownSpec({}), "default", "owner", True, "Applied", "fine")


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (None, BUDGET, []),
        (BUDGET, BUDGET, []),
        (BUDGET, replace(BUDGET, message="other words"), []),
        (BUDGET, replace(BUDGET, ready=False, reason="WriteFailed"), [("WriteFailed", True)]),
        (BUDGET, replace(BUDGET, ready=False, reason="Suspended"), [("Suspended", False)]),
        (replace(BUDGET, ready=False, reason="Expired"), BUDGET, [("Applied", False)]),
        (BUDGET, replace(BUDGET, ready=False, reason=None), []),
    ],
)
def test_what_agents_came_to_report_is_told(
    before: BudgetView | None, after: BudgetView, told: list[tuple[str, bool]]
) -> None:
    found = budget_events({} if before is None else {"node": before}, {"node": after})
    assert [(event.reason, event.warning) for event in found] == told


def test_an_event_points_at_its_object_and_is_never_too_long() -> None:
    (event,) = condition_events(
        "MarketDay", "a-day", "uid-1", [], [one("Complete", "False", "Refused", "x" * 5000)]
    )
    body = event_body(event, datetime(2025, 10, 9, 12, tzinfo=UTC), "abc", "pod-1")
    assert body["metadata"] == {"name": "a-day.abc", "namespace": "default"}
    assert body["involvedObject"]["uid"] == "uid-1"
    assert body["type"] == "Warning"
    assert len(body["message"]) == 1024
    assert body["firstTimestamp"] == "2025-10-09T12:00:00Z"


def test_an_event_as_the_api_takes_it() -> None:
    (event,) = budget_events({"node": BUDGET}, {"node": replace(BUDGET, ready=False, reason="Failed")})
    assert event_body(event, datetime(2025, 10, 9, 12, tzinfo=UTC), "abc", "pod-1") == {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "node.abc", "namespace": "default"},
        "involvedObject": {
            "apiVersion": "powercap.dev/v1alpha1",
            "kind": "PowerBudget",
            "name": "node",
            "uid": "uid",
        },
        "type": "Warning",
        "reason": "Failed",
        "message": "fine",
        "source": {"component": "powercap-operator"},
        "reportingComponent": "powercap.dev/operator",
        "reportingInstance": "pod-1",
        "firstTimestamp": "2025-10-09T12:00:00Z",
        "lastTimestamp": "2025-10-09T12:00:00Z",
        "count": 1,
    }
    (event,) = condition_events("MarketDay", "a-day", "uid-1", [], [one("Complete", "True", "Complete")])
    body = event_body(event, datetime(2025, 10, 9, 12, tzinfo=UTC), "abc", "pod-1")
    assert (body["type"], body["involvedObject"]["kind"]) == ("Normal", "MarketDay")


def test_every_budget_and_every_condition_is_looked_at() -> None:
    other = replace(BUDGET, name="other")
    failed = replace(other, ready=False, reason="Failed", message=None)
    (event,) = budget_events(
        {"node": BUDGET, "other": other}, {"new": BUDGET, "node": BUDGET, "other": failed}
    )
    assert (event.name, event.message) == ("other", "")
    unchanged, changed = one("MarketData", "True", "Current"), one("Ready", "True", "Active")
    found = condition_events("PowerPolicy", "default", "uid", [unchanged], [unchanged, changed])
    assert [event.reason for event in found] == ["Active"]

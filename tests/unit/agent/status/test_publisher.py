"""What is submitted again, and what is not."""

from typing import Any

import pytest

from powercap_agent.status.publisher import StatusPublisher
from tests.support.agent_parts import NOON, Sink
from tests.unit.agent.status.test_budget_status import GOOD, situation


def body(status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "node-1", "uid": "uid-1"}, "status": status}


@pytest.mark.parametrize(
    ("seen", "again"),
    [
        (lambda published: published, False),
        (lambda _: None, True),
        (lambda _: {}, True),
        (lambda _: "a text", True),
        (lambda published: published | {"conditions": []}, True),
    ],
    ids=["as it was", "none", "emptied", "no object", "changed by another"],
)
def test_a_status_that_is_not_the_published_one_is_published_again(seen: Any, again: bool) -> None:
    sink = Sink()
    publisher = StatusPublisher(sink)
    publisher.observe(body(None))
    publisher.publish(situation(GOOD), NOON)
    (first,) = sink.statuses
    publisher.observe(body(seen(dict(first))))
    publisher.publish(situation(GOOD), NOON)
    assert len(sink.statuses) == 1 + again


def test_a_budget_that_is_made_anew_gets_its_status() -> None:
    sink = Sink()
    publisher = StatusPublisher(sink)
    publisher.observe(body(None))
    publisher.publish(situation(GOOD), NOON)
    publisher.observe(None)
    publisher.observe(body(None))
    publisher.publish(situation(GOOD), NOON)
    assert len(sink.statuses) == 2

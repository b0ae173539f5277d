"""What could hurt somebody: a stop that is not obeyed, an original that does not come back."""

import errno
from typing import Any

import pytest

from dev.lab.fake_sysfs import PACKAGE, set_limit
from tests.support.agent_parts import Machine, Rehearsal
from tests.support.turns import WATT, condition, nothing, package_watts, seen

NEWER: list[dict[str, Any]] = [
    {"onExpiry": "KeepLast"},
    {"zones": [{"zone": "die", "sharePercent": 10}]},
    {"split": "ByLoad"},
    {"schedule": "3dk"},
]
"""Words of a version that this one does not know."""


@pytest.mark.parametrize("newer", NEWER)
@pytest.mark.parametrize(
    ("obeyed", "watts"),
    [
        ({"suspend": True}, 65),
        ({"dryRun": True}, 65),
        ({"floor": {"basis": "pod jobs/long"}}, 65),
        ({"floor": {"basis": "pod jobs/long", "microwatts": 55 * WATT}}, 55),
        ({"overrides": [{"start": "2025-10-09T11:00:00Z", "end": "2025-10-09T13:00:00Z"}]}, 65),
        ({"liftUntil": "2025-10-09T13:00:00Z"}, 65),
    ],
)
def test_what_gives_limits_back_is_obeyed_beside_words_of_a_newer_version(
    node: Machine, newer: dict[str, Any], obeyed: dict[str, Any], watts: float
) -> None:
    rehearsal = Rehearsal(node)
    rehearsal.run([seen([40, 30]), nothing, seen([40, 30], **newer, **obeyed), nothing])
    assert package_watts(rehearsal) == [65, 40, 40, watts]
    assert condition(rehearsal.sink.statuses[-2]) == ("False", "InvalidSpec")


def test_a_stop_beside_newer_words_is_obeyed_after_a_restart_without_an_api_server_too(node: Machine) -> None:
    Rehearsal(node).run([seen([40]), seen([40], suspend=True, onExpiry="KeepLast"), nothing])
    rehearsal = Rehearsal(node)
    rehearsal.run([nothing, lambda: node.time.sleep(5), nothing])
    assert package_watts(rehearsal) == [65, 65, 65]


def test_a_stop_that_is_taken_back_is_obeyed(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    newer = {"onExpiry": "KeepLast"}
    rehearsal.run([seen([40]), seen([40], suspend=True, **newer), nothing, seen([40], **newer), nothing])
    assert package_watts(rehearsal) == [65, 40, 65, 65, 40]
    told = [status["conditions"][1]["message"] for status in rehearsal.sink.statuses]
    assert told[1].startswith("PowerPolicy default is suspended: the original limits are in force.")
    assert told[2].startswith("The spec cannot be followed, the last good one still is:")


def test_a_write_that_fails_once_at_the_end_is_tried_again(node: Machine) -> None:
    failures = iter([errno.EIO])
    rehearsal = Rehearsal(node)

    def once() -> None:
        node.kernel.refuse_write = lambda path: next(failures, None) if "constraint_0" in path else None

    assert rehearsal.run([seen([40]), nothing, once]) == 0
    assert node.limits() == node.original
    assert condition(rehearsal.sink.statuses[-1]) == ("False", "Stopped")


def test_what_could_not_be_put_back_at_the_end_is_told(node: Machine) -> None:
    rehearsal = Rehearsal(node)

    def lock() -> None:
        node.kernel.refuse_write = lambda path: errno.EIO if "constraint_0" in path else None

    began = node.time.seconds
    assert rehearsal.run([seen([40]), nothing, lock]) == 1
    assert node.limits()[PACKAGE] == 40 * WATT
    assert 5 <= node.time.seconds - began < 8
    last = rehearsal.sink.statuses[-1]
    for told in last["conditions"]:
        assert (told["status"], told["reason"]) == ("False", "WriteFailed")
        assert "could not put back: intel-rapl/intel-rapl:0 long_term: Failed" in told["message"]
    assert last["zones"][0]["limits"][0]["readBackMicrowatts"] == 40 * WATT


def test_an_original_that_something_else_put_back_at_the_end_is_no_fault(node: Machine) -> None:
    def other() -> None:
        node.kernel.refuse_write = lambda _: errno.EIO
        set_limit(node.root, PACKAGE, node.original[PACKAGE])
        set_limit(node.root, "intel-rapl/intel-rapl:0/short_term", 81_250_000)

    assert Rehearsal(node).run([seen([40]), nothing, other]) == 0

"""``powercap override``: the object that its options ask for, and how it refuses; what it makes is an API test's."""

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml

from powercap_cli.cluster.access import CommandError
from powercap_cli.cluster.override import override_body
from powercap_cli.main import main, make_parser

PARIS = timezone(timedelta(hours=2))
NOW = datetime(2025, 10, 9, 16, 30, 5, tzinfo=PARIS)
WHY = ("--reason", "a repair")


def body(*arguments: str) -> dict[str, Any]:
    return override_body(make_parser(["override"]).parse_args(["override", *arguments, *WHY]), NOW)


def spec(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = body(*arguments)["spec"]
    return found


def test_a_limit_on_nodes_for_some_hours() -> None:
    assert body("node-a", "node-b", "node-a", "--limit", "60", "--for", "2h") == {
        "apiVersion": "powercap.dev/v1alpha1",
        "kind": "PowerOverride",
        "metadata": {"generateName": "override-"},
        "spec": {
            "duration": "2h",
            "nodes": ["node-a", "node-b"],
            "limit": "60",
            "source": "person",
            "reason": "a repair",
        },
    }


@pytest.mark.parametrize(
    ("arguments", "start", "end"),
    [
        (("--until", "18:00"), None, "2025-10-09T16:00:00Z"),
        (("--until", "16:30"), None, "2025-10-10T14:30:00Z"),
        (("--from", "23:00", "--until", "01:00"), "2025-10-09T21:00:00Z", "2025-10-09T23:00:00Z"),
        (("--until", "2025-10-09T20:15:00Z"), None, "2025-10-09T20:15:00Z"),
        (("--from", "2025-10-11T20:15:00+02:00", "--for", "1h"), "2025-10-11T18:15:00Z", None),
    ],
)
def test_times_are_the_next_on_the_clock_or_whole(
    arguments: tuple[str, ...], start: str | None, end: str | None
) -> None:
    found = spec("--all", "--release", *arguments)
    assert (found.get("start"), found.get("end")) == (start, end)
    assert (found["nodeSelector"], found["release"]) == ({}, True)


def test_labels_priority_and_source() -> None:
    found = spec(
        *("--selector", "pool=batch", "-l", "zone=a", "--limit", "50%", "--for", "90m"),
        *("--priority", "-3", "--source", "grid"),
    )
    assert found["nodeSelector"] == {"pool": "batch", "zone": "a"}
    assert (found["limit"], found["priority"], found["source"]) == ("50%", -3, "grid")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--limit", "60", "--for", "2h"), "say which nodes"),
        (("node-a", "--all", "--limit", "60", "--for", "2h"), "say which nodes"),
        (("-l", "pool", "--limit", "60", "--for", "2h"), "write KEY=VALUE"),
        (("node-a", "--limit", "lots", "--for", "2h"), "must be a power in watts"),
        (("node-a", "--limit", "101%", "--for", "2h"), "a percentage is a whole number from 1 to 100"),
        (("node-a", "--limit", "60", "--for", "2d"), "spec.duration in body should match"),
        (("node-a", "--limit", "60", "--for", "745h"), "duration must be from 1s to 744h"),
        (("node-a", "--limit", "60", "--until", "25:00"), "'25:00' is no time"),
        (("node-a", "--limit", "60", "--until", "tonight"), "'tonight' is no time"),
        (("node-a", "--limit", "60", "--until", "2025-10-09T17:00"), "has no time zone"),
        (("node-a", "--limit", "60", "--until", "2025-10-09T10:00:00Z"), "before it begins"),
        (
            (*("node-a", "--limit", "60"), *("--from", "2025-10-09T08:00Z", "--until", "2025-10-09T10:00Z")),
            "it would have ended at 2025-10-09T10:00:00Z: say --until a later time, or --for 2h",
        ),
        (("Node A", "--limit", "60", "--for", "2h"), "nodes"),
        (("node-a", "--limit", "60", "--for", "2h", "--source", "The Grid"), "source"),
        (("node-a", "--limit", "60", "--for", "2h", "--print"), "--print needs --name"),
    ],
)
def test_what_cannot_be_is_refused_with_words(arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(CommandError) as refusal:
        body(*arguments)
    assert words in str(refusal.value)


@pytest.mark.parametrize("missing", ["--limit", "--for", "--reason"])
def test_what_it_must_be_told(missing: str, capsys: pytest.CaptureFixture[str]) -> None:
    given = {"--limit": "60", "--for": "2h", "--reason": "x"}
    rest = [word for option, value in given.items() if option != missing for word in (option, value)]
    with pytest.raises(SystemExit):
        main(["override", "node-a", *rest])
    assert missing in capsys.readouterr().err


def test_print_shows_the_object_and_needs_no_cluster(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("node-a", "--limit", "60", "--for", "2h", "--name", "rack-7", "--print", *WHY)
    assert main(["override", *arguments]) == 0
    shown = yaml.safe_load(capsys.readouterr().out)
    assert shown["metadata"] == {"name": "rack-7"}
    assert shown["spec"]["limit"] == "60"


def test_no_cluster_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    missing = str(tmp_path / "none")
    assert main(["override", "a", "--limit", "60", "--for", "2h", *WHY, "--kubeconfig", missing]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("powercap: ")

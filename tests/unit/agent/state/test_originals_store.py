"""The saved originals outlive everything but a reboot."""

import json
from pathlib import Path

import pytest

from powercap_agent.state.lock import AlreadyRunningError, lock_state
from powercap_agent.state.originals_store import OriginalsStore
from powercap_agent.state.store import StateError


def test_saved_limits_are_there_for_the_next_agent(tmp_path: Path) -> None:
    OriginalsStore(str(tmp_path), "boot-1").add({"a:long_term": 5})
    assert OriginalsStore(str(tmp_path), "boot-1").limits == {"a:long_term": 5}


def test_a_standing_original_is_never_overwritten_and_new_ones_are_added(tmp_path: Path) -> None:
    store = OriginalsStore(str(tmp_path), "boot-1")
    store.add({"a:long_term": 5})
    store.add({"a:long_term": 3, "b:long_term": 7})
    assert OriginalsStore(str(tmp_path), "boot-1").limits == {"a:long_term": 5, "b:long_term": 7}


def test_those_of_another_boot_are_discarded(tmp_path: Path) -> None:
    OriginalsStore(str(tmp_path), "boot-1").add({"a:long_term": 5})
    store = OriginalsStore(str(tmp_path), "boot-2")
    assert store.limits == {}
    store.add({"a:long_term": 9})
    assert OriginalsStore(str(tmp_path), "boot-2").limits == {"a:long_term": 9}


def test_dropped_ones_are_gone_and_the_file_with_the_last(tmp_path: Path) -> None:
    store = OriginalsStore(str(tmp_path), "boot-1")
    store.add({"a:long_term": 5, "b:long_term": 7})
    store.drop(["a:long_term", "unknown"])
    assert OriginalsStore(str(tmp_path), "boot-1").limits == {"b:long_term": 7}
    store.drop(["b:long_term"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        "[" * 100_000,
        '{"bootId": "boot-1", "limits": {"a": "x"}}',
        '{"bootId": "boot-1", "limits": {"a": Infinity}}',
        '{"bootId": "boot-1", "limits": {"a": -5}}',
        '{"bootId": "boot-1", "limits": {"a": 65.5}}',
        '{"bootId": "boot-1", "limits": {"a": true}}',
        '{"bootId": "boot-1", "limits": {"a": 5}, "written": {"a": [Infinity]}}',
    ],
)
def test_a_file_that_cannot_be_read_is_left_for_a_person(tmp_path: Path, text: str) -> None:
    file = tmp_path / "originals.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(StateError, match=r"originals\.json"):
        OriginalsStore(str(tmp_path), "boot-1")
    assert file.read_text(encoding="utf-8") == text


def test_what_cannot_be_saved_is_said(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be", encoding="utf-8")
    store = OriginalsStore(str(tmp_path / "other"), "boot-1")
    (tmp_path / "other").write_text("", encoding="utf-8")
    with pytest.raises(StateError):
        store.add({"a:long_term": 5})
    assert store.limits == {}


def test_the_file_names_the_boot(tmp_path: Path) -> None:
    OriginalsStore(str(tmp_path), "boot-1").add({"a:long_term": 5})
    saved = json.loads((tmp_path / "originals.json").read_text(encoding="utf-8"))
    assert saved == {"bootId": "boot-1", "limits": {"a:long_term": 5}}


def test_one_agent_at_a_time(tmp_path: Path) -> None:
    with lock_state(str(tmp_path)), pytest.raises(AlreadyRunningError), lock_state(str(tmp_path)):
        pass
    with lock_state(str(tmp_path)):
        pass

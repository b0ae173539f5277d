"""Damaged files in /run: read, or refused as a whole; never half, and never the end of the agent by surprise."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given

from powercap_agent.logs import Log, LogFormat
from powercap_agent.state.known_budget import KnownBudget
from powercap_agent.state.originals_store import OriginalsStore
from powercap_agent.state.store import StateError
from tests.support.agent_parts import budget_body
from tests.support.damage import BATCH, bounded, damaged, fuzz_settings, randoms, warped

ORIGINALS = {
    "bootId": "boot-1",
    "limits": {"intel-rapl/package-0:long_term": 65_000_000, "intel-rapl/package-0:short_term": 81_250_000},
    "disabled": ["intel-rapl/package-0/core"],
    "written": {"intel-rapl/package-0:long_term": [65_000_000, 40_000_000]},
}
BUDGET = budget_body([20 + quarter % 50 for quarter in range(24)])
LARGEST = 2**63


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with TemporaryDirectory() as name:
        yield Path(name)


def damaged_file(content: object, chance: Random) -> bytes:
    if chance.random() < 0.5:
        return json.dumps(warped(content, chance)).encode()
    return damaged(json.dumps(content).encode(), chance)


def _damaged_originals_are_read_whole_or_refused(folder: Path, chance: Random) -> None:
    file = folder / "originals.json"
    text = damaged_file(ORIGINALS, chance)
    file.write_bytes(text)
    with bounded():
        try:
            store = OriginalsStore(str(folder), "boot-1")
        except StateError as error:
            store, refusal = None, str(error)
    if store is None:
        assert "originals.json" in refusal
        assert file.read_bytes() == text
        return
    for limit in store.limits.values():
        assert type(limit) is int
        assert 0 <= limit < LARGEST
    for key in store.limits:
        assert all(0 <= uw < LARGEST for uw in store.written(key))


@fuzz_settings(1000)
@given(chance=randoms())
def test_damaged_originals_are_read_whole_or_refused(folder: Path, chance: Random) -> None:
    for _ in range(BATCH):
        _damaged_originals_are_read_whole_or_refused(folder, chance)


def _a_damaged_kept_budget_is_followed_or_passed_over(folder: Path, chance: Random) -> None:
    (folder / "budget.json").write_bytes(damaged_file(BUDGET, chance))
    log = Log(LogFormat.JSON, io.StringIO())
    known = KnownBudget(str(folder), "node-1", log)
    with bounded():
        known.give_up_waiting()
    assert known.settled
    assert known.invalid is None


@fuzz_settings(1000)
@given(chance=randoms())
def test_a_damaged_kept_budget_is_followed_or_passed_over(folder: Path, chance: Random) -> None:
    for _ in range(BATCH):
        _a_damaged_kept_budget_is_followed_or_passed_over(folder, chance)

"""Damaged policy files: a plan within the policy's own bounds, or a sentence that says what is wrong."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given

from powercap_cli.draw.plan_chart import plan_day
from powercap_cli.files.object_files import ObjectFileError
from powercap_cli.files.plan import PlanError, read_policy
from powercap_operator.market.fallback import bare_day
from powercap_operator.planning.resolved_policy import resolve
from tests.support.damage import BATCH, bounded, damaged, fuzz_settings, randoms, warped
from tests.support.objects import make_policy

TEXT = b"""\
apiVersion: powercap.dev/v1alpha1
kind: PowerPolicy
metadata:
  name: default
  labels: {team: power}
spec:
  maxSource: "140"
  minPower: 40000000u
  priority: 3
  market: {area: FR, auction: IDA1, resolutionMinutes: 15, providers: [EPEX, Static]}
  strategy:
    type: Schedule
    otherwise: {type: Solar}
    windows:
      - {days: [Mon, Fri], start: "22:00", end: "06:00", power: "120"}
  fallback: {previousDays: 2, then: Hold}
  hardware:
    zones: [{zone: dram, sharePercent: 10}]
"""
FRAGMENTS = (
    b"2025-02-31",
    b"&a [*a]",
    b"*a",
    b"<<: ",
    b"!!python/object:os.system ",
    b"!!binary '=='",
    b"!!timestamp 'x'",
    b"? [1]\n: 2\n",
    b"---\n",
    b"\t",
    b"%YAML 9.9\n",
    b"0b2",
    b"190:20:30.15",
    b'"120Gi"',
    b'"1e400"',
    b"0x" + b"f" * 300,
    b"type: Volume",
)
SEEDS = tuple(
    make_policy(strategy=strategy, hardware={"rampWattsPerSecond": 5}).to_wire()
    for strategy in (
        {"type": "Volume", "reference": "Average"},
        {"type": "Price", "lowPrice": "10", "highPrice": "20.5"},
        {"type": "Solar", "alpha": "4"},
        {"type": "Fixed", "power": "20"},
    )
)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with TemporaryDirectory() as name:
        yield Path(name)


def test_the_seeds_are_good(folder: Path) -> None:
    file = folder / "policy.yaml"
    file.write_bytes(TEXT)
    assert read_policy(file).spec.priority == 3
    for seed in SEEDS:
        file.write_text(json.dumps(seed), encoding="utf-8")
        assert read_policy(file).spec.max_source == "40"


def _a_damaged_policy_makes_a_plan_within_its_bounds_or_says_why_not(folder: Path, chance: Random) -> None:
    file = folder / "policy.yaml"
    if chance.random() < 0.5:
        file.write_bytes(damaged(TEXT, chance, FRAGMENTS))
    else:
        file.write_text(json.dumps(warped(chance.choice(SEEDS), chance)), encoding="utf-8")
    with bounded():
        try:
            policy = read_policy(file)
        except (PlanError, ObjectFileError):
            return
        resolved = resolve(policy)
        if resolved.request.needs.market:
            return
        planned = plan_day(resolved, bare_day(resolved.market, date(2025, 10, 26)))
    limits = resolved.limits
    assert planned.slots
    for slot in planned.slots:
        assert limits.min_uw <= slot.cap_uw <= limits.max_uw


@fuzz_settings(160)
@given(chance=randoms())
def test_a_damaged_policy_makes_a_plan_within_its_bounds_or_says_why_not(
    folder: Path, chance: Random
) -> None:
    for _ in range(BATCH):
        _a_damaged_policy_makes_a_plan_within_its_bounds_or_says_why_not(folder, chance)

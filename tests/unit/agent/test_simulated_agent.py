"""The simulated agents of ``make scale`` report what the real agent reports."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from dev.lab.fake_sysfs import FakeKernel, FakeZone, Layout, Limit
from dev.scale.agent import SimulatedAgent
from powercap_agent.mailbox import BudgetSeen, Event
from powercap_agent.status.budget_status import Status
from tests.support.agent_parts import FakeTime, Machine, Rehearsal, Sink, budget_body

_TWO_PACKAGES = Layout(
    [
        FakeZone(
            f"intel-rapl/intel-rapl:{index}",
            f"package-{index}",
            [Limit("long_term", 105_000_000), Limit("short_term", 126_000_000)],
        )
        for index in range(2)
    ]
)


def _in_percent(body: dict[str, Any]) -> dict[str, Any]:
    powers = {"maxSourceMicrowatts", "minPowerMicrowatts"}
    spec = {name: value for name, value in body["spec"].items() if name not in powers}
    return {**body, "spec": {**spec, "maxSourcePercent": 95, "minPowerPercent": 20}}


_BUDGET = budget_body([140, 90, 200], rampMicrowattsPerSecond=20_000_000, stabilisationSeconds=86_400)
_SUSPENDED = budget_body([140, 90, 200], suspend=True)
_SECOND, _QUARTER = timedelta(seconds=1), timedelta(minutes=15)
_Steps = list[dict[str, Any] | timedelta | None]
_STEPS: _Steps = [
    _BUDGET,
    *[_SECOND] * 5,
    _QUARTER,
    *[_SECOND] * 5,
    _QUARTER,
    _QUARTER,
    _SUSPENDED,
    _SECOND,
]
"""A budget that comes, or time that passes: down by the ramp, up at once, past the end, and suspended."""


def test_the_same_statuses_in_the_same_order(tmp_path: Path) -> None:
    real = _by_the_real_agent(tmp_path, _STEPS)
    assert [_reason(status) for status in real] == [
        "Lowering",
        "Applied",
        "Lowering",
        "Applied",
        "Applied",
        "Lowering",
        "Suspended",
    ]
    assert [_comparable(status) for status in _by_the_simulated_agent(_STEPS)] == [
        _comparable(status) for status in real
    ]


def test_a_budget_that_is_gone_and_back_is_lowered_to_from_the_original_limits(tmp_path: Path) -> None:
    steps: _Steps = [_BUDGET, *[_SECOND] * 5, None, _BUDGET, *[_SECOND] * 5]
    real, simulated = _by_the_real_agent(tmp_path, steps), _by_the_simulated_agent(steps)
    assert [_reason(status) for status in real] == ["Lowering", "Applied"] * 2
    assert [_comparable(status) for status in simulated] == [_comparable(status) for status in real]


def test_percentages_are_of_the_same_power(tmp_path: Path) -> None:
    steps: _Steps = [_in_percent(step) if isinstance(step, dict) else step for step in _STEPS]
    real, simulated = _by_the_real_agent(tmp_path, steps), _by_the_simulated_agent(steps)
    assert {
        (status["current"]["why"] or "").partition(" of ")[2].partition(", raised")[0] for status in real[:3]
    } == {"199.5 W (95 % of this node's 210 W)"}
    assert [_comparable(status) for status in simulated] == [_comparable(status) for status in real]


def _by_the_real_agent(folder: Path, steps: _Steps) -> list[Status]:
    machine = Machine(
        folder, _TWO_PACKAGES, kernel=FakeKernel(unit_uw=1)
    )  # the simulated one has no registers
    rehearsal = Rehearsal(machine)

    def passing(step: timedelta) -> Callable[[], None]:
        return lambda: machine.time.pass_by(step)

    events: list[Callable[[], None] | Event] = []
    for step in steps:
        # The loop acts on an event in the turn after it has taken it.
        events += [passing(step)] if isinstance(step, timedelta) else [BudgetSeen(step), lambda: None]
    rehearsal.run(events)
    return rehearsal.sink.statuses[:-1]  # the last one says that it has ended


def _by_the_simulated_agent(steps: _Steps) -> list[Status]:
    time, sink = FakeTime(), Sink()
    agent = SimulatedAgent("node-1", sink, time.now)
    for step in steps:
        if isinstance(step, timedelta):
            time.pass_by(step)
            agent.turn(time.seconds)
        else:
            agent.see(step, time.seconds)
    return sink.statuses


def _reason(status: Status) -> str:
    return next(str(one["reason"]) for one in status["conditions"] if one["type"] == "Applied")


def _comparable(status: Status) -> Status:
    """Without the power and the energy drawn, which the simulated agent makes up."""
    current = {name: value for name, value in (status["current"] or {}).items() if name != "draw"}
    drawn = {"averageMicrowatts", "peakMicrowatts"}
    zones = [{name: zone[name] for name in zone.keys() - drawn} for zone in status["zones"]]
    return {name: value for name, value in status.items() if name not in {"draw", "energy"}} | {
        "current": current,
        "zones": zones,
    }

"""Turns of the agent's loop on a desktop, and what is seen of them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from dev.lab.fake_sysfs import PACKAGE
from powercap_agent.mailbox import BudgetSeen
from powercap_agent.status.budget_status import Status
from tests.support.agent_parts import NOON, Machine, Rehearsal, budget_body

WATT = 1_000_000


def nothing() -> None:
    """A turn in which nothing happens."""


def seen(caps: list[int], **spec: Any) -> BudgetSeen:
    """A budget with these caps in watts, a quarter of an hour each from noon, and more of a spec."""
    return BudgetSeen(budget_body(caps, **spec))


def at(node: Machine, offset: timedelta) -> Callable[[], None]:
    """It is so long after noon."""

    def move() -> None:
        node.time.wall = NOON + offset

    return move


def seconds_pass(node: Machine, seconds: float) -> Callable[[], None]:
    """Time passes."""
    return lambda: node.time.pass_by(timedelta(seconds=seconds))


def draws(node: Machine, watts: int, seconds: int) -> Callable[[], None]:
    """Time passes, the package drawing so much."""
    energy = node.root / "intel-rapl/intel-rapl:0/energy_uj"

    def step() -> None:
        energy.write_text(f"{int(energy.read_text()) + watts * seconds * WATT}\n", encoding="ascii")
        node.time.pass_by(timedelta(seconds=seconds))

    return step


def package_watts(rehearsal: Rehearsal) -> list[float]:
    """The package's limit after each turn."""
    return [limits[PACKAGE] / WATT for limits in rehearsal.seen]


def condition(status: Status, kind: str = "Ready") -> tuple[str, str]:
    """Its status and reason."""
    (found,) = [c for c in status["conditions"] if c["type"] == kind]
    return found["status"], found["reason"]

"""What the judge expects of a node is what an agent puts in force there, whatever its cap."""

from pathlib import Path

import pytest

from dev.chaos.world import AGENTS
from dev.lab.judge import FLOOR_PERCENT, FLOOR_UW, not_in_force, out_of_bounds
from powercap_agent.options import read_options
from powercap_agent.planning.limits import Terms
from tests.support.agent_parts import Machine


@pytest.mark.parametrize("node", AGENTS)
def test_it_expects_what_the_agent_puts_in_force(node: str, tmp_path: Path) -> None:
    machine = Machine(tmp_path, AGENTS[node])
    enforcer = machine.enforcer()
    least = Terms(min_power_uw=1, hard_floor_uw=FLOOR_UW, floor_percent=FLOOR_PERCENT)
    originals = packages(machine.original)
    assert enforcer.node_reference_uw(least) == sum(originals)
    for cap_uw in range(1_000_000, sum(originals) + 20_000_000, 2_100_000):
        enforcer.enforce(cap_uw, least)
        assert not not_in_force(cap_uw, packages(machine.limits()), originals)


def packages(limits: dict[str, int]) -> list[int]:
    """The long_term limits of packages and dies: of zones at the top of RAPL, but psys."""
    tops = {
        name: limit
        for name, limit in limits.items()
        if name.startswith("intel-rapl/") and name.count("/") == 2
    }
    return [limit for name, limit in tops.items() if name.endswith("/long_term") and limit <= 105_000_000]


@pytest.mark.parametrize(
    ("limits", "complaint"),
    [
        ([40_000_000, 39_875_000], False),
        ([40_000_000, 40_000_000], False),
        ([40_000_000, 39_750_000], True),
        ([40_000_000, 40_125_000], True),
    ],
)
def test_two_power_units_of_two_packages_are_too_much(limits: list[int], complaint: bool) -> None:
    assert bool(not_in_force(80_000_000, limits, [100_000_000] * 2)) is complaint


def test_a_limit_is_between_its_floor_and_its_original() -> None:
    found = [out_of_bounds(limit, 100_000_000) for limit in (4_999_999, 5_000_000, 100_000_000, 100_000_001)]
    assert [bool(one) for one in found] == [True, False, False, True]


def test_the_floors_are_the_agents_defaults() -> None:
    options = read_options(["--node-name", "node-1", "--server", "https://127.0.0.1:6443"], {})
    assert (options.hard_floor_uw, options.floor_percent) == (5_000_000, 5) == (FLOOR_UW, FLOOR_PERCENT)

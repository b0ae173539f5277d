"""What chaos expects of a node is what an agent puts in force there, whatever its cap."""

from pathlib import Path

import pytest

from dev.chaos.followed import ROUNDING_UW, in_force_uw
from dev.chaos.world import AGENTS
from powercap_agent.options import DEFAULT_FLOOR_PERCENT, DEFAULT_FLOOR_UW, read_options
from powercap_agent.planning.limits import Terms
from tests.support.agent_parts import Machine


@pytest.mark.parametrize("node", AGENTS)
def test_it_expects_what_the_agent_puts_in_force(node: str, tmp_path: Path) -> None:
    enforcer = Machine(tmp_path, AGENTS[node]).enforcer()
    least = Terms(min_power_uw=1, hard_floor_uw=DEFAULT_FLOOR_UW, floor_percent=DEFAULT_FLOOR_PERCENT)
    originals_uw = enforcer.node_reference_uw(least)
    assert originals_uw is not None
    for cap_uw in range(1_000_000, originals_uw + 20_000_000, 700_000):
        found = enforcer.enforce(cap_uw, least).applied_uw
        wanted = in_force_uw(cap_uw, originals_uw)
        assert found is not None
        assert wanted - ROUNDING_UW < found <= wanted


def test_the_floors_are_the_agents_defaults() -> None:
    options = read_options(["--node-name", "node-1", "--server", "https://127.0.0.1:6443"], {})
    assert (options.hard_floor_uw, options.floor_percent) == (DEFAULT_FLOOR_UW, DEFAULT_FLOOR_PERCENT)

"""What holds of any machine's limits: what binds is never above the cap, bursts keep their ratio, all is no change."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from powercap_agent.hardware.zone import Constraint, Zone, limit_key
from powercap_agent.planning.limits import Terms, Write
from powercap_agent.planning.meaning import highest_draw_uw
from powercap_agent.planning.plan import node_reference, plan_writes

WATT = 1_000_000
FREE = Terms(min_power_uw=1, hard_floor_uw=1, floor_percent=0)
Machine = tuple[list[Zone], dict[str, int]]


def zone(kind: str, number: int, named_w: float) -> Zone:
    constraints = (
        Constraint("long_term", "l", max_power_uw=round(named_w * WATT)),
        Constraint("short_term", "s"),
    )
    key = f"{kind}/package-{number}"
    return Zone(key, key, kind, f"package-{number}", top=True, enabled=True, constraints=constraints)


@st.composite
def machines(draw: st.DrawFn, *, limited: bool = False) -> Machine:
    """One to four packages, on one interface or two; with ``limited`` every limit is meant as one."""
    zones, originals = [], {}
    for number in range(draw(st.integers(1, 4))):
        named_w = draw(st.sampled_from([0.0, 6.0, 15.0, 28.0, 45.0, 65.0, 125.0, 205.0, 350.0]))
        for kind in draw(st.sampled_from([("intel-rapl",), ("intel-rapl", "intel-rapl-mmio")])):
            most_w = min(3 * named_w or 600.0, 600.0)
            long_w = draw(st.floats(2.0, most_w))
            if not limited:
                long_w = draw(st.sampled_from([long_w, 4095.875, 4090.0, 3409.25, 999.0]))
            short_w = long_w * draw(st.floats(1.0, 1.4))
            one = zone(kind, number, named_w)
            zones.append(one)
            originals[limit_key(one, "long_term")] = round(long_w * WATT)
            originals[limit_key(one, "short_term")] = round(short_w * WATT)
    return zones, originals


@pytest.mark.parametrize(
    ("named_w", "limits_w", "peak_w", "enabled", "most_w"),
    [
        (125, (253, 253), 420, True, 420),
        (28, (200, 44), 126, True, 126),  # PL1 is no limit: what is always enforced is
        (28, (200, 44), 0, True, 900),
        (15, (17, 29), 0.125, True, 29),  # a peak_power that is no limit
        (15, (4095.875, 64), 12, True, 900),  # counted in amperes
        (0, (4095.875, 64), 126, True, 900),
        (65, (65, 81.25), 1023.875, True, 81.25),
        (65, (65, 81.25), 150, False, 150),
    ],
)
def test_what_a_package_draws_at_most(
    named_w: float, limits_w: tuple[float, ...], peak_w: float, *, enabled: bool, most_w: float
) -> None:
    one = replace(zone("intel-rapl", 0, named_w), peak_uw=round(peak_w * WATT), enabled=enabled)
    assert highest_draw_uw(one, [round(watts * WATT) for watts in limits_w]) == round(most_w * WATT)


def test_a_twin_that_is_disabled_counts_for_nothing_beside_one_that_is_enabled() -> None:
    off, on = replace(zone("intel-rapl", 0, 28), enabled=False), zone("intel-rapl-mmio", 0, 28)
    originals = {limit_key(one, name): 15 * WATT for one in (off,) for name in ("long_term", "short_term")}
    originals |= {limit_key(on, "long_term"): 35 * WATT, limit_key(on, "short_term"): 54 * WATT}
    assert node_reference([off, on], originals, FREE) == 35 * WATT
    assert by_key(plan_writes([off, on], originals, 30 * WATT, FREE)).keys() == {
        limit_key(on, "long_term"),
        limit_key(on, "short_term"),
    }
    assert node_reference([off], originals, FREE) == 15 * WATT


def by_key(writes: list[Write]) -> dict[str, int]:
    return {write.key: write.power_uw for write in writes}


@given(machines(), st.integers(WATT, 2000 * WATT))
def test_what_binds_is_never_above_the_cap(machine: Machine, cap_uw: int) -> None:
    zones, originals = machine
    planned = by_key(plan_writes(zones, originals, cap_uw, FREE))
    binding: dict[str, int] = {}
    for one in zones:
        long_uw, short_uw = (planned[limit_key(one, name)] for name in ("long_term", "short_term"))
        binding[one.name] = min(long_uw, binding.get(one.name, long_uw))
        assert short_uw >= long_uw
    assert sum(binding.values()) <= max(cap_uw, 2 * len(binding))


@given(machines(limited=True), st.integers(WATT, 2000 * WATT))
def test_bursts_keep_the_ratio_of_the_originals(machine: Machine, cap_uw: int) -> None:
    zones, originals = machine
    planned = by_key(plan_writes(zones, originals, cap_uw, FREE))
    for one in zones:
        (long_uw, long_was), (short_uw, short_was) = (
            (planned[limit_key(one, name)], originals[limit_key(one, name)])
            for name in ("long_term", "short_term")
        )
        assert abs(short_uw - short_was * long_uw / long_was) <= 1


@given(machines(limited=True))
def test_all_of_a_node_s_own_limits_changes_none(machine: Machine) -> None:
    zones, originals = machine
    whole_uw = node_reference(zones, originals, FREE)
    assert whole_uw is not None
    assert by_key(plan_writes(zones, originals, whole_uw, FREE)) == originals


@given(machines(), st.integers(1, 100))
def test_a_percentage_is_of_what_binds_or_is_refused(machine: Machine, percent: int) -> None:
    zones, originals = machine
    reference_uw = node_reference(zones, originals, FREE)
    if reference_uw is None:
        unnamed = [one for one in zones if not one.constraints[0].max_power_uw]
        assert any(originals[limit_key(one, "long_term")] >= 900 * WATT for one in unnamed)
        return
    planned = by_key(plan_writes(zones, originals, reference_uw * percent // 100, FREE))
    binding: dict[str, int] = {}
    for one in zones:
        long_uw = planned[limit_key(one, "long_term")]
        binding[one.name] = min(long_uw, binding.get(one.name, long_uw))
    assert abs(sum(binding.values()) - reference_uw * percent // 100) <= len(binding)

"""From a node's cap to the limit of every constraint."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from powercap_agent.hardware.zone import Constraint, Zone, limit_key
from powercap_agent.planning.limits import Terms, Write
from powercap_agent.planning.meaning import package_candidates
from powercap_agent.planning.plan import plan_writes
from powercap_agent.planning.write_order import zone_steps

WATT = 1_000_000
FREE = Terms(min_power_uw=1, hard_floor_uw=1, floor_percent=0)


def zone(
    key: str, *, limits: tuple[str, ...] = ("long_term", "short_term", "peak_power"), top: bool = True
) -> Zone:
    kind, name = key.split("/", 1)
    constraints = tuple(Constraint(limit, f"{key}/{limit}") for limit in limits)
    return Zone(key, key, kind, name, top=top, enabled=True, constraints=constraints)


def two_packages(first_w: int = 105, second_w: int = 85) -> tuple[list[Zone], dict[str, int]]:
    zones = [zone("intel-rapl/package-0"), zone("intel-rapl/package-1")]
    originals = {
        "intel-rapl/package-0:long_term": first_w * WATT,
        "intel-rapl/package-0:short_term": first_w * WATT * 6 // 5,
        "intel-rapl/package-1:long_term": second_w * WATT,
        "intel-rapl/package-1:short_term": second_w * WATT * 6 // 5,
    }
    return zones, originals


def limits(writes: list[Write]) -> dict[str, int]:
    return {write.key: write.power_uw for write in writes}


def test_the_cap_is_shared_over_the_packages_to_the_microwatt() -> None:
    zones, originals = two_packages()
    writes = plan_writes(zones, originals, 40 * WATT, FREE)
    assert limits(writes) == {
        "intel-rapl/package-0:long_term": 22_105_263,
        "intel-rapl/package-0:short_term": 26_526_315,
        "intel-rapl/package-1:long_term": 17_894_737,
        "intel-rapl/package-1:short_term": 21_473_684,
    }
    assert sum(write.power_uw for write in writes if write.counted) == 40 * WATT


def test_or_evenly() -> None:
    zones, originals = two_packages()
    writes = plan_writes(zones, originals, 40 * WATT, Terms(1, 1, 0, even=True))
    assert [write.power_uw for write in writes if write.counted] == [20 * WATT, 20 * WATT]


def test_peak_power_psys_dram_core_and_uncore_stay() -> None:
    zones, originals = two_packages()
    others = [
        zone("intel-rapl/psys"),
        zone("intel-rapl/package-0/core", top=False),
        zone("intel-rapl/package-0/uncore", top=False),
        zone("intel-rapl/package-0/dram", top=False),
    ]
    originals |= {limit_key(z, c.name): 50 * WATT for z in others for c in z.constraints}
    originals["intel-rapl/package-0:peak_power"] = 300 * WATT
    assert limits(plan_writes([*others, *zones], originals, 40 * WATT, FREE)) == limits(
        plan_writes(zones, originals, 40 * WATT, FREE)
    )


def test_the_mmio_twin_gets_its_packages_value_and_is_not_counted() -> None:
    zones, originals = two_packages()
    twin = zone("intel-rapl-mmio/package-0", limits=("long_term", "short_term"))
    originals |= {
        "intel-rapl-mmio/package-0:long_term": 105 * WATT,
        "intel-rapl-mmio/package-0:short_term": 126 * WATT,
    }
    writes = plan_writes([twin, *zones], originals, 40 * WATT, FREE)
    planned = limits(writes)
    assert planned["intel-rapl-mmio/package-0:long_term"] == planned["intel-rapl/package-0:long_term"]
    assert planned["intel-rapl-mmio/package-0:short_term"] == planned["intel-rapl/package-0:short_term"]
    assert sum(write.power_uw for write in writes if write.counted) == 40 * WATT


def test_a_twin_is_never_raised_above_its_own_original() -> None:
    (package, _), originals = two_packages()
    twin = zone("intel-rapl-mmio/package-0", limits=("long_term",))
    originals["intel-rapl-mmio/package-0:long_term"] = 15 * WATT
    planned = limits(plan_writes([twin, package], originals, 40 * WATT, FREE))
    assert planned["intel-rapl/package-0:long_term"] == 40 * WATT
    assert planned["intel-rapl-mmio/package-0:long_term"] == 15 * WATT


def test_mmio_alone_is_the_package() -> None:
    twin = zone("intel-rapl-mmio/package-0", limits=("long_term",))
    writes = plan_writes([twin], {"intel-rapl-mmio/package-0:long_term": 15 * WATT}, 10 * WATT, FREE)
    assert [(write.power_uw, write.counted) for write in writes] == [(10 * WATT, True)]


@pytest.mark.parametrize(
    ("kind", "limit"), [("dtpm", "Instantaneous"), ("arm_scmi_powercap", "SCMI power-cap")]
)
def test_other_control_types_are_capped_by_their_only_constraint(kind: str, limit: str) -> None:
    top, inner = zone(f"{kind}/soc", limits=(limit,)), zone(f"{kind}/soc/cpu0", limits=(limit,), top=False)
    originals = {limit_key(z, z.constraints[0].name): 20 * WATT for z in (top, inner)}
    assert limits(plan_writes([top, inner], originals, 8 * WATT, FREE)) == {f"{kind}/soc:{limit}": 8 * WATT}


def test_a_package_without_readable_limit_counts_as_its_highest_power() -> None:
    zones, originals = two_packages()
    del originals["intel-rapl/package-1:long_term"]
    package = "intel-rapl/package-0:long_term"
    assert limits(plan_writes(zones, originals, 140 * WATT, FREE))[package] == (140 - 105) * WATT
    lead = replace(zones[1].constraints[0], max_power_uw=85 * WATT)
    zones[1] = replace(zones[1], constraints=(lead, *zones[1].constraints[1:]))
    assert limits(plan_writes(zones, originals, 140 * WATT, FREE))[package] == (140 - 85) * WATT
    assert plan_writes(zones, {}, 40 * WATT, FREE) == []
    assert plan_writes([], {}, 40 * WATT, FREE) == []


def test_energy_only_zones_are_no_candidates() -> None:
    assert package_candidates([zone("intel-rapl/package-0", limits=())]) == []


@pytest.mark.parametrize(
    ("bounds", "lowest_w"),
    [
        (Terms(min_power_uw=10 * WATT, hard_floor_uw=5 * WATT, floor_percent=5), 10),
        (Terms(min_power_uw=10 * WATT, hard_floor_uw=50 * WATT, floor_percent=5), 50),
        (Terms(min_power_uw=10 * WATT, hard_floor_uw=5 * WATT, floor_percent=20), 38),
    ],
)
def test_the_highest_floor_wins(bounds: Terms, lowest_w: int) -> None:
    zones, originals = two_packages()
    writes = plan_writes(zones, originals, 1, bounds)
    assert abs(sum(write.power_uw for write in writes if write.counted) - lowest_w * WATT) < len(zones)
    assert all(write.clamped for write in writes)


def test_a_cap_above_the_originals_gives_the_originals() -> None:
    zones, originals = two_packages()
    writes = plan_writes(zones, originals, 4_000 * WATT, FREE)
    assert limits(writes) == originals
    assert all(write.clamped for write in writes)


POWERS = st.integers(1, 4096 * WATT)


@given(
    st.integers(1, 10**11),
    st.lists(st.tuples(POWERS, POWERS, POWERS), min_size=1, max_size=6),
    st.builds(Terms, st.integers(1, 10**10), st.integers(0, 10**10), st.integers(0, 100), st.booleans()),
)
def test_bounds_are_never_broken_and_the_sum_is_the_cap(
    cap_uw: int, packages: list[tuple[int, int, int]], bounds: Terms
) -> None:
    zones, originals = [], {}
    for index, (long_uw, short_uw, twin_uw) in enumerate(packages):
        zones += [
            zone(f"intel-rapl/package-{index}"),
            zone(f"intel-rapl-mmio/package-{index}", limits=("long_term", "short_term")),
        ]
        originals[f"intel-rapl/package-{index}:long_term"] = long_uw
        originals[f"intel-rapl/package-{index}:short_term"] = short_uw
        originals[f"intel-rapl-mmio/package-{index}:long_term"] = twin_uw
        originals[f"intel-rapl-mmio/package-{index}:short_term"] = short_uw
    writes = plan_writes(zones, originals, cap_uw, bounds)
    for write in writes:
        assert min(write.floor_uw, write.original_uw) <= write.power_uw <= write.original_uw
        assert write.original_uw == originals[write.key]
    counted = [write for write in writes if write.counted]
    lowest, highest = sum(w.floor_uw for w in counted), sum(w.original_uw for w in counted)
    planned, left_whole = limits(writes), False
    binding_uw = 0
    for index, (long_uw, short_uw, twin_uw) in enumerate(packages):
        long_planned = planned[f"intel-rapl/package-{index}:long_term"]
        binding_uw += min(long_planned, planned[f"intel-rapl-mmio/package-{index}:long_term"])
        left_whole = left_whole or (long_planned == long_uw > twin_uw)
        assert planned[f"intel-rapl/package-{index}:short_term"] >= min(long_planned, short_uw)
    assert binding_uw <= max(cap_uw, lowest)
    # A package that gets all that it had keeps both its limits as they were found, of which the lower one binds.
    assert left_whole or sum(w.power_uw for w in counted) == min(max(cap_uw, lowest), highest)


@given(
    st.lists(
        st.tuples(st.integers(1, 10**9), st.integers(0, 10**9), st.integers(1, 10**9), st.integers(0, 10**9)),
        min_size=1,
        max_size=4,
    )
)
def test_in_any_order_of_caps_short_term_never_falls_below_long_term_on_the_way(
    packages: list[tuple[int, int, int, int]],
) -> None:
    in_force, due = {}, []
    for index, (old_long, old_extra, new_long, new_extra) in enumerate(packages):
        package = zone(f"intel-rapl/package-{index}")
        for name, old, new in (
            ("long_term", old_long, new_long),
            ("short_term", old_long + old_extra, new_long + new_extra),
        ):
            constraint = package.constraint(name)
            assert constraint is not None
            in_force[f"{package.key}:{name}"] = old
            due.append(Write(package, constraint, 10**10, 1, new, clamped=False, counted=True))
    highest = max(sum(old for old, _, _, _ in packages), sum(new for _, _, new, _ in packages))
    ordered = [write for step in zone_steps(due, dict(in_force)) for write in step.writes]
    for write in ordered:
        in_force[write.key] = write.power_uw
        for index in range(len(packages)):
            package_limits = [
                in_force[f"intel-rapl/package-{index}:{name}"] for name in ("long_term", "short_term")
            ]
            assert package_limits == sorted(package_limits)
        assert sum(power for key, power in in_force.items() if key.endswith("long_term")) <= highest

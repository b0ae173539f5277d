"""Zones and accelerators that a policy names."""

from hypothesis import given
from hypothesis import strategies as st

from powercap_agent.hardware.zone import Constraint, Zone, limit_key
from powercap_agent.planning.limits import Rule, Terms
from powercap_agent.planning.plan import managed_limits, plan_writes

WATT = 1_000_000


def zone(key: str, *, top: bool = True, limit: str = "long_term", lowest_w: int = 0) -> Zone:
    kind, name = key.split("/", 1)
    constraints = (Constraint(limit, key, lowest_w * WATT),)
    return Zone(key, key, kind, name.rsplit("/", 1)[-1], top, True, constraints)


ZONES = (
    zone("intel-rapl/package-0"),
    zone("intel-rapl/package-0/dram", top=False),
    zone("intel-rapl/package-0/core", top=False),
    zone("intel-rapl/package-1"),
    zone("intel-rapl/package-1/dram", top=False),
    zone("intel-rapl/psys"),
    zone("amdgpu/0000:03:00.0", limit="power1_cap", lowest_w=20),
    zone("nvidia/GPU-1", limit="power_limit"),
    zone("nvidia/GPU-2", limit="power_limit"),
)
ORIGINALS_W = {
    "intel-rapl/package-0": 100,
    "intel-rapl/package-0/dram": 40,
    "intel-rapl/package-0/core": 90,
    "intel-rapl/package-1": 60,
    "intel-rapl/package-1/dram": 40,
    "intel-rapl/psys": 400,
    "amdgpu/0000:03:00.0": 200,
    "nvidia/GPU-1": 300,
    "nvidia/GPU-2": 100,
}
ORIGINALS = {limit_key(z, z.constraints[0].name): ORIGINALS_W[z.key] * WATT for z in ZONES}


def plan(cap_w: int, *, zones: tuple[Rule, ...] = (), devices: tuple[Rule, ...] = ()) -> dict[str, float]:
    writes = plan_writes(ZONES, ORIGINALS, cap_w * WATT, Terms(1, 1, 0, zones=zones, devices=devices))
    return {write.zone.key: write.power_uw / WATT for write in writes}


PACKAGES_ALONE = {"intel-rapl/package-0": 50, "intel-rapl/package-1": 30}


def test_what_no_rule_names_is_left_alone() -> None:
    assert plan(80) == PACKAGES_ALONE


def test_dram_takes_its_share_and_the_packages_the_rest() -> None:
    assert plan(80, zones=(Rule("dram", share_percent=20),)) == {
        "intel-rapl/package-0": 40,
        "intel-rapl/package-1": 24,
        "intel-rapl/package-0/dram": 8,
        "intel-rapl/package-1/dram": 8,
    }


def test_accelerators_too_in_proportion_to_their_limits() -> None:
    assert plan(160, devices=(Rule("nvidia", share_percent=50),)) == {
        "intel-rapl/package-0": 50,
        "intel-rapl/package-1": 30,
        "nvidia/GPU-1": 60,
        "nvidia/GPU-2": 20,
    }


def test_what_a_kind_cannot_take_goes_to_the_packages() -> None:
    assert plan(160, zones=(Rule("dram", share_percent=75),)) == {
        "intel-rapl/package-0": 50,
        "intel-rapl/package-1": 30,
        "intel-rapl/package-0/dram": 40,
        "intel-rapl/package-1/dram": 40,
    }


def test_psys_is_limited_and_takes_nothing() -> None:
    assert plan(80, zones=(Rule("psys", share_percent=100),)) == {**PACKAGES_ALONE, "intel-rapl/psys": 80}


def test_core_gets_a_part_of_its_packages_limit() -> None:
    assert plan(80, zones=(Rule("core", share_percent=80),)) == {
        **PACKAGES_ALONE,
        "intel-rapl/package-0/core": 40,
    }


def test_a_cap_of_its_own_holds_for_each_and_takes_nothing() -> None:
    own = plan(80, zones=(Rule("dram", cap_uw=15 * WATT),), devices=(Rule("nvidia", cap_uw=120 * WATT),))
    assert own == {
        **PACKAGES_ALONE,
        "intel-rapl/package-0/dram": 15,
        "intel-rapl/package-1/dram": 15,
        "nvidia/GPU-1": 120,
        "nvidia/GPU-2": 100,
    }


def test_hardware_gets_no_less_than_it_takes() -> None:
    assert plan(80, devices=(Rule("amdgpu", cap_uw=5 * WATT),))["amdgpu/0000:03:00.0"] == 20


def test_only_named_limits_are_looked_after() -> None:
    assert {zone.key for zone, _ in managed_limits(ZONES)} == set(PACKAGES_ALONE)
    terms = Terms(1, 1, 0, devices=(Rule("amdgpu", share_percent=10),))
    assert {zone.key for zone, _ in managed_limits(ZONES, terms)} == {*PACKAGES_ALONE, "amdgpu/0000:03:00.0"}


RULES = st.fixed_dictionaries({}, optional={"share_percent": st.integers(1, 33)}).flatmap(
    lambda given_share: (
        st.just(given_share) if given_share else st.integers(1, 10**9).map(lambda cap: {"cap_uw": cap})
    )
)


@given(
    cap_uw=st.integers(1, 2_000 * WATT),
    zone_rules=st.dictionaries(st.sampled_from(["dram", "psys", "core", "uncore"]), RULES),
    device_rules=st.dictionaries(st.sampled_from(["amdgpu", "nvidia"]), RULES),
    floor_percent=st.integers(0, 100),
)
def test_no_bound_is_ever_broken_and_what_counts_adds_up(
    cap_uw: int,
    zone_rules: dict[str, dict[str, int]],
    device_rules: dict[str, dict[str, int]],
    floor_percent: int,
) -> None:
    terms = Terms(
        10 * WATT,
        5 * WATT,
        floor_percent,
        zones=tuple(Rule(name, **fields) for name, fields in zone_rules.items()),
        devices=tuple(Rule(name, **fields) for name, fields in device_rules.items()),
    )
    writes = plan_writes(ZONES, ORIGINALS, cap_uw, terms)
    assert len({write.key for write in writes}) == len(writes)
    for write in writes:
        assert write.floor_uw <= write.power_uw <= write.original_uw == ORIGINALS[write.key]
    counted = [write for write in writes if write.counted]
    packages = [write for write in counted if write.zone.name.startswith("package-")]
    if not all(write.clamped for write in packages):
        assert sum(write.power_uw for write in counted) == cap_uw

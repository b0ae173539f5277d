"""Power from energy counters, and what each zone may draw at most."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from powercap_agent.hardware.zone import Zone
from powercap_agent.status.ledger import Ledger, NodeDraw, Part, binds, counters_of

WATT = 1_000_000
RANGE = 262_143_328_850


def zone(key: str, *, top: bool = True, wraps_at: int | None = RANGE) -> Zone:
    kind, name = key.split("/", 1)
    return Zone(key, key, kind, name.rsplit("/", 1)[-1], top, True, (), energy=key, max_energy_uj=wraps_at)


PACKAGES = (zone("intel-rapl/package-0"), zone("intel-rapl/package-1"))


def measure(zones: Sequence[Zone], samples: Sequence[tuple[float, Sequence[int]]]) -> NodeDraw | None:
    ledger = Ledger()
    for at, readings in samples:
        ledger.sample(at, {z.key: (z, reading) for z, reading in zip(zones, readings, strict=False)})
    return ledger.close()


def test_average_and_peak_of_each_and_of_all() -> None:
    draw = measure(PACKAGES, [(0, (0, 500)), (10, (100 * WATT, 500)), (20, (400 * WATT, 200 * WATT + 500))])
    assert draw is not None
    assert draw.seconds == 20
    assert [(drawn.average_uw, drawn.peak_uw) for _, drawn in draw.zones] == [
        (20 * WATT, 30 * WATT),
        (10 * WATT, 20 * WATT),
    ]
    assert (draw.total.average_uw, draw.total.peak_uw) == (30 * WATT, 50 * WATT)


def test_a_counter_that_wraps() -> None:
    draw = measure(PACKAGES[:1], [(0, [RANGE - 50 * WATT]), (10, [50 * WATT])])
    assert draw is not None
    assert draw.total.average_uw == 10 * WATT


@pytest.mark.parametrize("after", [5, 0])
def test_a_counter_that_was_set_back_and_tells_no_range_is_left_out(after: int) -> None:
    assert measure([zone("intel-rapl/package-0", wraps_at=None)], [(0, [10]), (10, [after])]) is None


def test_a_counter_that_was_set_back_is_no_absurd_power() -> None:
    assert measure([zone("intel-rapl/package-0", wraps_at=2**62)], [(0, [10**15]), (10, [0])]) is None


def test_a_package_that_vanishes_makes_the_draw_unknown() -> None:
    assert measure(PACKAGES, [(0, (0, 0)), (10, (100 * WATT,))]) is None


def test_the_draw_is_known_from_when_a_late_package_is_there() -> None:
    draw = measure(PACKAGES, [(0, (0,)), (10, (100 * WATT, 0)), (20, (200 * WATT, 100 * WATT))])
    assert draw is not None
    assert (draw.seconds, draw.total.average_uw) == (10, 20 * WATT)


def test_one_failed_read_loses_nothing() -> None:
    ledger = Ledger()
    for at, readings in ((0, (0, 0)), (10, (1000 * WATT,)), (20, (2000 * WATT, 2000 * WATT))):
        there = {z.key: (z, uj) for z, uj in zip(PACKAGES, readings, strict=False)}
        ledger.sample(at, there, [zone for zone in PACKAGES if zone.key not in there])
    draw = ledger.close()
    assert draw is not None
    assert (draw.seconds, draw.total.average_uw, draw.total.peak_uw) == (20, 200 * WATT, 200 * WATT)


def test_memory_that_shares_the_cap_is_in_the_total_and_no_package() -> None:
    zones = [PACKAGES[0], zone("intel-rapl/package-0/dram", top=False)]
    ledger = Ledger(beside={zones[1].key})
    for at in (0, 10):
        ledger.sample(at, {z.key: (z, at * 30 * WATT) for z in zones})
    draw = ledger.close()
    assert draw is not None
    assert (draw.total.average_uw, draw.total.peak_uw) == (60 * WATT, 60 * WATT)
    assert {part: drawn.average_uw for part, drawn in draw.parts.items()} == {Part.PACKAGES: 30 * WATT}


def test_packages_and_accelerators_are_apart_and_together() -> None:
    cards = [Zone(f"nvidia/GPU-{n}", "", "nvidia", "H100", True, None, (), energy="e") for n in (0, 1)]
    draw = measure(
        [*PACKAGES, *cards], [(0, [0] * 4), (10, [800 * WATT, 200 * WATT, 4_500 * WATT, 5_000 * WATT])]
    )
    assert draw is not None
    assert {part: drawn.average_uw for part, drawn in draw.parts.items()} == {
        Part.PACKAGES: 100 * WATT,
        Part.ACCELERATORS: 950 * WATT,
    }
    assert draw.total.average_uw == 1_050 * WATT


def test_sockets_are_capped_by_hwmon_and_counted_by_rapl() -> None:
    sockets = [
        Zone(f"amd_hsmp_hwmon/A:0{n}", "", "amd_hsmp_hwmon", f"package-{n}", True, None, ()) for n in (0, 1)
    ]
    dies = [zone(f"intel-rapl/package-{package}-die-{die}") for package in (1, 0) for die in (0, 1)]
    assert counters_of(sockets[0], [*sockets, *dies]) == [
        "intel-rapl/package-0-die-0",
        "intel-rapl/package-0-die-1",
    ]
    assert counters_of(sockets[1], [*sockets, *PACKAGES]) == ["intel-rapl/package-1"]
    assert counters_of(sockets[1], [*sockets, PACKAGES[0]]) == []
    assert counters_of(sockets[1], [sockets[1], PACKAGES[1]]) == ["intel-rapl/package-1"]


def test_a_skewed_sample_does_not_make_two_dies_of_one() -> None:
    dies = [zone(f"intel-rapl/package-0-die-{die}") for die in (0, 1)]
    samples = [(at, (at * 200 * WATT, at * 200 * WATT + 300)) for at in (0, 10, 20, 30)]
    samples[2] = (20, (20 * 200 * WATT, 20 * 200 * WATT + 3 * WATT))  # read 15 ms later
    draw = measure(dies, samples)
    assert draw is not None
    assert draw.total.average_uw == 200 * WATT


def test_a_counter_set_back_tells_no_power_that_the_package_cannot_draw() -> None:
    """The wrap from 144 kJ to 0 would be 11.8 kW over 10 s."""
    assert measure(PACKAGES[:1], [(0, [144_000 * WATT]), (10, [0])]) is None


def test_parts_of_a_package_and_psys_do_not_count_twice() -> None:
    zones = [
        PACKAGES[0],
        zone("intel-rapl/package-0/core", top=False),
        zone("intel-rapl/psys"),
        zone("intel-rapl/package-0/dram", top=False),
    ]
    draw = measure(zones, [(0, [0] * 4), (10, [100 * WATT] * 4)])
    assert draw is not None
    assert draw.total.average_uw == 10 * WATT
    assert len(draw.zones) == 4


def test_dies_that_mirror_one_counter_count_once() -> None:
    dies = [zone(f"intel-rapl/package-{package}-die-{die}") for package in (0, 1) for die in (0, 1)]
    start = (10**9, 10**9 + 300, 7 * 10**9, 7 * 10**9 + 200)
    draw = measure(dies, [(0, start), (10, [reading + 100 * WATT for reading in start])])
    assert draw is not None
    assert draw.total.average_uw == 20 * WATT
    assert [measured.name for measured, _ in draw.zones] == ["package-0-die-0", "package-1-die-0"]


def test_dies_with_counters_of_their_own_all_count() -> None:
    dies = [zone(f"intel-rapl/package-0-die-{die}") for die in (0, 1)]
    draw = measure(dies, [(0, (10**9, 5 * 10**9)), (10, (10**9 + 100 * WATT, 5 * 10**9 + 200 * WATT))])
    assert draw is not None
    assert draw.total.average_uw == 30 * WATT


def test_dies_that_start_together_and_part_are_no_mirrors() -> None:
    dies = [zone(f"intel-rapl/package-0-die-{die}") for die in (0, 1)]
    draw = measure(dies, [(0, (0, 0)), (10, (100 * WATT, 200 * WATT))])
    assert draw is not None
    assert draw.total.average_uw == 30 * WATT


def test_nothing_measured() -> None:
    assert measure([], [(0, []), (10, [])]) is None
    assert measure(PACKAGES, [(0, (1, 1))]) is None


@given(
    st.lists(st.tuples(st.integers(1, 60), st.integers(0, 500 * WATT)), min_size=1, max_size=40),
    st.integers(0, RANGE - 1),
)
def test_the_average_is_energy_by_time_however_often_the_counter_wraps(
    steps: list[tuple[int, int]], start: int
) -> None:
    at, energy, samples = 0.0, start, [(0.0, [start])]
    for seconds, power in steps:
        at, energy = at + seconds, energy + power * seconds
        samples.append((at, [energy % RANGE]))
    draw = measure(PACKAGES[:1], samples)
    assert draw is not None
    assert abs(draw.total.average_uw - (energy - start) / at) <= len(steps)
    assert draw.total.peak_uw == max(power for _, power in steps)


@pytest.mark.parametrize(
    ("draw_w", "expected"), [(40, True), (38, True), (37.9, False), (10, False), (45, True)]
)
def test_a_cap_binds_where_the_draw_is_within_5_percent(draw_w: float, *, expected: bool) -> None:
    assert binds(round(draw_w * WATT), 40 * WATT) is expected

"""The total of a node's energy and its quarters of an hour: over wraps, restarts, reboots and set clocks."""

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from powercap_agent.hardware.zone import Constraint, Zone
from powercap_agent.status.energy_account import EnergyAccount, Regime
from powercap_agent.status.ledger import Part
from powercap_api.budget.energy import HISTORY_STEPS
from powercap_api.budget.status import BudgetEnergy
from tests.support.effort import examples
from tests.support.energy_history import columns_of

WATT = 1_000_000
RANGE = 65_532_610_987
"""65 kJ, the shortest range there is: 5½ minutes at 200 W."""
NOON = datetime(2025, 10, 9, 12, tzinfo=UTC)
UNDER_40_W = Regime("default", {Part.PACKAGES: 40 * WATT})


def package(number: int = 0, wraps_at: int | None = RANGE) -> Zone:
    limit = Constraint("long_term", "x")
    key = f"intel-rapl/package-{number}"
    return Zone(
        key, key, "intel-rapl", f"package-{number}", True, True, (limit,), energy=key, max_energy_uj=wraps_at
    )


def new_account() -> EnergyAccount:
    """The account of a new agent, on packages that draw 300 W at most."""
    account = EnergyAccount()
    account.ledger.highest_uw = lambda _: 300 * WATT
    return account


class Node:
    """Packages with counters, a clock, and the agent's account of them."""

    def __init__(
        self, zones: Sequence[Zone] = (package(0), package(1)), start_uj: int = RANGE - WATT
    ) -> None:
        self.zones = zones
        self.account = new_account()
        self.now = NOON
        self.moment = 5000.0
        self.drawn_uj = 0
        self._counted_uj = dict.fromkeys((zone.key for zone in zones), start_uj)

    def run(self, seconds: float, watts: float = 0.0) -> None:
        """Let time pass, all packages together drawing so much."""
        each_uj = round(watts * WATT * seconds / len(self.zones))
        for key in self._counted_uj:
            self._counted_uj[key] += each_uj
        self.drawn_uj += each_uj * len(self.zones)
        self.now += timedelta(seconds=seconds)
        self.moment += seconds

    def sample(self, regime: Regime = UNDER_40_W, *, absent: Sequence[Zone] = ()) -> None:
        """Have the account read the counters, but for those of ``absent``."""
        readings = {
            zone.key: (zone, self._counted_uj[zone.key] % (zone.max_energy_uj or 2**63))
            for zone in self.zones
            if zone not in absent
        }
        self.account.sample(self.now, self.moment, readings, regime, absent)

    def sampled(self, seconds: float, watts: float, regime: Regime = UNDER_40_W) -> None:
        """Let time pass with a sample every ten seconds."""
        for _ in range(int(seconds // 10)):
            self.run(10, watts)
            self.sample(regime)

    def restart(self, *, same_boot: bool = True) -> None:
        """Another agent goes on from what this one saved."""
        saved = json.loads(json.dumps(self.account.saved()))
        self.account = new_account()
        self.account.load(saved, same_boot=same_boot)

    def reboot(self) -> None:
        """The counters begin anew."""
        self._counted_uj = dict.fromkeys(self._counted_uj, 0)
        self.moment = 3.0

    def published(self, *, ended: bool = True) -> dict[str, Any]:
        """What the status tells, which the model takes."""
        published = self.account.published(self.now, ended=ended)
        assert published is not None
        assert BudgetEnergy.model_validate(published).to_wire() == published
        return published

    def told(self, *, ended: bool = True) -> dict[str, Any]:
        """The same with the columns as numbers."""
        published = self.published(ended=ended)
        return {**published, "history": [columns_of(run) for run in published["history"]]}


def test_the_total_and_its_quarters() -> None:
    node = Node()
    node.sample()
    node.sampled(900, 30)
    node.sampled(600, 39)
    assert node.told() == {
        "since": "2025-10-09T12:00:00Z",
        "until": "2025-10-09T12:25:00Z",
        "packages": {"joules": 30 * 900 + 39 * 600, "seconds": 1500},
        "history": [
            {
                "policy": "default",
                "start": "2025-10-09T12:00:00Z",
                "joules": [27_000, 23_400],
                "seconds": [900, 600],
                "boundSeconds": [0, 600],
                "boundJoules": [0, 23_400],
            }
        ],
    }
    assert node.told(ended=False)["history"] == [
        {"policy": "default", "start": "2025-10-09T12:00:00Z", "joules": [27_000]}
    ]


def test_an_interval_over_the_end_of_a_quarter_is_shared_out_by_time() -> None:
    node = Node()
    node.run(890)
    node.sample()
    node.run(30, 60)
    node.sample()
    assert node.told()["history"][0]["joules"] == [600, 1200]
    assert node.told()["history"][0]["seconds"] == [10, 20]


def test_another_policy_is_another_history() -> None:
    node = Node()
    node.sample()
    node.sampled(300, 30)
    node.sampled(600, 60, Regime("other"))
    node.sampled(900, 20, Regime("other"))
    assert [(run["policy"], run["start"], run["joules"]) for run in node.told()["history"]] == [
        ("default", "2025-10-09T12:00:00Z", [9_000]),
        ("other", "2025-10-09T12:00:00Z", [36_000, 18_000]),
    ]


def test_without_a_budget_only_the_total_goes_on() -> None:
    node = Node()
    node.sample(Regime())
    node.sampled(600, 30, Regime())
    assert (node.told()["packages"]["joules"], node.told()["history"]) == (18_000, [])


def test_every_lift_counts_once() -> None:
    node = Node()
    node.sample()
    lifted = Regime("default", lifted=True)
    for regime in (UNDER_40_W, lifted, lifted, UNDER_40_W, lifted, UNDER_40_W):
        node.run(10, 20)
        node.sample(regime)
    assert node.told()["history"][0]["lifts"] == [2]


def test_a_restart_loses_nothing_that_the_counters_know() -> None:
    node = Node()
    node.sample()
    node.sampled(100, 80)
    node.restart()
    node.run(200, 100)
    node.sample()
    node.sampled(100, 80)
    assert node.told()["packages"]["joules"] == 8_000 + 20_000 + 8_000
    assert node.told()["since"] == "2025-10-09T12:00:00Z"
    assert node.told()["history"][0]["joules"] == [36_000]


def test_an_absence_in_which_counters_may_have_wrapped_twice_is_left_out() -> None:
    node = Node()
    node.sample()
    node.sampled(100, 80)
    node.restart()
    node.run(1000, 80)
    node.sample()
    node.sampled(100, 80)
    assert node.told()["packages"]["joules"] == 16_000
    assert sum(node.told()["history"][0]["seconds"]) == 200


def test_a_reboot_goes_on_from_what_was_published() -> None:
    node = Node()
    node.sample()
    node.sampled(900, 80)
    published = node.published()
    node.reboot()
    node.account = new_account()
    node.run(600, 50)
    node.sample()
    node.account.adopt(published)
    node.account.adopt(published)
    node.sampled(100, 80)
    assert node.told()["packages"]["joules"] == 72_000 + 8_000
    assert node.told()["since"] == "2025-10-09T12:00:00Z"
    assert node.told()["history"][0]["joules"] == [72_000, 8_000]


def test_what_was_saved_before_a_reboot_is_kept_without_the_readings() -> None:
    node = Node()
    node.sample()
    node.sampled(900, 80)
    node.reboot()
    node.restart(same_boot=False)
    node.run(300, 50)
    node.sample()
    node.sampled(100, 80)
    assert node.told()["packages"]["joules"] == 72_000 + 8_000


def test_a_package_that_is_gone_for_a_while_is_not_guessed() -> None:
    both = (package(0), package(1))
    node = Node(both)
    node.sample()
    node.run(10, 100)
    node.zones = both[:1]
    node.sample()
    node.zones = both
    node.sampled(10, 100)
    node.sampled(10, 100)
    assert node.told()["packages"] == {"joules": 1_000, "seconds": 10}


@pytest.mark.parametrize("failing", [0.1, 0.5, 0.9])
def test_reads_that_fail_at_random_lose_no_energy_and_no_time(failing: float) -> None:
    dice = random.Random(1)
    node = Node(start_uj=0)
    node.sample()
    for _ in range(180):
        node.run(10, 200)
        node.sample(absent=[zone for zone in node.zones if dice.random() < failing])
    told = node.told()["packages"]
    assert told["joules"] == 200 * told["seconds"]
    assert told["seconds"] >= 1_700 or failing > 0.5


def test_time_of_which_nothing_is_known_is_told() -> None:
    node = Node(start_uj=0)
    node.sample()
    node.sampled(300, 100)
    for _ in range(30):  # long enough for a counter to wrap twice
        node.run(10, 100)
        node.sample(absent=node.zones[1:])
    node.sampled(300, 100)
    (run,) = node.told()["history"]
    # The first reading that succeeds again tells what to count from, and nothing of the time before it.
    assert (run["joules"], run["seconds"]) == ([59_000], [590])
    assert node.told()["packages"] == {"joules": 59_000, "seconds": 590}


def test_what_this_account_published_itself_is_not_taken_over() -> None:
    node = Node()
    node.sample()
    node.sampled(900, 80)
    before = node.told()
    node.account.adopt(node.published())
    node.account.adopt(node.published())
    assert node.told() == before


def test_accelerators_are_counted_apart() -> None:
    card = Zone("nvidia/GPU-1", "nvidia/0", "nvidia", "H100", True, None, (), energy="GPU-1")
    node = Node((package(0), card), start_uj=0)
    node.account.ledger.highest_uw = lambda _: 700 * WATT
    under = Regime("default", {Part.PACKAGES: 40 * WATT, Part.ACCELERATORS: 30 * WATT})
    node.sample(under)
    node.sampled(900, 60, under)  # 30 W each
    published = node.published()
    assert (published["packages"], published["accelerators"]) == ({"joules": 27_000, "seconds": 900},) * 2
    (run,) = published["history"]
    assert "boundSeconds" not in run["packages"]
    assert run["accelerators"] == {"joules": "27000", "boundSeconds": "900", "boundJoules": "27000"}
    node.restart()
    assert node.published() == published


def test_a_clock_that_is_set_back_moves_no_energy_out_of_the_total() -> None:
    node = Node()
    node.sample()
    node.sampled(1000, 50)
    node.now -= timedelta(hours=1)
    node.sampled(1000, 50)
    assert node.told()["packages"]["joules"] == 100_000
    node.now += timedelta(days=365)
    node.sampled(100, 50)
    assert node.told()["packages"]["joules"] == 105_000
    assert node.told()["history"][0]["start"] == "2026-10-09T11:30:00Z"


def test_the_history_is_four_hours_long() -> None:
    node = Node((package(wraps_at=None),))
    node.sample()
    for _ in range(40):
        node.run(900, 10)
        node.sample()
    (run,) = node.told(ended=False)["history"]
    assert run["joules"] == [9_000] * HISTORY_STEPS


def test_nothing_is_told_where_nothing_is_counted() -> None:
    account = EnergyAccount()
    account.sample(NOON, 1.0, {}, UNDER_40_W)
    assert account.published(NOON) is None
    assert account.saved() is None


NO_TIME = {"since": "2025-10-09T12:00:00+00:00", "until": "2025-10-09T12:00:00+00:00"}


@pytest.mark.parametrize(
    "saved",
    [
        {},
        {"since": "x"},
        {"since": "2025-10-09T12:00:00+00:00", "until": None},
        [],
        *(
            {
                **NO_TIME,
                "readings": {},
                "packages": {"joules": 0, "seconds": number},
                "published": NO_TIME | {"packages": {"joules": 0, "seconds": number}},
            }
            for number in (-1, float("nan"), 10**30)
        ),
    ],
)
def test_what_cannot_be_read_changes_nothing(saved: Any) -> None:
    node = Node()
    node.sample()
    node.sampled(100, 80)
    before = node.told()
    with pytest.raises((KeyError, TypeError, ValueError)):
        node.account.load(saved, same_boot=True)
    with pytest.raises((KeyError, TypeError, ValueError)):
        node.account.adopt(saved)
    assert node.told() == before


@examples(3, 50)
@given(seed=st.integers(0, 2**32), restarts=st.integers(0, 12))
def test_a_day_of_random_loads_wraps_and_restarts_is_counted_to_within_a_percent(
    seed: int, restarts: int
) -> None:
    dice = random.Random(seed)
    node = Node(start_uj=dice.randrange(RANGE))
    node.sample()
    killed_at = {dice.randrange(1, 8640) for _ in range(restarts)}
    quarters: dict[datetime, int] = {}
    watts, saved = 100.0, json.dumps(node.account.saved())
    for step in range(8640):
        if dice.random() < 0.05:
            watts = dice.uniform(10, 300)
        if (
            step in killed_at
        ):  # up to a minute after it was last saved, and another until the next agent is there
            node.run(dice.uniform(1, 60), watts)
            node.account = new_account()
            node.account.load(json.loads(saved), same_boot=True)
        node.run(10, watts)
        node.sample()
        if step % 6 == 0:
            saved = json.dumps(node.account.saved())
        if step % 90 == 0 or step == 8639:
            for run in node.told()["history"]:
                for place, joules in enumerate(run["joules"]):
                    quarters[datetime.fromisoformat(run["start"]) + place * timedelta(minutes=15)] = joules
    assert abs(node.told()["packages"]["joules"] * WATT - node.drawn_uj) <= 0.0001 * node.drawn_uj
    assert abs(sum(quarters.values()) * WATT - node.drawn_uj) <= 0.0001 * node.drawn_uj

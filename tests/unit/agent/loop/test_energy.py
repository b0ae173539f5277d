"""What the node draws, and the energy counted up, turn by turn in the main loop."""

import pytest

from powercap_agent.mailbox import BudgetSeen
from tests.support.agent_parts import Machine, Rehearsal
from tests.support.energy_history import columns_of
from tests.support.turns import draws, nothing, seen


def test_the_draw_during_a_dwell_is_compared_with_the_cap_that_stayed(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    budget = seen([60, 30, 60], dwellSeconds=1000)
    rehearsal.run([budget, nothing, *[draws(node, 40, 450)] * 5])
    # The cap of 60 W stays for the first 100 s of the quarter of an hour of 30 W.
    told = [status["draw"] for status in rehearsal.sink.statuses if status["draw"]]
    assert (told[0]["packages"]["capMicrowatts"], told[0]["packages"]["binds"]) == (60_000_000, False)
    assert told[-1]["packages"]["capMicrowatts"] == 45_000_000


def test_a_dry_run_compares_the_draw_with_no_cap(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    rehearsal.run([seen([40, 30], dryRun=True), nothing, *[draws(node, 39, 450)] * 3])
    told = [status["draw"] for status in rehearsal.sink.statuses if status["draw"]]
    assert (
        told[0]["averageMicrowatts"],
        told[0]["packages"]["capMicrowatts"],
        told[0]["packages"]["binds"],
    ) == (
        39_000_000,
        None,
        None,
    )


def test_the_draw_of_a_slot_is_told_in_the_next(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    rehearsal.run([seen([40, 30]), nothing, draws(node, 30, 450), draws(node, 39, 450), nothing])
    told = rehearsal.sink.statuses[1]
    assert told["current"]["draw"] == "34.5 W"
    assert told["draw"]["seconds"] == 900
    assert (told["draw"]["averageMicrowatts"], told["draw"]["peakMicrowatts"]) == (34_500_000, 39_000_000)
    assert (told["draw"]["packages"]["capMicrowatts"], told["draw"]["packages"]["binds"]) == (
        40_000_000,
        False,
    )
    zones = {zone["name"]: zone for zone in told["zones"]}
    assert list(zones) == ["package-0", "core", "uncore"]
    assert {name: len(zone["limits"]) for name, zone in zones.items()} == {
        "package-0": 2,
        "core": 0,
        "uncore": 0,
    }
    assert (zones["package-0"]["averageMicrowatts"], zones["package-0"]["peakMicrowatts"]) == (
        34_500_000,
        39_000_000,
    )


def test_energy_alone_is_told_once_an_hour(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    steady = seen([40] * 24)
    rehearsal.run([steady, nothing, *[draws(node, 30, 300)] * 30])
    told = [status["energy"] for status in rehearsal.sink.statuses]
    assert [energy["until"][11:16] for energy in told] == ["12:00", "13:00", "14:00", "14:30"]
    assert [energy["packages"]["joules"] for energy in told] == [0, 108_000, 216_000, 270_000]
    (run,) = told[1]["history"]
    assert columns_of(run) == {
        "policy": "default",
        "start": "2025-10-09T12:00:00Z",
        "joules": [27_000] * 4,
    }


def test_energy_goes_on_over_a_restart_of_the_agent(node: Machine) -> None:
    Rehearsal(node).run([seen([40] * 4), nothing, draws(node, 30, 300)])
    draws(node, 65, 100)()
    again = Rehearsal(node)
    again.run([seen([40] * 4), nothing, draws(node, 38, 300)])
    energy = again.sink.statuses[-1]["energy"]
    assert energy["packages"]["joules"] == 30 * 300 + 65 * 100 + 38 * 300
    assert energy["since"] == "2025-10-09T12:00:00Z"
    assert columns_of(energy["history"][0])["boundSeconds"] == [300]


def test_energy_goes_on_over_a_reboot_from_what_the_status_told(node: Machine) -> None:
    first = Rehearsal(node)
    first.run([seen([40] * 4), nothing, draws(node, 30, 300)])
    (node.state / "energy.json").unlink()
    body = seen([40] * 4).body
    assert body is not None
    body["status"] = first.sink.statuses[-1]
    again = Rehearsal(node)
    again.run([BudgetSeen(body), nothing, draws(node, 30, 300)])
    energy = again.sink.statuses[-1]["energy"]
    assert energy["packages"]["joules"] == 18_000
    assert columns_of(energy["history"][0])["joules"] == [18_000]


@pytest.mark.parametrize("kept", ["{", "{}", '{"bootId": "boot-1", "account": {"since": 5}}', "[]"])
def test_energy_that_was_kept_and_cannot_be_read_begins_anew(node: Machine, kept: str) -> None:
    node.state.mkdir(exist_ok=True)
    (node.state / "energy.json").write_text(kept, encoding="utf-8")
    rehearsal = Rehearsal(node)
    rehearsal.run([seen([40] * 4), nothing, draws(node, 30, 300)])
    assert rehearsal.sink.statuses[-1]["energy"]["packages"]["joules"] == 9_000
    assert "the energy kept from before cannot be read" in node.logged.getvalue()

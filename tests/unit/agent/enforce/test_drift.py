"""Limits that somebody else changes meanwhile: undone, counted, and not fought for ever."""

from dev.lab.fake_sysfs import PACKAGE, set_limit
from powercap_agent.enforce.enforcer import Enforcer
from powercap_agent.enforce.limit_state import FORGET_SECONDS, FREE_CHANGES, LAST_PAUSE_SECONDS
from powercap_agent.enforce.results import Report
from powercap_api.reasons import ZoneReason
from tests.support.agent_parts import BOUNDS, Machine
from tests.support.enforced import WATT, message, reasons


def drift(machine: Machine, enforcer: Enforcer) -> Report:
    set_limit(machine.root, PACKAGE, 55 * WATT)
    machine.time.seconds += 300
    return enforcer.enforce(40 * WATT, BOUNDS)


def test_drift_is_undone_and_counted_and_not_fought_for_ever(desktop: Machine) -> None:
    enforcer = desktop.enforcer()
    enforcer.enforce(40 * WATT, BOUNDS)
    for fights in range(1, FREE_CHANGES + 1):
        assert reasons(drift(desktop, enforcer))[PACKAGE] is ZoneReason.APPLIED
        assert desktop.limits()[PACKAGE] == 40 * WATT
        assert enforcer.reapplied == fights
    report = drift(desktop, enforcer)
    assert reasons(report)[PACKAGE] is ZoneReason.DRIFTED
    assert "again and again" in message(report, PACKAGE)
    assert desktop.limits()[PACKAGE] == 55 * WATT
    desktop.time.seconds += LAST_PAUSE_SECONDS
    enforcer.enforce(40 * WATT, BOUNDS)
    assert desktop.limits()[PACKAGE] == 40 * WATT


def test_somebody_who_raises_the_limit_in_each_slot_is_found(desktop: Machine) -> None:
    enforcer = desktop.enforcer()
    enforcer.enforce(40 * WATT, BOUNDS)
    told = []
    for slot in range(12):
        set_limit(desktop.root, PACKAGE, 60 * WATT)
        desktop.time.seconds += 900
        told.append(reasons(enforcer.enforce((40 - slot % 2) * WATT, BOUNDS))[PACKAGE])
        assert desktop.limits()[PACKAGE] == (40 - slot % 2) * WATT, "a new cap is written all the same"
    assert told == [ZoneReason.APPLIED] * FREE_CHANGES + [ZoneReason.DRIFTED] * (12 - FREE_CHANGES)


def test_a_drift_now_and_then_is_no_fight(desktop: Machine) -> None:
    enforcer = desktop.enforcer()
    enforcer.enforce(40 * WATT, BOUNDS)
    for _ in range(3 * FREE_CHANGES):
        drift(desktop, enforcer)
        enforcer.enforce(40 * WATT, BOUNDS)
        desktop.time.seconds += FORGET_SECONDS
    assert desktop.limits()[PACKAGE] == 40 * WATT
    assert enforcer.reapplied == 3 * FREE_CHANGES

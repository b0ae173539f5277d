"""What a budget says of its node's hardware, from what the policy says. Pure."""

from datetime import datetime, timedelta
from typing import Any

from powercap_api.policy.hardware import DevicePolicy, ZonePolicy
from powercap_api.powerbudget import DeviceRule, PressureRule, ZoneRule
from powercap_api.powerpolicy import PowerPolicy
from powercap_api.reasons import Split
from powercap_api.units import MICROWATTS_PER_WATT, parse_watts

from ..world.snapshot import NodeView


def hardware_terms(policy: PowerPolicy) -> dict[str, Any]:
    """The fields of PowerBudgetSpec that follow from ``spec.hardware``, the same for all nodes of the policy."""
    hardware = policy.spec.hardware
    valve = hardware.safety.pressure
    ramp = hardware.ramp_watts_per_second
    return {
        "split": None if hardware.split == Split.PROPORTIONAL else hardware.split,
        "zones": [ZoneRule(zone=rule.zone, **_power(rule)) for rule in hardware.zones] or None,
        "devices": [DeviceRule(driver=rule.driver, **_power(rule)) for rule in hardware.devices] or None,
        "ramp_microwatts_per_second": ramp * MICROWATTS_PER_WATT or None,
        "dwell_seconds": hardware.dwell_seconds or None,
        "pressure": PressureRule(
            some_percent=valve.some_percent, for_seconds=valve.for_seconds, lift_seconds=valve.lift_seconds
        )
        if valve.enabled
        else None,
    }


def lift_until(policy: PowerPolicy, node: NodeView, now: datetime) -> datetime | None:
    """Until when the node's original limits are in force because it has been NotReady for long; None: not at all.

    A lift begins when the node has been NotReady for ``forSeconds`` and ends ``liftSeconds`` later, or when the node is
    ready again. There is one for each time that a node becomes NotReady: where lifting the cap did not help, the cap
    was not what ailed it.
    """
    valve = policy.spec.hardware.safety.not_ready
    if not valve.enabled or node.not_ready_since is None:
        return None
    begins = node.not_ready_since + timedelta(seconds=valve.for_seconds)
    ends = begins + timedelta(seconds=valve.lift_seconds)
    return ends if begins <= now < ends else None


def _power(rule: ZonePolicy | DevicePolicy) -> dict[str, int | None]:
    return {
        "share_percent": rule.share_percent,
        "cap_microwatts": None if rule.cap is None else parse_watts(rule.cap),
    }

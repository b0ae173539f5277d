"""A simulated node's hardware: two packages that take every limit, seen with the agent's own words."""

from functools import lru_cache
from typing import Final

from powercap_agent.enforce import results
from powercap_agent.hardware.zone import LONG_TERM, SHORT_TERM, Constraint, Zone, limit_key
from powercap_agent.planning.limits import Terms
from powercap_agent.planning.plan import managed_limits, plan_writes
from powercap_agent.status.ledger import Draw, NodeDraw, Part
from powercap_api.reasons import ZoneReason

_LONG_UW: Final = 105_000_000
_SHORT_UW: Final = 126_000_000
ORIGINAL_UW: Final = 2 * _LONG_UW
"""What the node's packages may draw together when nobody caps them."""


def _package(number: int) -> Zone:
    path = f"intel-rapl/intel-rapl:{number}"
    constraints = tuple(Constraint(name, f"{path}/{name}") for name in (LONG_TERM, SHORT_TERM))
    return Zone(
        f"intel-rapl/package-{number}", path, "intel-rapl", f"package-{number}", True, True, constraints
    )


ZONES: Final = (_package(0), _package(1))
_ORIGINALS: Final = {
    limit_key(zone, constraint.name): _LONG_UW if constraint.name == LONG_TERM else _SHORT_UW
    for zone in ZONES
    for constraint in zone.constraints
}


@lru_cache(maxsize=64)
def capped(cap_uw: int, terms: Terms) -> results.Report:
    """Every limit of the plan is in force and reads back."""
    writes = plan_writes(ZONES, _ORIGINALS, cap_uw, terms)
    return results.report(
        [results.good(write, write.power_uw) for write in writes], clamped=results.clamped(writes)
    )


@lru_cache(maxsize=1)
def released() -> results.Report:
    """The originals have been put back."""
    found = []
    for zone, constraint in managed_limits(ZONES):
        original_uw = _ORIGINALS[limit_key(zone, constraint.name)]
        found.append(
            results.ZoneResult(
                zone, constraint.name, ZoneReason.RELEASED, original_uw, original_uw, original_uw
            )
        )
    return results.Report(tuple(found))


def drawn(cap_uw: int, seconds: float) -> NodeDraw:
    """A busy node's draw: nine tenths of its cap, with peaks at the cap."""
    each = Draw(cap_uw * 9 // 20, cap_uw // 2)
    total = Draw(2 * each.average_uw, 2 * each.peak_uw)
    return NodeDraw(seconds, total, {Part.PACKAGES: total}, tuple((zone, each) for zone in ZONES))


def counters(drawn_uj: float) -> dict[str, tuple[Zone, int]]:
    """The energy counters once so much was drawn, in microjoules by zone key. They never wrap."""
    return {zone.key: (zone, int(drawn_uj / len(ZONES))) for zone in ZONES}

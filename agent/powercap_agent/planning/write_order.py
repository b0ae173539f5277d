"""The order in which limits are written, so that no state between two writes exceeds those before and after. Pure."""

from collections.abc import Sequence

from .limits import Write, lead_constraint


def in_order(due: Sequence[tuple[Write, int]]) -> list[Write]:
    """The writes in the order that keeps short_term at or above long_term and the node's sum low.

    Zone by zone; those whose lead limit goes down before those whose lead limit goes up. Within a zone that goes
    up short_term is written first, within one that goes down long_term.
    """
    raised: dict[str, bool] = {}
    for write, reading_uw in due:
        if write.constraint == lead_constraint(write.zone):
            raised[write.zone.key] = write.power_uw > reading_uw
    for write, reading_uw in due:
        raised.setdefault(write.zone.key, write.power_uw > reading_uw)

    def place(item: tuple[Write, int]) -> tuple[bool, str, bool]:
        write, _ = item
        up = raised[write.zone.key]
        is_lead = write.constraint == lead_constraint(write.zone)
        return up, write.zone.key, is_lead if up else not is_lead

    return [write for write, _ in sorted(due, key=place)]

"""A day's planned periods with overrides laid over them, as a node's agent does it: for plans on paper. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from powercap_api.schedule import FULL_SHARE, Schedule, Window, share_of, window_at

from ...strategies import Limits
from ..budget_spec import PlannedPeriod, merge


def lay_over(
    periods: Schedule[PlannedPeriod], windows: Sequence[Window], limits: Limits
) -> Schedule[PlannedPeriod]:
    """The periods, cut where a window begins or ends; a released one counts as maxSource."""
    laid = merge(
        _with_window(piece, window_at(windows, piece.start), limits)
        for _, end, period in periods.spans()
        for piece in _pieces(period, end, windows)
    )
    return Schedule(tuple(laid), periods.until)


def _pieces(period: PlannedPeriod, until: datetime, windows: Iterable[Window]) -> list[PlannedPeriod]:
    bounds = {bound for window in windows for bound in (window.start, window.end)}
    cuts = sorted(bound for bound in bounds if period.start < bound < until)
    return [period, *(replace(period, start=cut) for cut in cuts)]


def _with_window(period: PlannedPeriod, window: Window | None, limits: Limits) -> PlannedPeriod:
    if window is None:
        return period
    limit_uw = window.limit_uw(limits.min_uw, limits.max_uw)
    if limit_uw is None:
        why = f"original limits, {window.basis}"
        return replace(period, share=FULL_SHARE, cap_uw=limits.max_uw, released=True, why=why)
    if period.cap_uw <= limit_uw:
        return period
    why = f"{limits.short_text(limit_uw)} at most, {window.basis}"
    return replace(period, share=share_of(limit_uw, limits.max_uw), cap_uw=limit_uw, why=why)

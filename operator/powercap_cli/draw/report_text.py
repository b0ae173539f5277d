"""Reports of days as text and CSV. Pure."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Final
from zoneinfo import ZoneInfo

from powercap_api.powerreport import PowerReportSpec
from powercap_operator.planning.reports.sums import sums_of, together
from powercap_operator.worth.measured import Machine, NotKnown, savings_of
from powercap_operator.worth.node import Outcome

from .backtest_text import numbers, percent

_CSV_HEAD: Final = (
    "policy", "day", "nodes", "nodeHours", "energyKWh", "cost", "currency", "co2Kg", "boundPercent", "lifts",
    "notFollowing", "acceleratorsKWh",
)  # fmt: skip
_LABEL: Final = 26
_SPANS: Final = (("yesterday", 1), ("last 7 days", 7), ("last 30 days", 30))


@dataclass(frozen=True, slots=True)
class Terms:
    """What savings are told with."""

    machine: Machine | None
    """By what they are modelled; None: they are not told."""
    max_watts: float | None
    """What maxSource is on a node; None: as the reports say."""


def as_csv(reports: Sequence[PowerReportSpec]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_CSV_HEAD)
    for report in reports:
        day = sums_of(report.quarters)
        writer.writerow(
            [
                report.policy,
                report.day,
                report.nodes,
                f"{day.node_hours:.1f}",
                f"{day.energy_kwh:.3f}",
                "" if day.cost is None else f"{day.cost:.4f}",
                report.currency or "",
                "" if day.co2_kg is None else f"{day.co2_kg:.3f}",
                f"{(day.bound or 0) * 100:.1f}",
                report.lifts,
                report.not_following,
                f"{(day.accelerator_joules or 0) / 3.6e6:.3f}",
            ]
        )
    return out.getvalue()


def text(reports: Sequence[PowerReportSpec], now: datetime, terms: Terms) -> str:
    """Each policy: yesterday, the last 7 and 30 days, and what its caps saved over the longest of them."""
    blocks = [
        _policy(policy, list(group), now, terms)
        for policy, group in groupby(reports, key=lambda report: report.policy)
    ]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _policy(policy: str, reports: Sequence[PowerReportSpec], now: datetime, terms: Terms) -> list[str]:
    today = _today(reports[-1], now)
    currency = next((report.currency for report in reversed(reports) if report.currency), None) or "cost"
    head = ("days", "node h", "energy kWh", f"cost {currency}", "CO2 kg", "bound", "lifts", "not following")
    lines = [f"policy {policy}", f"{'':<{_LABEL}}" + "".join(f"{name:>14}" for name in head)]
    for name, length in _SPANS:
        chosen = _last(reports, today, length)
        lines.append(_row(name, chosen))
    kept = _last(reports, today, 30)
    joules = together([sums_of(report.quarters) for report in kept]).accelerator_joules
    if joules is not None:
        lines.append(f"Of the energy of the last 30 days {joules / 3.6e6:.3f} kWh are the accelerators'.")
    if len(kept) < 30:
        lines.append(
            f"Of the last 30 days {len(kept)} are there: reports are kept as long as market days (the chart's"
            " operator.historyDays)."
        )
    return [*lines, *_savings(kept, terms, currency)]


def _today(report: PowerReportSpec, now: datetime) -> date:
    return now.astimezone(ZoneInfo(report.time_zone)).date()


def _last(reports: Sequence[PowerReportSpec], today: date, days: int) -> list[PowerReportSpec]:
    return [report for report in reports if today - timedelta(days=days) <= report.day < today]


def _row(name: str, reports: Sequence[PowerReportSpec]) -> str:
    told = together([sums_of(report.quarters) for report in reports])
    cells = (
        str(len(reports)),
        f"{told.node_hours:.1f}",
        f"{told.energy_kwh:.3f}",
        "-" if told.cost is None else f"{told.cost:.4f}",
        "-" if told.co2_kg is None else f"{told.co2_kg:.3f}",
        f"{(told.bound or 0) * 100:.0f} %",
        str(sum(report.lifts for report in reports)),
        str(max((report.not_following for report in reports), default=0)),
    )
    return f"{name:<{_LABEL}}" + "".join(f"{cell:>14}" for cell in cells)


def _savings(reports: Sequence[PowerReportSpec], terms: Terms, currency: str) -> list[str]:
    """What caps saved, beside both baselines; 0, and why, where none bound."""
    told = savings_of(reports, terms.machine, terms.max_watts)
    if isinstance(told, NotKnown) or terms.machine is None:
        return [f"Savings: not known: {told}."]
    found, watts, static = told
    if found.bound == 0:
        return ["Savings: 0. No cap ever held a node back: the nodes never wanted more than their caps."]
    lines = [
        f"Savings over these days, modelled from the measured draw; maxSource {watts:g} W,"
        f" static power {static:g} W a node, curve: {terms.machine.curve.source}",
        f"{'':<{_LABEL}}"
        + "".join(
            f"{name:>14}"
            for name in ("energy kWh", f"cost {currency}", "CO2 kg", "work h", f"{currency}/work h")
        ),
    ]
    for name, compared in (("saturated", found.saturated), ("with slack", found.slack)):
        lines += [
            _outcome(f"{name}: measured", compared.policy),
            _outcome("  no cap, at most", compared.uncapped),
            _change("    measured is", compared.policy, compared.uncapped),
            _outcome(f"  flat cap {found.flat_cap_watts:.1f} W", compared.flat),
            _change("    measured is", compared.policy, compared.flat),
        ]
    lines.append(
        "At most: what nodes would have drawn while caps held them back is taken as maxSource (docs/backtest.md)."
    )
    return lines


def _outcome(name: str, outcome: Outcome) -> str:
    cells = ("-" if value is None else f"{value:.4f}" for value in numbers(outcome).values())
    return f"{name[: _LABEL - 1]:<{_LABEL}}" + "".join(f"{cell:>14}" for cell in cells)


def _change(name: str, ours: Outcome, theirs: Outcome) -> str:
    pairs = zip(numbers(ours).values(), numbers(theirs).values(), strict=True)
    return f"{name:<{_LABEL}}" + "".join(f"{percent(*pair):>14}" for pair in pairs)

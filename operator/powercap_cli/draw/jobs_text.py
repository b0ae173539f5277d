"""What waiting would have bought jobs, as text and JSON. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from powercap_operator.planning.jobs.rule import Rule
from powercap_operator.worth.waiting import Sums


@dataclass(frozen=True, slots=True)
class SaidOfJobs:
    """What is told."""

    rule: Rule
    total: Sums
    months: Mapping[str, Sums]
    left_out: int
    """Jobs for which results are missing."""


def jobs_json(said: SaidOfJobs) -> str:
    """As JSON: the sums of all jobs at the top, and those of each month."""
    months = [{"month": month, **_numbers(found)} for month, found in said.months.items()]
    body = {
        **_numbers(said.total),
        "leftOut": said.left_out,
        "market": str(said.rule.market),
        "signal": said.rule.signal.value,
        "unit": said.rule.unit,
        "months": months,
    }
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def _numbers(found: Sums) -> dict[str, Any]:
    saved = found.saved_percent
    return {
        "jobs": found.jobs,
        "hours": round(found.hours, 3),
        "atOnce": _rounded(found.at_once),
        "waiting": _rounded(found.waiting),
        "best": _rounded(found.best),
        "savedPercent": None if saved is None else round(saved, 2),
        "meanDelayHours": round(found.mean_delay_hours, 3),
        "dearerThanAtOnce": found.dearer_than_at_once,
    }


def _rounded(value: Decimal) -> float:
    return round(float(value), 4) + 0.0


def jobs_text(said: SaidOfJobs) -> str:
    """For people: a line for each month and one for all."""
    rule = said.rule
    lines = [
        f"{said.total.jobs} jobs by {rule.signal} of {rule.market}, in {rule.unit}, weighted by hours",
        f"at once: started when submitted; waiting: by what was known, at most {_hours(rule)} later;"
        " best: by what came in the end",
        "",
        f"{'':8}{'jobs':>7}{'at once':>10}{'waiting':>10}{'best':>10}{'saved':>9}{'put off':>10}",
        *(_line(month, found) for month, found in said.months.items()),
        _line("all", said.total),
        "",
        f"{said.total.dearer_than_at_once} of {said.total.jobs} would have been cheaper at once."
        " A job is taken to draw the same power all the while.",
    ]
    if said.left_out:
        lines.append(f"{said.left_out} more jobs were left out: results are missing for when they would run.")
    return "\n".join(lines) + "\n"


def _hours(rule: Rule) -> str:
    return f"{rule.max_wait.total_seconds() / 3600:g} h"


def _line(name: str, found: Sums) -> str:
    saved = "–" if found.saved_percent is None else f"{found.saved_percent:.1f} %"
    costs = "".join(f"{float(cost):10.1f}" for cost in (found.at_once, found.waiting, found.best))
    return f"{name:8}{found.jobs:7d}{costs}{saved:>9}{found.mean_delay_hours:8.1f} h"

"""A comparison of policies as text, JSON and CSV. Pure.

All three carry the same numbers, rounded in one place: energy to the watt hour, cost to a hundredth of a cent, CO2 to
the gram, work to a thousandth of an hour, cost per work hour to six decimals.
"""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from textwrap import wrap
from typing import Any, Final

from powercap_operator.worth.comparison import Compared, PolicyResult, Setting
from powercap_operator.worth.curve import interpolate
from powercap_operator.worth.node import Outcome

_WIDTH: Final = 100
_LABEL: Final = 28
_MOST_DAYS: Final = 6
_DECIMALS: Final = {"energyKWh": 3, "cost": 4, "co2Kg": 3, "workHours": 3, "costPerWorkHour": 6}
_CSV_HEAD: Final = (
    "cluster", "policy", "strategy", "case", "capWatts", *_DECIMALS, "daysWorseThanFlatCap", "days",
)  # fmt: skip
_SATURATED: Final = "Saturated cluster: work waits, and static power counts as a cost of it"
_SLACK: Final = "Cluster with slack: static power is spent anyway, and is left out"


@dataclass(frozen=True, slots=True)
class Said:
    """What is told."""

    setting: Setting
    results: tuple[PolicyResult, ...]
    """The best first."""
    market: str
    min_watts: float
    static_is_default: bool
    has_load: bool


def numbers(outcome: Outcome) -> dict[str, float | None]:
    """The outcome's numbers by their names in JSON, rounded."""
    values = {
        "energyKWh": outcome.energy_kwh,
        "cost": outcome.cost,
        "co2Kg": outcome.co2_kg,
        "workHours": outcome.work_hours,
        "costPerWorkHour": outcome.cost_per_work_hour,
    }
    return {
        name: None if value is None else round(value, _DECIMALS[name]) + 0.0 for name, value in values.items()
    }


def as_json(said: Said) -> str:
    """One node of a saturated cluster, and what it was computed from, as JSON."""
    setting = said.setting
    body = {
        "market": said.market,
        "firstDay": setting.days[0].isoformat(),
        "lastDay": setting.days[-1].isoformat(),
        "days": len(setting.days),
        "maxSourceWatts": setting.max_watts,
        "minPowerWatts": said.min_watts,
        "staticWatts": setting.static_watts,
        "powerToWork": setting.curve.source,
        "policies": [_policy_json(result) for result in said.results],
    }
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def _policy_json(result: PolicyResult) -> dict[str, Any]:
    compared = result.saturated
    return {
        "name": result.name,
        "strategy": result.strategy,
        **numbers(compared.policy),
        "uncapped": numbers(compared.uncapped),
        "flatCap": {"capWatts": round(result.flat_cap_watts, 3), **numbers(compared.flat)},
        "daysWorseThanFlatCap": sum(compared.worse),
    }


def as_csv(said: Said) -> str:
    """A line for each kind of cluster, policy and case."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_CSV_HEAD)
    for cluster in ("saturated", "slack"):
        for result in said.results:
            compared = result.saturated if cluster == "saturated" else result.slack
            cases = (("policy", compared.policy), ("uncapped", compared.uncapped), ("flatCap", compared.flat))
            for case, outcome in cases:
                cap = round(result.flat_cap_watts, 3) if case == "flatCap" else ""
                worse = sum(compared.worse) if case == "policy" else ""
                found = ["" if value is None else value for value in numbers(outcome).values()]
                writer.writerow(
                    [cluster, result.name, result.strategy, case, cap, *found, worse, len(said.setting.days)]
                )
    return out.getvalue()


def text(said: Said) -> str:
    """For people: what was compared, both kinds of cluster, and which days were worse."""
    lines = [*_head(said), "", _SATURATED, *_table(said, slack=False), "", _SLACK, *_table(said, slack=True)]
    for result in said.results:
        lines += ["", *_about(said, result)]
    if len(said.results) > 1:
        lines += ["", *_ranking(said)]
    return "\n".join(lines) + "\n"


def _head(said: Said) -> list[str]:
    setting = said.setting
    first, last = setting.days[0], setting.days[-1]
    static = f"{setting.static_watts:g} W static power"
    if said.static_is_default:
        static += " (half of maxSource: say yours with --static-watts)"
    load = "as the load says" if said.has_load else "maxSource"
    lines = [
        f"{len(setting.days)} days of {said.market}, {first} to {last}; one node",
        f"maxSource {setting.max_watts:g} W, minPower {said.min_watts:g} W; uncapped it draws {load}",
        static,
        f"power to work: {setting.curve.source}",
    ]
    if setting.without_prices:
        count = len(setting.without_prices)
        lines.append(
            f"left out: {count} days without a price in every period: {_days(setting.without_prices)}"
        )
    if setting.without_load:
        count = len(setting.without_load)
        lines.append(f"left out: {count} days that the load does not tell: {_days(setting.without_load)}")
    return lines


def _table(said: Said, *, slack: bool) -> list[str]:
    currency = said.setting.currency
    head = ("energy kWh", f"cost {currency}", "CO2 kg", "work h", f"{currency}/work h")
    lines = [f"{'':<{_LABEL}}" + "".join(f"{name:>13}" for name in head)]
    for result in said.results:
        compared = result.slack if slack else result.saturated
        lines += [
            _row(result.name, compared.policy),
            _row("  uncapped", compared.uncapped),
            _difference("    the policy is", compared.policy, compared.uncapped),
            _row(f"  flat cap {result.flat_cap_watts:.3f} W", compared.flat),
            _difference("    the policy is", compared.policy, compared.flat),
        ]
    return lines


def _row(name: str, outcome: Outcome) -> str:
    cells = (
        "-" if value is None else f"{value:.{_DECIMALS[key]}f}" for key, value in numbers(outcome).items()
    )
    return f"{name[: _LABEL - 1]:<{_LABEL}}" + "".join(f"{cell:>13}" for cell in cells)


def _difference(name: str, ours: Outcome, theirs: Outcome) -> str:
    pairs = (
        (ours.energy_kwh, theirs.energy_kwh),
        (ours.cost, theirs.cost),
        (ours.co2_kg, theirs.co2_kg),
        (ours.work_hours, theirs.work_hours),
        (ours.cost_per_work_hour, theirs.cost_per_work_hour),
    )
    return f"{name:<{_LABEL}}" + "".join(f"{percent(*pair):>13}" for pair in pairs)


def percent(ours: float | None, theirs: float | None) -> str:
    """By how much ours is more (+) or less (−), in percent of theirs; "-" where that says nothing."""
    if ours is None or not theirs:
        return "-"
    change = round((ours - theirs) / abs(theirs) * 100, 1)
    return "0.0 %" if change == 0 else f"{'+' if change > 0 else '−'}{abs(change):.1f} %"


def _about(said: Said, result: PolicyResult) -> list[str]:
    """What a person has to know of one policy's numbers."""
    compared, days = result.saturated, len(said.setting.days)
    told = [
        f"{result.name}: {result.strategy}. The cap held the node back {result.bound * 100:.1f} % of the time."
    ]
    if result.bound == 0:
        told.append(
            f"It never did, so it saves 0: the lowest cap was {result.lowest_cap_watts:g} W, and the node never draws"
            f" more than {result.highest_load_watts:g} W."
        )
    else:
        told.append(_spread(compared))
    worse = [day for day, is_worse in zip(said.setting.days, compared.worse, strict=True) if is_worse]
    told.append(
        f"Worse than the flat cap on {len(worse)} of {days} days"
        + (f": {_days(tuple(worse))}." if worse else ".")
        + f" With slack on {sum(result.slack.worse)}."
    )
    if result.fallback_days:
        told.append(f"On {result.fallback_days} days an earlier day's results, or none, gave the caps.")
    return wrap(" ".join(told), _WIDTH)


def _spread(compared: Compared) -> str:
    known = [change * 100 for change in compared.against_flat if not isnan(change)]
    if not known:
        return "No day can be compared with the flat cap."
    least, low, median, high, most = (percentile(known, percent) for percent in (0, 10, 50, 90, 100))
    return (
        "A day's cost per work hour against the flat cap's:"
        f" {_signed(least)} % at best, {_signed(low)} % (P10), {_signed(median)} % (median),"
        f" {_signed(high)} % (P90), {_signed(most)} % at worst."
    )


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which so many percent of them are; between two values it is linear."""
    return interpolate(percent / 100 * (len(values) - 1), range(len(values)), sorted(values))


def _signed(value: float) -> str:
    rounded = round(value, 1)
    return "0.0" if rounded == 0 else f"{'+' if rounded > 0 else '−'}{abs(rounded):.1f}"


def _ranking(said: Said) -> list[str]:
    """The policies by cost per work hour, with the node without caps among them."""
    best = said.results[0]
    entries = [(result.name, result.saturated.policy.cost_per_work_hour) for result in said.results]
    entries.append(("no cap", best.saturated.uncapped.cost_per_work_hour))
    entries.sort(key=lambda entry: float("inf") if entry[1] is None else entry[1])
    lines = ["Ranking by cost per unit of work (saturated):"]
    for place, (name, cost) in enumerate(entries, start=1):
        beyond = "" if place == 1 else f", {percent(cost, entries[0][1])} against the first"
        shown = "no work" if cost is None else f"{cost:.6f} {said.setting.currency}/work h"
        lines.append(f"{place}. {name}: {shown}{beyond}")
    return lines


def _days(days: tuple[Any, ...]) -> str:
    named = ", ".join(str(day) for day in days[:_MOST_DAYS])
    more = len(days) - _MOST_DAYS
    return f"{named} and {more} more" if more > 0 else named

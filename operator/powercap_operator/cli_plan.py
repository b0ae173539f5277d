"""``powercap plan``: the day of caps that a policy gives a node, worked out here, without a cluster."""

import argparse
import re
import sys
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import ValidationError

from powercap_api.names import API_VERSION, POWER_POLICY
from powercap_api.powerpolicy import PowerPolicy
from powercap_api.units import format_watts_short

from . import strategies
from .budget import limits_of, merge, slots_of
from .calendar import day_bounds
from .coverage import DayResults, market_of
from .errors import CsvError, DayIncomplete
from .market import Query, build_market_day
from .market_csv import csv_resolution, from_csv

_BAR: Final = 24
_EXAMPLES: Final = """\
examples:
  powercap plan --policy policy.yaml --csv epex_data_2025-10-09.csv
      the caps of 9 October 2025 under the policy in the file
  powercap market fetch --area FR --auction IDA1 --date 2025-10-09
  powercap plan --policy policy.yaml --csv epex_data_2025-10-09.csv
      the same with the exchange's own results
  powercap plan --policy policy.yaml --csv day.csv --date 2025-10-26
      the delivery day said by hand, where the file's name does not end in it

A policy file is what kubectl apply takes:
  apiVersion: powercap.dev/v1alpha1
  kind: PowerPolicy
  metadata: {name: default}
  spec: {maxSource: "40", minPower: "10"}
"""


class PlanError(Exception):
    """The plan cannot be made; the message says which input is wrong and how."""


def add_plan_parser(subparsers: Any) -> None:
    """Add ``plan`` to the commands of ``powercap``."""
    parser = subparsers.add_parser(
        "plan",
        help="the day of caps that a policy gives a node",
        description="Print the slots that a node would get from a policy and a day of market results.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--policy", type=Path, required=True, metavar="FILE", help="a PowerPolicy in YAML or JSON"
    )
    parser.add_argument("--csv", type=Path, required=True, metavar="FILE", help="the day's results, as CSV")
    parser.add_argument(
        "--date",
        type=date.fromisoformat,
        metavar="DAY",
        help="delivery day (default: from the name of the CSV)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the plan; the exit code."""
    try:
        policy = read_policy(arguments.policy)
        day = arguments.date or day_in_name(arguments.csv)
        print(render(policy, read_day(policy, arguments.csv, day)))
    except (PlanError, CsvError, DayIncomplete) as error:
        sys.stderr.write(f"powercap plan: {error}\n")
        return 1
    return 0


def read_policy(path: Path) -> PowerPolicy:
    """The PowerPolicy in a file.

    Raises:
        PlanError: no such file, no YAML, or no valid policy.
    """
    try:
        body = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise PlanError(f"cannot read the policy: {error}") from error
    except yaml.YAMLError as error:
        raise PlanError(f"{path} is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(body, dict) or body.get("kind") != POWER_POLICY:
        raise PlanError(
            f"{path} is no PowerPolicy: it must begin with apiVersion: {API_VERSION}, kind: PowerPolicy"
        )
    try:
        return PowerPolicy.from_wire(body)
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in found["loc"])
        raise PlanError(f"{path}: {where}: {found['msg'].removeprefix('Value error, ')}") from error


def day_in_name(path: Path) -> date:
    """The delivery day in a file name such as ``epex_data_2025-10-09.csv``.

    Raises:
        PlanError: there is none.
    """
    found = re.search(r"([0-9]{4}-[0-9]{2}-[0-9]{2})", path.name)
    try:
        return date.fromisoformat(found[1] if found else "")
    except ValueError as error:
        raise PlanError(f"the name of {path} has no delivery day: say it with --date YYYY-MM-DD") from error


def read_day(policy: PowerPolicy, path: Path, day: date) -> DayResults:
    """The results in the file, as the policy's market on that day.

    Raises:
        PlanError: no such file, or periods of another length than the policy's market has.
        CsvError: the file cannot be read as that day.
        DayIncomplete: it lacks periods, or volumes that the strategy needs.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PlanError(f"cannot read the results: {error}") from error
    query = Query(market_of(policy.spec.market), day)
    minutes = csv_resolution(text)
    if minutes != query.market.resolution_minutes:
        raise PlanError(
            f"{path} has periods of {minutes} minutes and the policy follows {query.market}:"
            f" set market.resolutionMinutes: {minutes}"
        )
    strategy = strategies.create(policy.spec.strategy)
    data = build_market_day(
        from_csv(text, query), query, needs_volume=strategy.needs_volume, needs_price=strategy.needs_price
    )
    if not data.complete:
        raise DayIncomplete(f"{path}: {data.why}")
    return DayResults(
        day=day,
        source_day=day,
        periods=data.periods,
        end=day_bounds(day, query.market.bidding_zone.zone)[1],
        names=(),
        currency=query.market.bidding_zone.currency,
    )


def render(policy: PowerPolicy, results: DayResults) -> str:
    """The plan as a table with a bar for every slot, and the day's sum below."""
    zone = market_of(policy.spec.market).bidding_zone.zone
    limits = limits_of(policy)
    slots = merge(slots_of(results, strategies.create(policy.spec.strategy), limits))
    ends = [*(slot.start for slot in slots[1:]), results.end]
    lines = [
        f"{policy.metadata.name}: {market_of(policy.spec.market)} of {results.day}, {policy.spec.strategy.type},"
        f" maxSource {format_watts_short(limits.max_uw)}, minPower {format_watts_short(limits.min_uw)}"
        f" ({zone.key})",
        f"{'PERIOD':<13}{'CAP':>9}  {'':<{_BAR}}  WHY",
    ]
    energy = Decimal(0)
    for slot, end in zip(slots, ends, strict=True):
        begin_text, end_text = f"{slot.start.astimezone(zone):%H:%M}", f"{end.astimezone(zone):%H:%M}"
        if end == results.end:
            end_text = "24:00"
        bar = "█" * round(_BAR * slot.cap_microwatts / limits.max_uw)
        cap = format_watts_short(slot.cap_microwatts)
        lines.append(f"{begin_text}-{end_text:<7}{cap:>9}  {bar:<{_BAR}}  {slot.why}")
        energy += Decimal(slot.cap_microwatts) * ((end - slot.start) // timedelta(seconds=1))
    hours = (results.end - slots[0].start) // timedelta(hours=1)
    full = Decimal(limits.max_uw) * 3600 * hours
    watt_hours = energy / 3600 / 1_000_000
    lines.append(
        f"{len(slots)} slots; at the caps one node draws {watt_hours:.1f} Wh in {hours} hours,"
        f" {energy / full * 100:.0f} % of maxSource all day"
    )
    return "\n".join(lines)

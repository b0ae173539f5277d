"""``powercap jobs plan`` and ``powercap backtest --jobs``: when jobs that can wait are started, and what that buys."""

import argparse
import csv
import io
import json
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from powercap_api.clock import format_time
from powercap_api.poweroverride import parse_duration
from powercap_api.waitpolicy import WaitPolicy
from powercap_operator.market.delivery_day import day_of
from powercap_operator.market.errors import MarketError
from powercap_operator.market.known_days import market_of
from powercap_operator.market.tariff import short_price
from powercap_operator.planning.jobs.rule import Rule
from powercap_operator.worth.waiting import Job, PastDays, WaitedJob, by_month, sums, wait

from ..cluster.jobs import add_waiting_options
from ..draw.jobs_text import SaidOfJobs, jobs_json, jobs_text
from .history_files import Folder, read_folder
from .object_files import ObjectFileError, read_objects

_LONGEST_RUN: Final = timedelta(days=31)
_COLUMNS: Final = ("submitted", "hours", "waitHours")
_EXAMPLES: Final = """\
examples:
  powercap jobs plan --policy waitpolicy.yaml --history results/ --duration 4h --wait 12h
      when a job of four hours would start that is submitted now and may be put off for twelve hours
  powercap jobs plan --policy waitpolicy.yaml --history results/ --duration 4h --wait 12h --at 2025-10-02T18:00+02:00
      the same for a job submitted then, by what was known then
  powercap backtest --jobs jobs.csv --policy waitpolicy.yaml --history results/
      what waiting would have bought the jobs of a file

A policy file:
  apiVersion: powercap.dev/v1alpha1
  kind: WaitPolicy
  metadata: {name: default}
  spec: {market: {area: FR, auction: SDAC}, maxWait: 12h}
"""


class JobsError(Exception):
    """Jobs or options that cannot be worked with; the message says which and how."""


def add_jobs_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "jobs",
        description="Without COMMAND: the jobs of a cluster that wait for cheap hours, and until when.",
    )
    add_waiting_options(parser)
    commands = parser.add_subparsers(metavar="COMMAND")
    plan = commands.add_parser(
        "plan",
        help="when a job would start, and what waiting saves",
        description="Say when a job that can wait would start, by a WaitPolicy and files of results.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    plan.add_argument(
        "--policy", type=Path, required=True, metavar="FILE", help="a WaitPolicy in YAML or JSON"
    )
    plan.add_argument(
        "--history", type=Path, required=True, metavar="DIR", help="a folder with days of market results"
    )
    plan.add_argument("--duration", type=_duration, metavar="TIME", help="how long it runs, such as 4h")
    plan.add_argument(
        "--wait",
        type=_duration,
        metavar="TIME",
        help="the longest that its start may be put off, such as 12h",
    )
    plan.add_argument(
        "--at", type=_moment, metavar="TIME", help="when it is submitted, with an offset (default: now)"
    )
    plan.add_argument("--format", choices=("text", "json"), default="text")
    plan.set_defaults(run=run_plan)


def run_plan(arguments: argparse.Namespace) -> int:
    """Print when the job would start; the exit code."""
    try:
        rule, days, _ = _read(arguments.policy, arguments.history)
    except (JobsError, ObjectFileError, MarketError) as error:
        return _failed("jobs plan", error)
    at = arguments.at or datetime.now(UTC)
    job = Job(at, arguments.duration or rule.default_duration, arguments.wait or rule.max_wait)
    known = days.known(at)
    start = known.best_start(at, rule.latest_start(job.submitted, job.wait), job.duration, rule.least_saving)
    now_cost, then_cost = known.mean(at, job.duration), known.mean(start, job.duration)
    now_shown = None if now_cost is None else rule.shown(now_cost)
    then_shown = None if then_cost is None else rule.shown(then_cost)
    if arguments.format == "json":
        body = {
            "submitted": format_time(at),
            "start": format_time(start),
            "end": format_time(start + job.duration),
            "atOnce": None if now_shown is None else float(round(now_shown, 4)),
            "waiting": None if then_shown is None else float(round(then_shown, 4)),
            "market": str(rule.market),
            "unit": rule.unit,
        }
        sys.stdout.write(json.dumps(body, indent=2, ensure_ascii=False) + "\n")
        return 0
    zone = rule.market.bidding_zone.wall_clock
    local = f"{start.astimezone(zone):%a %Y-%m-%d %H:%M} {zone.key} ({format_time(start)})"
    if now_shown is None or then_shown is None:
        line = f"starts at once, {local}: results are not known for as long as it runs"
    elif start == at:
        line = f"starts at once, {local}: {_amount(now_shown)} {rule.unit}; no later start saves enough"
    else:
        line = f"starts {local}: {_amount(then_shown)} instead of {_amount(now_shown)} {rule.unit}"
    sys.stdout.write(line + "\n")
    return 0


def _amount(value: Decimal) -> str:
    return short_price(round(value, 2))


def run_backtest(arguments: argparse.Namespace) -> int:
    """Print what waiting would have bought the jobs of a file; the exit code."""
    try:
        _refuse_options_of_nodes(arguments)
        rule, days, folder = _read(arguments.policy, arguments.history)
        jobs = _within(read_jobs(arguments.jobs, rule), arguments.first, arguments.last, rule)
    except (JobsError, ObjectFileError, MarketError) as error:
        return _failed("backtest", error)
    waited: list[WaitedJob] = [one for job in jobs if (one := wait(job, days, rule)) is not None]
    if not waited:
        return _failed("backtest", JobsError(_why_none(jobs, folder, rule)))
    said = SaidOfJobs(rule, sums(waited), by_month(waited, rule), len(jobs) - len(waited))
    sys.stdout.write(jobs_json(said) if arguments.format == "json" else jobs_text(said))
    return 0


def _refuse_options_of_nodes(arguments: argparse.Namespace) -> None:
    given = [
        name
        for name in ("load", "curve", "static_watts", "compare", "node_watts", "plot")
        if getattr(arguments, name) not in (None, ())
    ]
    if arguments.format == "csv":
        given.append("format csv")
    if given:
        raise JobsError(
            f"--{given[0].replace('_', '-')} is of nodes, and not of jobs: leave it out with --jobs"
        )


def _within(jobs: Sequence[Job], first: date | None, last: date | None, rule: Rule) -> list[Job]:
    zone = rule.market.bidding_zone.wall_clock
    return [job for job in jobs if (first or date.min) <= day_of(job.submitted, zone) <= (last or date.max)]


def _why_none(jobs: Sequence[Job], folder: Folder, rule: Rule) -> str:
    if not jobs:
        return "no job was submitted between these days"
    if not folder.days:
        others = f"; it has {', '.join(folder.others)}" if folder.others else ""
        return f"the folder has no results of {rule.market}{others}: set the WaitPolicy's market"
    first, last = folder.days[0].query.delivery_day, folder.days[-1].query.delivery_day
    return f"results are missing for when the jobs would run: the folder has {first} to {last}"


def _read(policy: Path, history: Path) -> tuple[Rule, PastDays, Folder]:
    found = read_objects(policy, WaitPolicy, "the policy")
    if len(found) > 1:
        raise JobsError(f"{policy} has {len(found)} WaitPolicies: one at a time")
    rule = Rule.of(found[0].spec)
    folder = read_folder(history, market_of(found[0].spec.market))
    for line in folder.left_out:
        sys.stderr.write(f"powercap: {line}\n")
    return rule, PastDays([(day.query, day.periods) for day in folder.days], rule), folder


def read_jobs(path: Path, rule: Rule) -> list[Job]:
    """The jobs of a CSV file with the columns submitted (a time with its offset), hours and waitHours; where a cell of
    the last two is empty, or the column is not there, as the policy says.

    Raises:
        JobsError: it cannot be read, with the line's number.
    """
    try:
        reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig")), strict=True)
        names = reader.fieldnames or ()
        if "submitted" not in names or not set(names) <= set(_COLUMNS):
            raise JobsError(f"{path}: the first line must be {','.join(_COLUMNS)}")
        return [_job(row, rule, f"{path}, line {reader.line_num}") for row in reader]
    except (OSError, UnicodeDecodeError) as error:
        raise JobsError(f"cannot read {path}: {error}") from error
    except csv.Error as error:
        raise JobsError(f"{path} is no CSV: {error}") from error


def _job(row: dict[str, Any], rule: Rule, where: str) -> Job:
    if None in row:
        raise JobsError(f"{where}: more cells than columns")
    try:
        submitted = _moment(row["submitted"].strip())
    except argparse.ArgumentTypeError as error:
        raise JobsError(f"{where}: submitted: {error}") from error
    duration = _hours(row.get("hours"), rule.default_duration, f"{where}: hours")
    if duration < timedelta(seconds=1):
        raise JobsError(f"{where}: hours: a job runs for a second or more")
    return Job(submitted, duration, _hours(row.get("waitHours"), rule.max_wait, f"{where}: waitHours"))


def _hours(text: str | None, default: timedelta, where: str) -> timedelta:
    if text is None or not text.strip():
        return default
    try:
        length = timedelta(hours=float(text))
    except (ValueError, OverflowError) as error:
        raise JobsError(f"{where}: {text!r} is no number of hours") from error
    if not timedelta() <= length <= _LONGEST_RUN:
        raise JobsError(f"{where}: {text} is not from 0 to {_LONGEST_RUN.days * 24}")
    return length


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise argparse.ArgumentTypeError(
                f"{text!r} has no offset: write 2025-10-02T18:00+02:00, or Z for UTC"
            )
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 2025-10-02T18:00+02:00") from error
    if not 2000 <= moment.year <= 2200:
        raise argparse.ArgumentTypeError(f"{text} is not between 2000 and 2200")
    return moment


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _failed(command: str, error: Exception) -> int:
    sys.stderr.write(f"powercap {command}: {error}\n")
    return 1

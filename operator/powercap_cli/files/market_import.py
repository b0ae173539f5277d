"""``powercap market import``: days of prices out of files that other tools wrote."""

import argparse
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from powercap_api.markets import BIDDING_ZONES, Auction, GridData, auction_named
from powercap_operator.market.csv_format import day_file_name, to_csv
from powercap_operator.market.errors import MarketError
from powercap_operator.market.results import DayData

from .foreign_files import Imported, read_files
from .foreign_prices import Asked
from .results_files import write_day

_MOST_NAMED: Final = 5
_EXAMPLES: Final = """\
examples:
  powercap market import prices.csv --area FR --auction SDAC --output-dir results/
      a spreadsheet's CSV: one file for each delivery day, results/sdac_FR_2025-10-02.csv and so on
  powercap market import "Day-ahead Prices_202501010000-202601010000.csv" --output-dir results/
      an export of ENTSO-E's page says itself of which bidding zone and auction it is
  powercap market import answer.json --area DE-LU --output-dir results/
      an answer of Energy-Charts, aWATTar, SMARD or Nord Pool
  powercap market import prices.csv --area FR --auction SDAC --clock UTC --output-dir results/
      the clock of times without an offset, where the file does not name it

What was understood of each file is said on standard error, and the files written on standard output. Days that lack
periods or prices are named and not written. A file that is there already is written over with --overwrite only.
"""


def add_import_parser(commands: Any) -> None:
    """Add ``import`` to the commands of ``powercap market``."""
    parser = commands.add_parser(
        "import",
        help="write days of results out of other tools' files",
        description="Read prices out of files that other tools wrote, and write a CSV file for each delivery day.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="CSV, JSON, or XML of ENTSO-E")
    parser.add_argument(
        "--area",
        choices=list(BIDDING_ZONES),
        metavar="AREA",
        help="bidding zone, where the file does not say",
    )
    parser.add_argument(
        "--auction",
        type=_of_prices,
        choices=list(Auction),
        metavar="AUCTION",
        help="SDAC (day-ahead), IDA1, IDA2 or IDA3, where the file does not say",
    )
    parser.add_argument(
        "--clock",
        type=_clock,
        metavar="ZONE",
        help="clock of times without an offset, such as UTC or Europe/Paris (default: what the file names, else that"
        " of the bidding zone)",
    )
    parser.add_argument("--column", metavar="TITLE", help="the column of prices, where several may be it")
    parser.add_argument(
        "--output-dir",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="where to write the files (default: here)",
    )
    parser.add_argument("--overwrite", action="store_true", help="write over files of these days")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the days of every file; exit code 1 where a file gave none, or one was in the way."""
    asked = Asked(arguments.area, arguments.auction, arguments.clock, arguments.column)
    failed = False
    seen: dict[str, str] = {}
    for path, imported in read_files(arguments.files, asked):
        if isinstance(imported, MarketError):
            _say(f"{path}: {imported.line}")
            failed = True
            continue
        for line in told(imported):
            _say(f"{path}: {line}")
        failed |= not imported.days
        for day in imported.days:
            failed |= not _write(day, path, arguments, seen)
    return int(failed)


def _write(day: DayData, path: Path, arguments: argparse.Namespace, seen: dict[str, str]) -> bool:
    """Write one day's file; whether it is there now."""
    query = day.query
    name = day_file_name(query)
    text = to_csv(day.periods, query, source=path.name)
    if name in seen:
        _say(f"{path}: {query} is in {seen[name]} too: left out")
        return False
    seen[name] = str(path)
    try:
        print(write_day(arguments.output_dir, name, text, overwrite=arguments.overwrite))
    except MarketError as error:
        _say(f"{path}: {error}")
        return False
    return True


def told(imported: Imported) -> list[str]:
    """How a file was understood, and what was left out, in lines for people."""
    found = imported.found
    lines = [f"read as {found.area} {found.auction}: {'; '.join(found.notes)}"]
    if imported.days:
        lines.append(
            f"{len(imported.days)} whole days, {_spans([day.query.delivery_day for day in imported.days])}"
        )
    steps = sorted({day.query.market.resolution_minutes for day in (*imported.days, *imported.partial)})
    lines[-1] += f", in periods of {' and '.join(map(str, steps))} minutes"
    lines += [f"left out: {day.query.delivery_day}: {day.why}" for day in imported.partial[:_MOST_NAMED]]
    if len(imported.partial) > _MOST_NAMED:
        lines.append(f"left out: {len(imported.partial) - _MOST_NAMED} more days that are not whole")
    return lines


def _spans(days: Sequence[date]) -> str:
    """Days in order as spans, ``2025-01-01 to 2025-03-29, 2025-03-31``."""
    spans: list[list[date]] = []
    for day in days:
        if spans and day - spans[-1][1] == timedelta(days=1):
            spans[-1][1] = day
        else:
            spans.append([day, day])
    texts = [str(first) if first == last else f"{first} to {last}" for first, last in spans[:_MOST_NAMED]]
    more = f" and {len(spans) - _MOST_NAMED} more spans" if len(spans) > _MOST_NAMED else ""
    return ", ".join(texts) + more


def auction_option(text: str) -> Auction | GridData:
    """The auction or grid data of that name; argparse turns the error into a message."""
    try:
        return auction_named(text)
    except ValueError as error:
        known = ", ".join([*Auction, *GridData])
        raise argparse.ArgumentTypeError(
            f"{text!r} is no auction: write one of {known}, of which SDAC is the day-ahead auction"
        ) from error


def _of_prices(text: str) -> Auction:
    found = auction_option(text)
    if isinstance(found, GridData):
        raise argparse.ArgumentTypeError(
            f"{found} is no auction, and only prices are imported: see market fetch"
        )
    return found


def _clock(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{name!r} is no time zone such as UTC or Europe/Paris") from error


def _say(line: str) -> None:
    print(f"powercap market import: {line}", file=sys.stderr)

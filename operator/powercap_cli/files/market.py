"""``powercap market parse|fetch|show``: market results for people, on the command line.

Standard output carries the result and nothing else; what went wrong is one line on standard error, which
begins with the kind (wrong market, no table, blocked, malformed page …), and exit code 1. Wrong usage is exit
code 2.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from powercap_api.markets import (
    BIDDING_ZONES,
    RESOLUTIONS_MINUTES,
    Auction,
    Market,
    default_resolution,
)
from powercap_operator.market.csv_format import csv_name, day_file_name, to_csv
from powercap_operator.market.errors import CsvError, DayIncomplete, MarketError
from powercap_operator.market.known_days import market_of, periods_of
from powercap_operator.market.results import DayData, Period, Query, build_market_day
from powercap_operator.sources.registry import PROVIDERS

from ..cluster.access import add_cluster_options, run_on_cluster
from ..cluster.client import Cluster
from ..cluster.objects import cluster_day
from ..draw.figure import FigureError, draw_market
from ..draw.market_chart import draw_day
from ..draw.results_json import results_json
from .day_fetch import fetch_day, fetch_days
from .market_import import add_import_parser, auction_option
from .results_files import Asked, delivery_day, read_csv, read_file, read_page, write_day

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

_MARKET_EXAMPLES: Final = """\
examples:
  powercap market parse page.html --area FR --auction SDAC --date 2025-10-02
  powercap market fetch --area FR --auction IDA1 --date tomorrow --output-dir data
  powercap market import prices.csv --area FR --auction SDAC --output-dir results/
  powercap market show data/ida1_FR_2025-10-09.csv
"""
_PARSE_EXAMPLES: Final = """\
examples:
  powercap market parse page.html --area FR --auction SDAC --date 2025-10-02 > sdac_FR_2025-10-02.csv
      a page saved from the browser (its table visible), as CSV
  powercap market parse page.html --area GB --auction SDAC --date 2025-10-02 --resolution 30
      refuse the page where it does not hold half-hours
  curl … | powercap market parse - --area FR --auction IDA1 --date 2025-10-09
      from standard input

A page of another market, without a table, or that cannot be read with certainty gives nothing on standard output,
exit code 1 and one line that says which it was.
"""
_FETCH_EXAMPLES: Final = """\
examples:
  powercap market fetch --area FR --auction IDA1 --date 2025-10-09
      writes ida1_FR_2025-10-09.csv and prints its name
  powercap market fetch --area DE-LU --auction SDAC --date tomorrow --output-dir - | head
      prints the CSV instead
  powercap market fetch --area FR --auction SDAC --date today --provider EnergyCharts
      prices from a source that welcomes programs; it has no volumes
  powercap market fetch --auction SDAC --from 2025-01-01 --to 2025-12-31 --provider EnergyCharts --output-dir results
      a year's prices with twelve requests: one file for each day, and none asked for that is there
  powercap market fetch --area FR --auction Carbon --date tomorrow --provider EnergyCharts
      carbon intensity: writes carbon_FR_DAY.csv; a column says which values are forecasts
  powercap market fetch --base-url http://127.0.0.1:8000 --date 2025-10-09
      from a stand-in site

The exchange's site is for internal use (see its general conditions of data use). One run makes four requests at
most; do not put it in a loop: the operator fetches a day once for a whole cluster.
"""
_SHOW_EXAMPLES: Final = """\
examples:
  powercap market show ida1_FR_2025-10-09.csv
      the day is in the file's name, the market is FR IDA1 unless you say otherwise
  powercap market show --area GB --auction SDAC --date 2025-10-26 my.csv
  powercap market show page.html
      a saved page says itself what it holds
  powercap market show ida1_FR_2025-10-09.csv --plot day.svg
      and drawn as a figure

Bars are volumes, the small steps an hour's quarters, colours prices (green is cheap); no colour where NO_COLOR is
set or the output is no terminal.
"""


def add_market_parser(subparsers: Any, environ: Mapping[str, str] = os.environ) -> None:
    """Add ``market`` and its commands; each sets ``run``, which takes the arguments and returns the exit
    code."""
    market = subparsers.add_parser(
        "market",
        description="Read, fetch and show electricity market results.",
        epilog=_MARKET_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = market.add_subparsers(required=True, metavar="COMMAND")

    parse = _command(commands, "parse", "turn a saved market-results page into CSV", _PARSE_EXAMPLES)
    parse.add_argument("page", metavar="PAGE", help="the saved page; - for standard input")
    _add_market(parse)
    parse.add_argument(
        "--date", required=True, type=delivery_day, metavar="DAY", help="delivery day, such as 2025-10-02"
    )
    _add_format(parse, "csv")
    parse.set_defaults(run=_parse)

    _add_fetch(commands, environ)
    add_import_parser(commands)
    _add_show(commands, colour="NO_COLOR" not in environ)


def _add_fetch(commands: "Subparsers", environ: Mapping[str, str]) -> None:
    fetch = _command(commands, "fetch", "fetch a day's results and write them as CSV", _FETCH_EXAMPLES)
    _add_market(fetch)
    fetch.add_argument(
        "--date",
        default="today",
        type=delivery_day,
        metavar="DAY",
        help="delivery day, today or tomorrow (default: today)",
    )
    fetch.add_argument(
        "--from",
        dest="first",
        type=delivery_day,
        metavar="DAY",
        help="first of many delivery days of prices, in place of --date: one request for each month",
    )
    fetch.add_argument(
        "--to", dest="last", type=delivery_day, metavar="DAY", help="last of them (default: --from)"
    )
    fetch.add_argument(
        "--provider", choices=list(PROVIDERS), default="EPEX", help="the source (default: EPEX)"
    )
    fetch.add_argument(
        "--base-url", metavar="URL", help="the source's address, where it is not the usual one"
    )
    fetch.add_argument(
        "--output-dir",
        metavar="DIR",
        help="where to write the file; - prints it (default: here; JSON is printed)",
    )
    _add_format(fetch, "csv")
    fetch.add_argument(
        "--contact",
        default=environ.get("POWERCAP_CONTACT", ""),
        metavar="ADDRESS",
        help="mail address or URL that the source's operators can reach you at; sent with every request"
        " (default: $POWERCAP_CONTACT)",
    )
    fetch.add_argument("--overwrite", action="store_true", help="write over a file of that name")
    fetch.add_argument(
        "--seed-names",
        action="store_true",
        help="name the file epex_data_DAY.csv or carbon_data_DAY.csv, and leave out the line that says its market",
    )
    fetch.set_defaults(run=_fetch, token=environ.get("ENTSOE_TOKEN", ""))


def _add_show(commands: "Subparsers", *, colour: bool) -> None:
    show = _command(commands, "show", "draw a day in the terminal", _SHOW_EXAMPLES)
    show.add_argument(
        "file", metavar="FILE", help="a CSV file or a saved page; with --cluster a MarketDay's name"
    )
    show.add_argument("--cluster", action="store_true", help="show a MarketDay of the cluster")
    add_cluster_options(show)
    _add_market(show)
    show.add_argument(
        "--date", type=delivery_day, metavar="DAY", help="delivery day, where the file does not say"
    )
    show.add_argument(
        "--plot", type=Path, metavar="FILE", help="draw the day as a figure too: a .png or .svg file"
    )
    _add_format(show, "text")
    show.set_defaults(run=_show, colour=colour)


def _command(subparsers: "Subparsers", name: str, help_text: str, examples: str) -> argparse.ArgumentParser:
    return subparsers.add_parser(
        name,
        help=help_text,
        description=f"{help_text[0].upper()}{help_text[1:]}.",
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_market(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--area", default="FR", choices=list(BIDDING_ZONES), metavar="AREA", help="bidding zone (default: FR)"
    )
    parser.add_argument(
        "--auction",
        default=Auction.IDA1,
        type=auction_option,
        metavar="AUCTION",
        help="SDAC (day-ahead), IDA1, IDA2 or IDA3; Carbon or Renewable for what the grid's power is made of"
        " (default: IDA1)",
    )
    parser.add_argument(
        "--resolution",
        type=int,
        choices=RESOLUTIONS_MINUTES,
        metavar="MINUTES",
        help="length of a period: 15, 30 or 60 (default: what the page holds, or what the auction has)",
    )


def _add_format(parser: argparse.ArgumentParser, usual: str) -> None:
    help_text = f"json: market, day, and periods with their starts in UTC (default: {usual})"
    parser.add_argument("--format", choices=(usual, "json"), default=usual, help=help_text)


def _parse(arguments: argparse.Namespace) -> int:
    try:
        query, periods, _ = read_page(read_file(arguments.page), _asked(arguments))
    except MarketError as error:
        return _fail(error, arguments.page)
    sys.stdout.write(_written(query, periods, arguments))
    day = build_market_day(periods, query)
    if not day.complete:
        _warn(f"{arguments.page}: {day.why}")
    return 0


def _fetch(arguments: argparse.Namespace) -> int:
    if arguments.first is not None or arguments.last is not None:
        return _fetch_range(arguments)
    resolution = arguments.resolution or default_resolution(arguments.area, arguments.auction, arguments.date)
    query = Query(Market(arguments.area, arguments.auction, resolution), arguments.date)
    try:
        fetched = asyncio.run(fetch_day(query, arguments))
        if not fetched.day.usable:
            raise DayIncomplete(f"{fetched.day.why}: nothing was written, ask again later")
        if not fetched.day.complete:
            _warn(f"{arguments.provider} {query}: {fetched.day.why}")
        if (arguments.output_dir or ("-" if arguments.format == "json" else ".")) == "-":
            sys.stdout.write(_written(query, fetched.periods, arguments))
        else:
            _keep(query, fetched.periods, arguments)
    except MarketError as error:
        return _fail(error, f"{arguments.provider} {query}")
    return 0


def _fetch_range(arguments: argparse.Namespace) -> int:
    arguments.first = arguments.first or arguments.last
    arguments.last = arguments.last or arguments.first
    named = f"{arguments.provider} {arguments.area} {arguments.auction}"
    market = Market(arguments.area, arguments.auction, default_resolution(arguments.area, arguments.auction))

    def keep(day: DayData) -> bool:
        try:
            _keep(day.query, day.periods, arguments)
        except MarketError as error:
            _warn(f"{named}: {error}")
            return False
        return True

    try:
        if arguments.output_dir == "-" or arguments.format == "json" or arguments.resolution:
            raise CsvError(
                "of many days CSV files are written, in the periods that the source has: say --date for one"
            )
        if arguments.last < arguments.first:
            raise CsvError(f"--to {arguments.last} is before --from {arguments.first}")
        return (
            0
            if asyncio.run(fetch_days(market, arguments, keep, lambda line: _warn(f"{named}: {line}")))
            else 1
        )
    except MarketError as error:
        return _fail(error, named)


def _keep(query: Query, periods: Sequence[Period], arguments: argparse.Namespace) -> None:
    """Write the day's file and print its name.

    Raises:
        MarketError: as ``write_day``.
    """
    text = _written(query, periods, arguments, None if arguments.seed_names else arguments.provider)
    name = Path(csv_name(query) if arguments.seed_names else day_file_name(query)).stem
    folder = Path(arguments.output_dir or ".")
    print(write_day(folder, f"{name}.{arguments.format}", text, overwrite=arguments.overwrite))


def _written(
    query: Query, periods: Sequence[Period], arguments: argparse.Namespace, source: str | None = None
) -> str:
    if arguments.format == "json":
        return results_json(query, periods)
    return to_csv(periods, query, source=source)


def _show(arguments: argparse.Namespace) -> int:
    if arguments.cluster:
        return run_on_cluster(arguments, lambda cluster: _show_of_cluster(cluster, arguments))
    try:
        content = read_file(arguments.file)
        if content.lstrip()[:1] in (b"<", b"["):
            query, periods, source = read_page(content, _asked(arguments), as_it_says=True)
        else:
            query, periods, source = read_csv(content, Path(arguments.file).name, _asked(arguments))
    except MarketError as error:
        return _fail(error, arguments.file)
    return _draw(query, periods, source, arguments)


def _show_of_cluster(cluster: Cluster, arguments: argparse.Namespace) -> int:
    day = cluster_day(cluster, arguments.file)
    query = Query(market_of(day.spec), day.spec.delivery_date)
    return _draw(query, periods_of(day), f"MarketDay {arguments.file}", arguments)


def _draw(query: Query, periods: Sequence[Period], source: str, arguments: argparse.Namespace) -> int:
    has_volume = any(period.volume is not None for period in periods)
    day: DayData = build_market_day(periods, query, needs_volume=has_volume)
    if arguments.plot is not None:
        try:
            draw_market(day, arguments.plot, source=source)
        except FigureError as error:
            _warn(str(error))
            return 1
    if arguments.format == "json":
        sys.stdout.write(results_json(query, periods))
        return 0
    sys.stdout.write(draw_day(day, source=source, colour=arguments.colour and sys.stdout.isatty()))
    return 0


def _asked(arguments: argparse.Namespace) -> Asked:
    return Asked(arguments.area, arguments.auction, arguments.resolution, arguments.date)


def _fail(error: MarketError, where: str) -> int:
    hint = ""
    if error.retry_after:
        hint = f" (not before {datetime.now(UTC) + error.retry_after:%Y-%m-%d %H:%M} UTC, it says)"
    _warn(f"{error.line}{hint} [{where}]")
    return 1


def _warn(message: str) -> None:
    print(f"powercap: {message}", file=sys.stderr)

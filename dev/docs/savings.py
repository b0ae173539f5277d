"""The figures of README.md and docs/backtest.md, by `powercap backtest` on recorded days and on made-up ones.

Recorded days may be measured and not published: they are not in the project, but in a folder beside it. Where that
folder is not, the table in docs/backtest.md counts, and only README.md is held to it.
"""

import contextlib
import io
import json
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

from dev.docs.made import write_or_check
from powercap_api.markets import Auction, Market
from powercap_api.names import API_VERSION
from powercap_cli.main import main as powercap
from powercap_operator.market.csv_format import day_file_name, to_csv
from powercap_operator.market.results import Query
from powercap_operator.sources.mock import made_up_periods

ROOT: Final = Path(__file__).parents[2]
RECORDED: Final = ROOT / ".." / "shared" / "epex"
NUMBERS: Final = ROOT / "docs" / "backtest.md"
README: Final = ROOT / "README.md"
MADE_UP: Final = tuple(date(2025, 6, 1) + timedelta(days=place) for place in range(28))
STRATEGIES: Final = ("Volume", "Price", "CheapestHours")
_SHORT: Final = 70
"""Static watts of the rows that README.md has."""
_NUMBERS_HEAD: Final = (
    "| days | static power | strategy | bill | work | for the same work, against no cap | against the flat cap |"
    " days worse than the flat cap |\n|---|---|---|---|---|---|---|---|\n"
)
_README_HEAD: Final = (
    "| days | strategy | bill | work | for the same work, against no cap | against a constant cap |\n"
    "|---|---|---|---|---|---|\n"
)


class Row(NamedTuple):
    """A row of the table, as it is printed."""

    days: str
    static: str
    strategy: str
    bill: str
    work: str
    uncapped: str
    flat: str
    worse: str


def measured() -> Iterator[Row]:
    """The rows, measured: of recorded day-ahead days with three static powers, the newest month of them and the one
    recorded intraday day, and of made-up days."""
    for static in (0, _SHORT, 140):
        yield from _rows(RECORDED, "SDAC", static, "recorded")
    yield from _rows(RECORDED, "SDAC", _SHORT, "recorded", "--from", "2025-10-01", "--to", "2025-10-31")
    yield from _rows(RECORDED, "IDA1", _SHORT, "recorded")
    with tempfile.TemporaryDirectory() as folder:
        for day in MADE_UP:
            query = Query(Market("FR", Auction.IDA1), day)
            Path(folder, day_file_name(query)).write_text(
                to_csv(made_up_periods(query), query), encoding="utf-8"
            )
        yield from _rows(Path(folder), "IDA1", _SHORT, "made up (Mock)")


def backtest(history: Path, auction: str, static: int, *options: str) -> str:
    """What ``powercap backtest`` says of a policy of 140 and 40 W in France."""
    spec = {"maxSource": "140", "minPower": "40", "market": {"area": "FR", "auction": auction}}
    body = {"apiVersion": API_VERSION, "kind": "PowerPolicy", "metadata": {"name": "default"}, "spec": spec}
    out = io.StringIO()
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as policy:
        json.dump(body, policy)
        policy.flush()
        words = ["--policy", policy.name, "--history", str(history), "--static-watts", str(static)]
        words += ["--compare", ",".join(STRATEGIES), *options]
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()) as errors:
            if powercap(["backtest", *words]) != 0:
                raise RuntimeError(errors.getvalue())
    return out.getvalue()


def _rows(history: Path, auction: str, static: int, how: str, *options: str) -> Iterator[Row]:
    found: dict[str, Any] = json.loads(backtest(history, auction, static, "--format", "json", *options))
    span = " to ".join(dict.fromkeys((found["firstDay"], found["lastDay"])))
    days = f"{found['days']} of {found['market']}, {span}, {how}"
    shown = backtest(history, auction, static, *options).partition("Cluster with slack")[0]
    changes = [
        re.findall(r"[+−]?[0-9.]+ %|-(?= )", line) for line in shown.splitlines() if "the policy is" in line
    ]
    made = {}
    for policy, uncapped, flat in zip(found["policies"], changes[::2], changes[1::2], strict=True):
        name, worse = policy["strategy"], str(policy["daysWorseThanFlatCap"])
        made[name] = Row(days, f"{static} W", name, uncapped[1], uncapped[3], uncapped[4], flat[4], worse)
    yield from (made[name] for name in STRATEGIES)


def printed(text: str) -> list[Row]:
    """The rows of the table in docs/backtest.md."""
    lines = text.partition(_NUMBERS_HEAD)[2].partition("\n\n")[0].splitlines()
    return [Row(*(cell.strip() for cell in line.strip("|").split("|"))) for line in lines]


def _with(text: str, head: str, rows: Iterable[Iterable[str]]) -> str:
    before, found, rest = text.partition(head)
    if not found:
        raise ValueError(f"no table with the head {head.splitlines()[0]}")
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    return before + head + table + "\n" + rest.partition("\n\n")[2]


def main(arguments: list[str]) -> int:
    """Write the tables, or with ``--check`` only say whether they are up to date; the exit code."""
    numbers = NUMBERS.read_text(encoding="utf-8")
    rows = list(measured()) if RECORDED.is_dir() else printed(numbers)
    october = next(row.days for row in rows if row.days.startswith("4 of"))
    short = [
        (row.days, row.strategy, row.bill, row.work, row.uncapped, row.flat)
        for row in rows
        if row.static == f"{_SHORT} W" and row.days != october and "recorded" in row.days
    ]
    readme = _with(README.read_text(encoding="utf-8"), _README_HEAD, short)
    failed = write_or_check(NUMBERS, _with(numbers, _NUMBERS_HEAD, rows), arguments)
    return write_or_check(README, readme, arguments) or failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Every example of every ``--help`` and of the documents: those on files run, the others are options that there are."""

import argparse
import contextlib
import io
import re
import shlex
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from dev.lab.exchange.pages import market_page
from dev.lab.exchange.site import ExchangeSite
from powercap_api.markets import Auction, GridData, Market, default_resolution
from powercap_cli.main import _MODULES, main, make_parser
from powercap_operator.market.csv_format import day_file_name, to_csv
from powercap_operator.market.results import Query
from powercap_operator.sources.mock import made_up_periods

ROOT = Path(__file__).parents[3]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
DAY = date(2025, 10, 9)
HEAD = "apiVersion: powercap.dev/v1alpha1\nmetadata: {name: default}\n"
FILES = {
    "policy.yaml": 'kind: PowerPolicy\nspec: {maxSource: "140", minPower: "40"}\n',
    "share.yaml": 'kind: PowerPolicy\nspec: {maxSource: "80%"}\n',
    "solar.yaml": 'kind: PowerPolicy\nspec: {maxSource: "140", strategy: {type: Solar}}\n',
    "waitpolicy.yaml": "kind: WaitPolicy\nspec: {market: {area: FR, auction: SDAC}, maxWait: 12h}\n",
    "evening-peak.yaml": (
        'kind: PowerOverride\nspec: {limit: "60", nodeSelector: {}, reason: grid, start: 2025-10-09T17:00:00Z,'
        " duration: 2h}\n"
    ),
}
TABLES = {
    "jobs.csv": "submitted,hours,waitHours\n2025-10-05T18:00+02:00,4,12\n",
    "curve.csv": "cap,seconds,joules\n100,8.48,190.8\n60,10.49,157.4\n20,30.23,154.1\n",
    "runs.csv": "cap,seconds,joules\n100,8.48,190.8\n60,10.49,157.4\n20,30.23,154.1\n",
    "trace.csv": "time,watts\n00:00,90\n12:00,140\n",
}
ON_A_CLUSTER = {
    "report", "status", "node", "suspend", "resume", "exempt", "completion", "override",
}  # fmt: skip
"""Commands that ask a cluster, but for ``override --print``."""


def _helps(words: list[str]) -> Iterator[str]:
    """The help of a command and of those below it."""
    parser = make_parser(words)
    for word in words:
        (below,) = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
        parser = below.choices[word]
    yield parser.format_help()
    for below in [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]:
        for name in below.choices:
            yield from _helps([*words, name])


def _in_documents(text: str) -> Iterator[str]:
    for block in re.findall(r"```(?:sh|console)\n(.*?)```", text, re.DOTALL):
        yield from block.replace("\\\n", " ").splitlines()
    yield from re.findall(r"^\| `([^`]+)`", text, re.MULTILINE)


def _examples() -> Iterator[list[str]]:
    lines = [line for help_text in _helps([]) for line in help_text.splitlines()]
    for module in _MODULES:
        for name in module.commands:
            lines += [line for help_text in _helps([name]) for line in help_text.splitlines()]
    lines = [line for line in lines if line.startswith("  ") and not line.startswith("   ")]
    for file in DOCUMENTS:
        lines += _in_documents(file.read_text(encoding="utf-8"))
    seen = set()
    for line in lines:
        found = re.search(r"(?:^\s*|\| |&& )(?:kubectl )?powercap ([a-z-].*)", line)
        if found is None or "…" in found[1] or "..." in found[1]:
            continue
        words = shlex.split(re.split(r" [>|;] | >> |;", found[1])[0], comments=True)
        if tuple(words) not in seen:
            seen.add(tuple(words))
            yield words


EXAMPLES = list(_examples())


@pytest.fixture
def site() -> Iterator[ExchangeSite]:
    with ExchangeSite() as running:
        yield running


def _results(folder: Path, query: Query, name: str | None = None) -> None:
    folder.mkdir(exist_ok=True)
    text = to_csv(made_up_periods(query), query, source="Mock")
    (folder / (name or day_file_name(query))).write_text(text, encoding="utf-8")


def _world(folder: Path, arguments: argparse.Namespace, site: ExchangeSite, *, history: bool) -> None:
    """The files that examples name, as they are where such an example is called, and days of results on the site."""
    for name, text in FILES.items():
        (folder / name).write_text(HEAD + text, encoding="utf-8")
    for name, text in TABLES.items():
        (folder / name).write_text(text, encoding="utf-8")
    day = getattr(arguments, "date", None) or DAY
    area, auction = (
        getattr(arguments, "area", None) or "FR",
        getattr(arguments, "auction", None) or Auction.IDA1,
    )
    minutes = getattr(arguments, "resolution", None) or default_resolution(area, auction, day)
    query = Query(Market(area, auction, minutes), day)
    site.publish(query, made_up_periods(query))
    for place in range(-8, 3) if history else ():
        for market in (Market("FR", Auction.IDA1), Market("FR", Auction.SDAC)):
            _results(folder / "results", Query(market, day + timedelta(days=place)))
    if getattr(arguments, "first", None):
        this = Query(query.market, arguments.first)
        site.publish(this, made_up_periods(this))
    for name in ("day.csv", "my.csv"):
        _results(folder, query, name)
    _results(folder, Query(Market("FR", Auction.IDA1), DAY))
    _results(folder / "data", Query(Market("FR", Auction.IDA1), DAY))
    if not isinstance(auction, GridData):
        (folder / "page.html").write_text(market_page(query, made_up_periods(query)), encoding="utf-8")
    rows = "\n".join(f"{one.start:%Y-%m-%dT%H:%MZ},FR,{one.price}" for one in made_up_periods(query))
    for name in ("prices.csv", "Day-ahead Prices_202501010000-202601010000.csv"):
        (folder / name).write_text(f"time,Area,Day-ahead Price EUR/MWh\n{rows}\n", encoding="utf-8")
    of_list = ",".join(
        f'{{"start_timestamp": {int(one.start.timestamp())}000, "marketprice": {one.price}}}'
        for one in made_up_periods(query)
    )
    (folder / "answer.json").write_text(f'{{"data": [{of_list}]}}', encoding="utf-8")


def test_there_are_examples() -> None:
    assert len(EXAMPLES) > 50


@pytest.mark.parametrize("words", EXAMPLES, ids=" ".join)
def test_an_example_does_what_it_says(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, site: ExchangeSite
) -> None:
    errors = io.StringIO()
    if "--help" in words:
        with pytest.raises(SystemExit, match="0"), contextlib.redirect_stdout(io.StringIO()):
            main(words)
        return
    with contextlib.redirect_stderr(errors):
        arguments = make_parser(words).parse_args(words)
    on_a_cluster = (words[0] in ON_A_CLUSTER and "--print" not in words) or words == ["jobs"]
    of_a_cluster = getattr(arguments, "cluster", False) or (words[0] == "plan" and arguments.name is not None)
    if on_a_cluster or of_a_cluster:
        return
    words = ["results" if word == "DIR" else word for word in words]
    if (
        words[:2] == ["market", "fetch"] and "--to" in words
    ):  # a day of them: between months the source's pause is kept
        words[words.index("--to") + 1] = words[words.index("--from") + 1]
        arguments = make_parser(words).parse_args(words)
    if words[:2] == ["curve", "run"] or "-" in words[1:3]:  # on a node, as root; from standard input
        return
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENTSOE_TOKEN", "token")
    _world(tmp_path, arguments, site, history=words[0] != "market")
    if words[:2] == ["market", "fetch"] and arguments.provider != "Mock":
        url = {"EPEX": site.epex_url, "EnergyCharts": site.energy_charts_url, "ENTSOE": site.entsoe_url}
        words = [*words, "--base-url", url[arguments.provider]]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(errors):
        assert main(words) == 0, errors.getvalue()

"""Answers of the exchange's site, made up for any query and any periods, with the structure of the real ones.

Structure, class names, labels and heads are the real site's, the words
around them are not: no sentence of the site is repeated. Every function gives text as the site would send it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from html import escape

from dev.lab.exchange.facts import MARKET_TIME, covered_starts, period_starts, site_words
from powercap_api.markets import Auction, Market
from powercap_operator.market.results import Period, Query

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
FORBIDDEN = (
    "<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body>\r\n"
    "<center><h1>403 Forbidden</h1></center>\r\n</body>\r\n</html>\r\n"
)
CDN_ERROR = (
    '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN" "http://www.w3.org/TR/html4/loose.dtd">\n'
    '<HTML><HEAD><META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=iso-8859-1">\n'
    "<TITLE>ERROR: The request could not be satisfied</TITLE>\n</HEAD><BODY>\n<H1>504 Gateway Timeout ERROR</H1>\n"
    '<H2>The request could not be satisfied.</H2>\n<HR noshade size="1px">\nSome words.\n</BODY></HTML>'
)
CHALLENGE = (
    "<!DOCTYPE html><html><head><title>Human Verification</title>"
    '<script>window.gokuProps = {"key": "x"};</script></head><body><div id="captcha-container"></div></body></html>'
)


def english_date(day: date) -> str:
    """As headings print it: ``02 October 2025``."""
    return f"{day.day:02} {MONTHS[day.month - 1]} {day.year}"


def sample_periods(query: Query, *, lowest_price: Decimal = Decimal("-14.95")) -> tuple[Period, ...]:
    """A day of distinct values, each computable from its place: any shift or swap shows."""
    starts = covered_starts(query)
    return tuple(
        Period(
            start,
            Decimal(10000 + 137 * place).scaleb(-1),
            (lowest_price + Decimal(place) * Decimal("1.37")).quantize(Decimal("0.01")),
        )
        for place, start in enumerate(starts)
    )


@dataclass(frozen=True)
class Style:
    """How the site prints a table; the defaults are those of the autumn of 2025."""

    marked: bool = False
    """Mark the repeated hour (02a, 02b) instead of printing its label twice."""
    aggregates: bool | None = None
    """Print the hour after its quarters; None: where the site does (day-ahead quarters)."""
    length: str | None = None
    """The length in the heading; None: as the site writes it for the resolution."""
    last_update: datetime | None = None
    heading: str | None = None
    """Another heading than the query's."""
    auction: str | None = None
    """Another name of the auction in the heading."""


def print_number(value: Decimal | None) -> str:
    """As the site prints a cell."""
    return "-" if value is None else f"{value:,f}"


def print_label(start: datetime, query: Query, *, marked: bool) -> str:
    """As the site prints a label: hours as ``00 - 01``, shorter ones as ``00:00 - 00:15``."""
    minutes = query.market.resolution_minutes
    local = start.astimezone(MARKET_TIME)
    until = local.hour * 60 + local.minute + minutes
    begin, end = f"{local:%H:%M}", f"{until // 60:02}:{until % 60:02}"
    twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    if minutes == 60:
        begin, end = begin[:2], end[:2]
        if marked and twice:
            begin, end = (f"{begin}a", f"{begin}b") if local.fold == 0 else (f"{begin}b", end)
    elif marked and twice:
        mark = "ab"[local.fold]
        begin = f"{begin[:2]}{mark}{begin[2:]}"
        end = f"{end[:2]}{mark if end[:2] == begin[:2] else ''}{end[2:]}"
    return f"{begin} - {end}"


def heading_of(query: Query, style: Style) -> str:
    """The heading over the table, in one line."""
    words = site_words(query)
    minutes = query.market.resolution_minutes
    length = {15: "15min", 30: "30min", 60: ""}[minutes] if style.length is None else style.length
    parts = ["Auction", words.segment, style.auction or words.name, length]
    return " > ".join([*filter(None, parts), query.market.area, english_date(query.delivery_day)])


def _row(cells: Sequence[Decimal | None], odd: bool) -> str:
    inner = "\n".join(f"{' ' * 60}<td>{print_number(cell)}</td>" for cell in cells)
    return f'{" " * 36}<tr class="child {"impair" if odd else ""}">\n{inner}\n{" " * 72}</tr>\n'


def _sides(period: Period) -> list[Decimal | None]:
    """Buy, sell, volume and price: the volume is the larger side, here by turns."""
    if period.volume is None:
        return [None, None, None, period.price]
    less = (period.volume * Decimal("0.43")).quantize(Decimal(1).scaleb(period.volume.as_tuple().exponent))  # type: ignore[arg-type]
    buys = period.start.hour % 2 == 0
    return [period.volume if buys else less, less if buys else period.volume, period.volume, period.price]


def _aggregate(group: Sequence[list[Decimal | None]]) -> list[Decimal | None]:
    """The hour after its quarters: sums, and the mean price in the digits of the parts."""
    columns = list(zip(*group, strict=True))
    whole: list[Decimal | None] = []
    for place, column in enumerate(columns):
        known = [cell for cell in column if cell is not None]
        if len(known) < len(column):
            whole.append(None)
        elif place < 3:
            whole.append(sum(known, Decimal(0)))
        else:
            whole.append((sum(known, Decimal(0)) / len(known)).quantize(Decimal("0.01")))
    return whole


def _rows(periods: Sequence[Period], hour: int | None) -> list[list[Decimal | None]]:
    """A row for each period, and after each ``hour`` of them one for all."""
    rows: list[list[Decimal | None]] = []
    group: list[list[Decimal | None]] = []
    for period in periods:
        group.append(_sides(period))
        rows.append(group[-1])
        if len(group) == hour:
            rows.append(_aggregate(group))
            group = []
    return rows


def _in_euro(query: Query) -> bool:
    return query.market.area not in ("GB", "CH")


def _mean(periods: Sequence[Period]) -> str:
    prices = [period.price for period in periods if period.price is not None]
    return f"{sum(prices, Decimal(0)) / len(prices):.2f}" if prices else "-"


def widget(query: Query, periods: Sequence[Period], style: Style | None = None) -> str:
    """What the site's script puts into ``.js-md-widget``: heading, labels, values."""
    style = style or Style()
    minutes = query.market.resolution_minutes
    aggregates = style.aggregates
    if aggregates is None:
        aggregates = minutes < 60 and query.market.auction is Auction.SDAC and _in_euro(query)
    labels = "".join(
        f'\n{" " * 44}<li class="child {"impair" if place % 2 else ""} no-children">'
        f'<a href="#">{print_label(period.start, query, marked=style.marked)}</a></li>\n'
        for place, period in enumerate(periods)
    )
    rows = _rows(periods, 60 // minutes if aggregates else None)
    body = "".join(_row(cells, place % 2 == 1) for place, cells in enumerate(rows))
    sign = "£" if query.market.area == "GB" else "€"
    columns = {"Buy Volume": "MWh", "Sell Volume": "MWh", "Volume": "MWh", "Price": f"{sign}/MWh"}
    heads = "".join(f"<th>{name}<br /><span>({unit})</span></th>\n" for name, unit in columns.items())
    heading = escape(style.heading or heading_of(query, style), quote=False).replace("&gt;", ">\n" + " " * 24)
    update = ""
    if style.last_update is not None:
        local = style.last_update.astimezone(MARKET_TIME)
        update = (
            f'<span class="last-update">Last update:\n    {english_date(local.date())}\n'
            f"    ({local:%H:%M:%S} CET/CEST)\n</span>"
        )
    peak = _mean([period for period in periods if 8 <= period.start.astimezone(MARKET_TIME).hour < 20])
    return f"""        <!-- Notifications-->
    <!-- Table -->
    <div class="table-container">
        <h2>
            {heading}
        </h2>
        {update}
<div class="custom-tables {minutes}min">
    <div class="fixed-column js-table-times">
        <span class="fixed-head-column">Hours</span>
        <ul>{labels}
        </ul>
    </div>
    <div class="js-table-values">
        <table data-head="{query.delivery_day:%d.%m.%y}" class="table-01 table-length-1">
            <thead>
                <tr class="white"><th style="height:30px;" colspan="8"></th></tr>
                <tr><th><div class="msk">Index</span></div></th>
                    <th><div class="msk">Price <br /><span>({sign}/MWh)</span></div></th></tr>
                <tr class="flex-row white"><th>Baseload</th>
                    <th><div class="flex day-1"><span>{_mean(periods)}</span></div></th></tr>
                <tr class="flex-row white"><th>Peakload</th>
                    <th><div class="flex day-2"><span>{peak}</span></div></th></tr>
                <tr class="white"><th style="height:30px;" colspan="8"></th></tr>
                <tr>{heads}</tr>
            </thead>
            <tbody>
{body}
            </tbody>
        </table>
    </div>
</div>
        <p>Words about the use of the data.</p>    </div>
"""


def frame(inner: str, *, build_id: str = "form-FILTERS", disclaimer_id: str = "form-DISCLAIMER") -> str:
    """The page around a widget: head, conditions of use, filters, widget, footer."""
    filters = "\n".join(
        f'<input class="md-filter-{name}" type="radio" name="filters[{name}]" value="{value}">'
        for name, values in (
            ("modality", ("Auction", "Continuous")),
            ("sub_modality", ("DayAhead", "Intraday")),
            ("auction", ("MRC", "IDA1", "IDA2", "IDA3")),
            ("product", ("15", "30", "60")),
            ("data_mode", ("map", "table", "graph")),
            ("market_area", ("FR", "DE-LU", "GB")),
        )
        for value in values
    )
    return f"""<!DOCTYPE html>
<html lang="en" dir="ltr">
<head>
<meta charset="utf-8" />
<title>Market Results | EPEX SPOT</title>
<script>var settings = {{"x": "<div class='table-container'>"}};</script>
</head>
<body>
<div class="data-disclaimer-acceptation-form block" id="block-epexdatadisclaimerblock">
<form action="/en/market-results" method="post" id="data-disclaimer-acceptation-form" accept-charset="UTF-8">
<h2 class="disclaimer-title">Words of welcome</h2>
<button id="edit-acceptationbutton" type="submit" name="op" value="Access to EPEX Spot website "></button>
<input autocomplete="off" type="hidden" name="form_build_id" value="{disclaimer_id}" class="form-control" />
<input type="hidden" name="form_id" value="data_disclaimer_acceptation_form" class="form-control" />
</form>
</div>
<div class="page-wrap" id="epex-md-common-data-container" data-timezone="Europe/Paris">
<div class="js-md-page-wrap"><section class="filter-section">
<form class="market-data-filters-form" action="/en/market-results" method="post" id="market-data-filters-form">
{filters}
<input autocomplete="off" type="hidden" name="form_build_id" value="{build_id}" class="form-control" />
<input type="hidden" name="form_id" value="market_data_filters_form" class="form-control" />
</form>
      <div class="loading js-md-spinner"><span>Loading...</span></div>
      <div class="content js-md-widget">
{inner}
      </div>
      <div class="js-md-sidebar"></div>
</section></div>
</div>
<footer id="footer" role="contentinfo" class="footer-wrap"><p>Words.</p></footer>
<script type="application/json" data-drupal-selector="drupal-settings-json">{{"path":{{"baseUrl":"/"}}}}</script>
</body>
</html>
"""


def market_page(query: Query, periods: Sequence[Period], style: Style | None = None) -> str:
    """The whole page with its table."""
    return frame(widget(query, periods, style))


def ajax_answer(query: Query, periods: Sequence[Period], style: Style | None = None) -> str:
    """What the page's own script gets: a list of commands, one of which has the table."""
    return ajax_commands(widget(query, periods, style))


def ajax_commands(inner: str) -> str:
    """A list of commands that fills the widget with ``inner``."""
    return json.dumps(
        [
            {"command": "settings", "settings": {"pluralDelimiter": "\u0003"}, "merge": True},
            {"command": "update_build_id", "old": "form-FILTERS", "new": "form-NEW"},
            {
                "command": "insert",
                "method": "replaceWith",
                "selector": "#md_filters_wrapper",
                "data": "<form></form>",
            },
            {"command": "invoke", "selector": ".js-md-spinner", "method": "hide", "args": []},
            {"command": "invoke", "selector": ".js-md-widget", "method": "html", "args": [inner]},
        ]
    )


def shell_page(size: int = 475_000) -> str:
    """The page without its table: conditions of use, filters, a map that a script would fill."""
    timeline = '<div class="item js-timeline-l0"><a href="#" data-value="01"><span>00</span></a></div>\n'
    page = frame(f'<!-- Timeline-->\n<div class="timeline min15 js-timeline-desktop">{timeline * 24}</div>')
    return page.replace("</body>", f"<script>{'0123456789' * ((size - len(page)) // 10)}</script></body>")


def no_data_page(query: Query) -> str:
    """The page where the site has nothing for a query."""
    heading = heading_of(query, Style())
    return frame(
        f'<div class="table-container"><h2>{heading}</h2><p class="no-data">No data available</p></div>'
    )


def continuous_page(area: str, day: date, minutes: int = 60) -> str:
    """A page of continuous trading: other columns, hours, half-hours and quarters mixed."""
    rows = sorted(
        (start, -length, print_label(start, Query(Market("FR", Auction.SDAC, length), day), marked=False))
        for length in (60, 30, 15)
        for start in period_starts(day, length)
    )
    levels = {-60: "", -30: " lvl-1", -15: " lvl-2"}
    listed = "".join(
        f'<li class="{"sub-" if level else ""}child{level}"><a href="#">{label}</a></li>\n'
        for level, label in ((levels[length], label) for _, length, label in rows)
    )
    body = "".join(
        f'<tr class="child-0{levels[length]}">{"<td>1.0</td>" * 7}</tr>\n' for _, length, _ in rows
    )
    names = ("Low", "High", "Last", "Weight Avg.")
    heads = "".join(f"<th>{name}<br /><span>(€/MWh)</span></th>" for name in names)
    heads += "".join(
        f"<th>{name}<br /><span>(MWh)</span></th>" for name in ("Buy Volume", "Sell Volume", "Volume")
    )
    return frame(
        f'<div class="table-container"><h2>Continuous >\n {minutes}min >\n {area} >\n {english_date(day)}</h2>'
        f'<div class="custom-tables {minutes}min"><div class="fixed-column js-table-times"><ul>{listed}</ul></div>'
        f'<div class="js-table-values"><table data-head="{day:%d.%m.%y}" class="table-01 table-length-1 ">'
        f'<thead><tr class="white"><th></th></tr><tr>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table></div></div></div>"
    )

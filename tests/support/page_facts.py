"""What pages of the exchange's site are like, as facts: recorded from eight pages of June 2025 to June 2026.

Labels, classes, order and counts, none of the site's text. The pages that ``dev.lab.exchange.pages`` makes have to
be like this in every clone; where the saved pages are, they have to be like this too.
"""

from dataclasses import dataclass
from typing import Final

from bs4 import BeautifulSoup, Tag

AUCTION_HEADS: Final = ("Buy Volume (MWh)", "Sell Volume (MWh)", "Volume (MWh)", "Price (€/MWh)")
CONTINUOUS_HEADS: Final = (
    "Low (€/MWh)", "High (€/MWh)", "Last (€/MWh)", "Weight Avg. (€/MWh)", "Buy Volume (MWh)", "Sell Volume (MWh)",
    "Volume (MWh)",
)  # fmt: skip
_WRAPPED: Final = (
    "div.content.js-md-widget",
    "section.filter-section",
    "div.js-md-page-wrap",
    "div.page-wrap",
)
_INDEXES: Final = ("", "Index", "Baseload", "Peakload", "")


@dataclass(frozen=True)
class Outline:
    """A page's structure around and in its table."""

    heading: tuple[str, ...]
    """The parts between the signs, without the date."""
    labels: int
    first_label: str
    last_label: str
    rows: int
    heads: tuple[str, ...]
    """Of the columns."""
    label_classes: tuple[str, ...]
    """Of the first six labels."""
    row_classes: tuple[str, ...]
    """Of the first six rows."""
    table: str
    """What is around the table, by its classes."""
    index_rows: tuple[str, ...] = ()
    """The first cells of the head's rows above the columns."""
    wrapped: tuple[str, ...] = _WRAPPED


def _auction(heading: tuple[str, ...], minutes: int) -> Outline:
    """Zebra rows; quarters have their hour after each four."""
    count, ends = (96, ("00:00 - 00:15", "23:45 - 24:00")) if minutes == 15 else (24, ("00 - 01", "23 - 24"))
    return Outline(
        ("Auction", "Day-Ahead", "SDAC", *heading, "FR"),
        count,
        *ends,
        120 if minutes == 15 else 24,
        AUCTION_HEADS,
        ("child no-children", "child impair no-children") * 3,
        ("child", "child impair") * 3,
        f"custom-tables {minutes}min",
        _INDEXES,
    )


def _continuous(minutes: int, area: str) -> Outline:
    """An hour, its halves, their quarters."""
    return Outline(
        ("Continuous", f"{minutes}min", area),
        168,
        "00 - 01",
        "23:45 - 24:00",
        168,
        CONTINUOUS_HEADS,
        (
            "child",
            "sub-child lvl-1",
            "sub-child lvl-2",
            "sub-child lvl-2",
            "sub-child lvl-1",
            "sub-child lvl-2",
        ),
        ("child-0", "child-0 lvl-1", "child-0 lvl-2", "child-0 lvl-2", "child-0 lvl-1", "child-0 lvl-2"),
        f"custom-tables {minutes}min",
        ("",),
    )


HOURS: Final = _auction((), 60)
"""Until delivery in September 2025."""
QUARTERS: Final = _auction(("15min",), 15)
"""Since."""
HOURLY_INDEX: Final = _auction(("60min index",), 60)
"""The hours of a day of quarters."""
PAGES: Final = {
    "epex_FR_2025-06-22": HOURS,
    "epex_FR_2025-08-10": HOURS,
    "epex_FR_2025-09-29": HOURS,
    "epex_FR_2025-10-02": QUARTERS,
    "epex_FR_2025-10-05": QUARTERS,
    "epex_FR_2025-10-12": HOURLY_INDEX,
    "epex_FR_2025-10-29": HOURLY_INDEX,
    "epex_FR_2026-06-20": _continuous(60, "LV"),
    "epex_FR_2026-06-23": _continuous(15, "NO3"),
}
"""Saved pages by name."""


def outline(html: str | bytes) -> Outline | None:
    """A page's outline; None for a page without a table."""
    box = BeautifulSoup(html, "html.parser").select_one("div.table-container")
    if box is None:
        return None
    table = box.select_one("div.js-table-values table")
    heading = box.select_one("h2")
    around = box.select_one("div.custom-tables")
    assert table is not None
    assert heading is not None
    assert around is not None
    labels, rows = box.select("div.js-table-times li"), table.select("tbody tr")
    *above, columns = [row.select("th") for row in table.select("thead tr")]
    parts = [part.strip() for part in _text(heading).split(">")]
    return Outline(
        tuple(parts[:-1]),
        len(labels),
        _text(labels[0]),
        _text(labels[-1]),
        len(rows),
        tuple(_text(head) for head in columns),
        tuple(_classes(label) for label in labels[:6]),
        tuple(_classes(row) for row in rows[:6]),
        _classes(around),
        tuple(_text(head[0]) for head in above),
        tuple(".".join([one.name, *_classes(one).split()]) for one in box.parents)[: len(_WRAPPED)],
    )


def _text(tag: Tag) -> str:
    return " ".join(tag.get_text(" ").split())


def _classes(tag: Tag) -> str:
    return " ".join(tag.get("class") or ())

"""Real saved pages, where the folder with them is there: read in place, never copied."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from powercap_api.markets import Auction, Market
from powercap_operator.market.results import Query

FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "epex"


def saved(pattern: str = "*.html") -> list[Path]:
    """The files that are there; none is fine."""
    return sorted(FOLDER.glob(pattern)) if FOLDER.is_dir() else []


NEEDS_PAGES = pytest.mark.skipif(not saved(), reason="no saved pages beside the project")


def each_saved(pattern: str = "*.html") -> list[Any]:
    """A parameter for each file; where there is none, one that is skipped."""
    return [pytest.param(path, id=path.stem) for path in saved(pattern)] or [
        pytest.param(None, id="none", marks=NEEDS_PAGES)
    ]


def query_of(path: Path, minutes: int) -> Query:
    """What a file's name says was asked for: ``epex_FR_2025-10-02.html``, the day-ahead auction."""
    match = re.search(r"_(?P<area>[A-Z0-9-]+)_(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})", path.name)
    assert match is not None, path.name
    auction = Auction.IDA1 if path.name.startswith("ida1") else Auction.SDAC
    return Query(Market(match["area"], auction, minutes), date.fromisoformat(match["day"]))

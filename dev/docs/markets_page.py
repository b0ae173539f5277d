"""The tables of docs/markets.md, from the table of what is offered."""

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from dev.docs.made import write_or_check
from powercap_api.markets import BIDDING_ZONES, OFFERS, BiddingZone, GridData, Offer

FILE: Final = Path(__file__).parents[2] / "docs" / "markets.md"
_ZONES: Final = (
    "| area | market time is | windows are on | currency | how it is known that days are in market time |\n"
    "|---|---|---|---|---|\n"
)
_AUCTIONS: Final = (
    "| auction | areas | minutes, since | results from | covers | known from |\n|---|---|---|---|---|---|\n"
)
_NOON: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)


def _zone_row(zone: BiddingZone) -> str:
    ahead = _NOON.astimezone(zone.zone).hour - _NOON.astimezone(zone.wall_clock).hour
    told = {0: "the clock on the wall", 1: "an hour ahead of it", -1: "an hour behind it"}[ahead]
    proof = zone.proof or "**not proven**: the exchange's rules alone"
    return f"| `{zone.area}` | {told} | {zone.wall_zone} | {zone.currency} | {proof} |\n"


def _offer_row(offer: Offer) -> str:
    areas = (
        f"the {len(offer.areas)} of the single coupling" if len(offer.areas) > 1 else f"`{offer.areas[0]}`"
    )
    lengths = [
        f"{one.minutes}, {one.since.isoformat()}" if one.since else str(one.minutes) for one in offer.products
    ]
    times = [f"{one.results_at:%H:%M}" for one in offer.products]
    covers = f"{offer.from_hour:02}–24" if offer.from_hour else "0–24"
    return f"| `{offer.auction}` | {areas} | {'; '.join(lengths)} | {'; '.join(times)} | {covers} | {offer.source} |\n"


def with_tables(text: str) -> str:
    """The document with the tables as they should be."""
    auctions = (offer for offer in OFFERS if not isinstance(offer.auction, GridData))
    text = _with(text, _ZONES, map(_zone_row, BIDDING_ZONES.values()))
    return _with(text, _AUCTIONS, map(_offer_row, auctions))


def _with(text: str, head: str, rows: Iterable[str]) -> str:
    before, _, rest = text.partition(head)
    return (
        before
        + head
        + "".join(rows)
        + rest[rest.index("\n\n" if rest[:1] == "|" else "\n") + (rest[:1] == "|") :]
    )


def main(arguments: list[str]) -> int:
    """Write the tables, or with ``--check`` only say whether it is up to date."""
    return write_or_check(FILE, with_tables(FILE.read_text(encoding="utf-8")), arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Energy-Charts' answers: read with their digits, or refused."""

import json
from datetime import date
from typing import Any

import pytest

from powercap_api.markets import Auction, Market
from powercap_operator.market.errors import Malformed, NotPublished
from powercap_operator.market.results import Query, covered_starts
from powercap_operator.sources.energy_charts import parse_answer

DAY = date(2025, 10, 9)
HOURLY = Query(Market("FR", Auction.SDAC, 60), DAY)
SECONDS = [int(start.timestamp()) for start in covered_starts(HOURLY)]


def answer(**changes: Any) -> bytes:
    return json.dumps({"unix_seconds": SECONDS, "price": [1.5] * 24, "unit": "EUR / MWh", **changes}).encode()


def test_prices_keep_their_digits() -> None:
    body = answer(price=[0.1, -0.07, 100] + [1.5] * 21).replace(b"100", b"100.10")
    assert [str(period.price) for period in parse_answer(body, HOURLY)[:3]] == ["0.1", "-0.07", "100.10"]


def test_missing_prices_are_gaps() -> None:
    periods = parse_answer(answer(price=[None, 1, None] + [1.5] * 21), HOURLY)
    assert len(periods) == 22


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b"\xff",
        b"[" * 100_000,
        answer(price=[1.5]),
        answer(price=["x"] * 24),
        answer(unit="ct / kWh"),
        answer(unix_seconds=[1e300] * 24),
        answer(unix_seconds=[0] * 24),
        answer(unix_seconds=list(range(24))),
        answer(unix_seconds=SECONDS[::-1]),
        answer(unix_seconds=list(range(0, 500 * 900, 900)), price=[1] * 500),
        answer().replace(b"1.5", b"NaN", 1),
        answer().replace(b"1.5", b"1e999999", 1),
        answer().replace(b"1.5", b"1e-999999", 1),
    ],
)
def test_other_answers_are_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse_answer(body, HOURLY)


def test_no_prices_at_all_are_not_published() -> None:
    with pytest.raises(NotPublished):
        parse_answer(answer(price=[None] * 24), HOURLY)
    with pytest.raises(NotPublished):
        parse_answer(answer(unix_seconds=[], price=[]), HOURLY)

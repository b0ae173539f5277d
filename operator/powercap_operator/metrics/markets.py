"""Metrics of the market days: whether they are whole, what was asked for, and values of the periods to come. Pure."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from prometheus_client.core import GaugeMetricFamily, Metric

from powercap_api.marketday import MarketDay

from ..market.known_days import DayKey, KnownDays, is_complete
from ..market.publication import DAILY_LIMIT
from . import catalogue
from .catalogue import Family

JOULES_PER_MEGAWATT_HOUR: Final = 3_600_000_000


def gauge(family: Family) -> GaugeMetricFamily:
    """The family without samples."""
    return GaugeMetricFamily(family.name, family.text, labels=family.labels)


def market_metrics(days: Iterable[MarketDay], now: datetime) -> Iterator[Metric]:
    """Every day that there is, and every known period from the current one on."""
    known = KnownDays(days)
    yield from _days(known)
    yield from _periods(known, now)


def _days(known: KnownDays) -> Iterable[Metric]:
    complete, requests, left = map(
        gauge, (catalogue.DAY_COMPLETE, catalogue.DAY_REQUESTS, catalogue.DAY_REQUESTS_LEFT)
    )
    for key, day in known.items():
        labels = [*_market(key), key.day.isoformat()]
        made = 0 if day.status.fetch is None else day.status.fetch.requests
        complete.add_metric(labels, float(is_complete(day)))
        requests.add_metric(labels, made)
        left.add_metric(labels, max(DAILY_LIMIT - made, 0))
    return complete, requests, left


def _periods(known: KnownDays, now: datetime) -> Iterable[Metric]:
    price, volume = gauge(catalogue.PRICE), gauge(catalogue.VOLUME)
    carbon, renewable = gauge(catalogue.CARBON), gauge(catalogue.RENEWABLE)
    for key, day in known.items():
        length = timedelta(minutes=key.market.resolution_minutes)
        for period in day.status.periods:
            if period.start + length <= now:
                continue
            ahead = -((now - period.start) // length) * key.market.resolution_minutes
            labels = [*_market(key), str(ahead)]
            if period.price is not None:
                currency = day.status.currency or key.market.bidding_zone.currency
                price.add_metric([*labels, currency], float(period.price))
            if period.volume is not None:
                volume.add_metric(labels, float(period.volume) * JOULES_PER_MEGAWATT_HOUR)
            of = [*labels, str(bool(period.forecast)).lower()]
            if period.carbon is not None:
                carbon.add_metric(of, float(period.carbon))
            if period.renewable is not None:
                renewable.add_metric(of, float(period.renewable) / 100)
    return price, volume, carbon, renewable


def _market(key: DayKey) -> list[str]:
    market = key.market
    return [market.area, market.auction.value, str(market.resolution_minutes), str(key.provider)]

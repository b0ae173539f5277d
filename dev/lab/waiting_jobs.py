"""Jobs that wait for cheap hours, and the days of prices that they wait by, for suites and tests."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from dev.lab.exchange.facts import MARKET_TIME
from dev.lab.exchange.site import ExchangeSite
from dev.lab.results import DEFAULT_MARKET
from dev.lab.stage import tomorrow_and_today
from powercap_api.markets import Market
from powercap_api.names import API_VERSION, CHEAP_HOURS_LABEL
from powercap_operator.market.results import Query
from powercap_operator.sources.mock import made_up_periods

QUARTER: Final = timedelta(minutes=15)
USUAL: Final = Decimal("60.00")
CHEAP: Final = Decimal("10.00")
_POD: Final = {"restartPolicy": "Never", "containers": [{"name": "work", "image": "example.org/work"}]}


def publish_cheap_quarters(
    exchange: ExchangeSite, now: datetime, cheap: Sequence[datetime], market: Market = DEFAULT_MARKET
) -> None:
    """Have the exchange publish today and tomorrow at one price, but for the quarters that begin at these moments."""
    for day in tomorrow_and_today(now, MARKET_TIME):
        query = Query(market, day)
        periods = [
            replace(period, price=CHEAP if period.start in cheap else USUAL)
            for period in made_up_periods(query)
        ]
        exchange.publish(query, periods)


def wait_policy(name: str = "default", of_market: Market = DEFAULT_MARKET, **spec: Any) -> dict[str, Any]:
    """A WaitPolicy on the market of these days."""
    market = {"area": of_market.area, "auction": of_market.auction}
    metadata = {"name": name}
    spec = {"market": market, "defaultDuration": "15m", **spec}
    return {"apiVersion": API_VERSION, "kind": "WaitPolicy", "metadata": metadata, "spec": spec}


def waiting_job(
    name: str,
    labels: Mapping[str, str] = {CHEAP_HOURS_LABEL: "true"},
    *,
    suspend: bool = True,
    **annotations: str,
) -> dict[str, Any]:
    """A Job for the API server; annotations without their prefix, ``-`` written as ``_``."""
    said = {f"powercap.dev/{key.replace('_', '-')}": value for key, value in annotations.items()}
    metadata = {"name": name, "labels": dict(labels), "annotations": said}
    spec = {"suspend": suspend, "template": {"spec": _POD}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}

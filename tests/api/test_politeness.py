"""How often the operator asks the exchange, whatever MarketDays people make."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dev.lab.exchange.site import Behaviour
from dev.lab.results import DEFAULT_MARKET, periods_for
from dev.lab.stage import Stage, quoted_logs, wait_until
from powercap_api.names import API_VERSION, MARKET_DAY
from powercap_operator.market.results import Query
from tests.api.conftest import Kube


@pytest.fixture
def stage(kube: Kube, tmp_path: Path) -> Iterator[Stage]:
    """An operator without nodes and policies: only what the test makes is fetched."""
    stage = Stage(tmp_path, kube.plane, {})
    stage.open()
    with quoted_logs(stage):
        yield stage
    stage.close()


def past_day(back: int) -> date:
    return datetime.now(UTC).astimezone(DEFAULT_MARKET.bidding_zone.zone).date() - timedelta(days=back)


def market_day(name: str, day: date) -> dict[str, Any]:
    market = DEFAULT_MARKET
    spec = {"provider": "EPEX", "area": market.area, "auction": str(market.auction)}
    return {
        "apiVersion": API_VERSION,
        "kind": MARKET_DAY,
        "metadata": {"name": name},
        "spec": {**spec, "resolutionMinutes": market.resolution_minutes, "deliveryDate": day.isoformat()},
    }


def reasons(kube: Kube) -> dict[str, str]:
    """Why each MarketDay is complete or not."""
    return {
        name: condition["reason"]
        for name, item in kube.items("marketdays").items()
        for condition in item.get("status", {}).get("conditions", [])
        if condition["type"] == "Complete"
    }


def test_many_due_days_are_asked_for_one_after_the_other(kube: Kube, stage: Stage) -> None:
    days = [past_day(back) for back in range(1, 13)]
    for day in days:
        query = Query(DEFAULT_MARKET, day)
        stage.exchange.publish(query, periods_for(day, None))
    kube.apply(*(market_day(f"day-{day}", day) for day in days))
    stage.start_operator()
    wait_until(lambda: list(reasons(kube).values()) == ["Complete"] * 12, "every day is there", 40, every=0.2)
    assert len(stage.exchange.requests) == 12
    assert stage.exchange.most_at_once == 1


def test_five_objects_for_one_market_and_day_are_one_request(kube: Kube, stage: Stage) -> None:
    day = past_day(1)
    stage.exchange.behave(Behaviour(status=403, times=1))
    stage.exchange.publish(Query(DEFAULT_MARKET, day), periods_for(day, None))
    kube.apply(*(market_day(f"name-{index}", day) for index in range(5)))
    stage.start_operator()
    wait_until(lambda: list(reasons(kube).values()) == ["Refused"] * 5, "all know the refusal", 20, every=0.2)
    assert len(stage.exchange.requests) == 1
    stage.advance(timedelta(hours=3))
    wait_until(lambda: list(reasons(kube).values()) == ["Complete"] * 5, "all are there", 20, every=0.2)
    assert len(stage.exchange.requests) == 2
    fetches = [item["status"]["fetch"] for item in kube.items("marketdays").values()]
    assert [fetch["requests"] for fetch in fetches] == [2] * 5

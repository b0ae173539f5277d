"""Prometheus and Chromium as Debian packages them, the chart as helm renders it, and a real API server."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dev.lab.fake_sysfs import ONE_SOCKET, TWO_SOCKETS
from dev.lab.results import DEFAULT_MARKET, periods_for
from dev.lab.stage import Stage, quoted_logs, tomorrow_and_today
from powercap_operator.market.results import Query
from tests.api.conftest import Kube, binaries, control_plane, kube, shared_control_plane, shared_kube
from tests.chart.conftest import helm, render, required
from tests.sight.browser import Browser, running_browser

__all__ = [
    "binaries",
    "control_plane",
    "helm",
    "kube",
    "render",
    "required",
    "shared_control_plane",
    "shared_kube",
]

NODES = {"one-socket": ONE_SOCKET, "two-sockets": TWO_SOCKETS}


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests."""
    with running_browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture
def stage(kube: Kube, tmp_path: Path) -> Iterator[Stage]:
    """Two nodes and the exchange with today's and tomorrow's results; operator and agents are not started."""
    stage = Stage(tmp_path, kube.plane, NODES)
    stage.open()
    for day in tomorrow_and_today(datetime.now(UTC), DEFAULT_MARKET.bidding_zone.zone):
        stage.exchange.publish(Query(DEFAULT_MARKET, day), periods_for(day, None))
    with quoted_logs(stage):
        yield stage
    stage.close()

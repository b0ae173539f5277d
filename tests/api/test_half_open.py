"""A connection to the API server that is dead without either end being told: how long the operator follows nothing."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dev.lab.results import DEFAULT_MARKET, periods_for
from dev.lab.stage import Stage, quoted_logs, wait_until
from powercap_operator.kube.client import IDLE_SECONDS
from powercap_operator.loops.reconcile import FIRST_RESYNC_SECONDS
from powercap_operator.market.results import Query
from tests.api.conftest import Kube
from tests.support.tcp_proxy import TcpProxy

pytestmark = pytest.mark.long

ZONE = DEFAULT_MARKET.bidding_zone.zone
NOTICED_SECONDS = 75.0
BUSY_SECONDS = 15.0
"""For a machine that does much else."""


@pytest.fixture
def stage(kube: Kube, tmp_path: Path) -> Iterator[Stage]:
    """A node, in the morning of a day whose results are there; the operator is not started."""
    stage = Stage(tmp_path, kube.plane, {})
    stage.open()
    kube.add_node("node-a")
    now = datetime.now(UTC).astimezone(ZONE)
    stage.advance(now.replace(hour=9, minute=7, second=0) - now)
    stage.exchange.publish(Query(DEFAULT_MARKET, now.date()), periods_for(now.date(), None))
    with quoted_logs(stage):
        yield stage
    stage.close()


@pytest.fixture
def proxy(stage: Stage) -> Iterator[TcpProxy]:
    """The operator's way to the API server; the operator runs."""
    plane = stage.control_plane
    with TcpProxy(int(plane.url.rsplit(":", 1)[1])) as proxy:
        stage.start_operator(kubeconfig=stage.kubeconfig_by(f"https://127.0.0.1:{proxy.port}", "operator"))
        yield proxy
        stage.operator.stop()


def most(kube: Kube) -> int:
    budgets = kube.items("powerbudgets")
    return int(budgets["node-a"]["spec"]["maxSourceMicrowatts"]) if "node-a" in budgets else 0


def test_a_half_open_connection_is_noticed_in_time(kube: Kube, stage: Stage, proxy: TcpProxy) -> None:
    """All watches are dead, and the next list of the cluster is minutes away: only silence tells."""
    assert IDLE_SECONDS < NOTICED_SECONDS
    stage.apply_policy(maxSource="40")
    wait_until(lambda: most(kube) == 40_000_000, "a budget", 60, every=0.2)
    listed_again = time.monotonic() + FIRST_RESYNC_SECONDS + 10
    wait_until(lambda: time.monotonic() > listed_again, "the second list is over", 60, every=0.5)
    proxy.half_open()
    stage.apply_policy(maxSource="80")
    longest = NOTICED_SECONDS + BUSY_SECONDS
    wait_until(lambda: most(kube) == 80_000_000, "the edit is followed", longest, every=0.2)

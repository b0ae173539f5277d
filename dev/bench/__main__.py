"""The command behind ``make bench``."""

import argparse
import os
import sys

from dev.bench import costs, flood, latency
from dev.cluster.binaries import locate
from dev.cluster.control_plane import ControlPlane
from dev.cluster.progress import say
from dev.lab.audit_log import AuditLog
from dev.lab.fake_sysfs import ONE_SOCKET, TWO_SOCKETS
from dev.lab.figures import show
from dev.lab.results import DEFAULT_MARKET, periods_for
from dev.lab.stage import Stage, quoted_logs, tomorrow_and_today, wait_until
from dev.lab.suite import folder
from powercap_operator.market.results import Query

NODES = {f"node-{index}": TWO_SOCKETS if index % 2 else ONE_SOCKET for index in range(10)}
AGENT_SECONDS = 300.0
FLOOD_EVENTS = 100_000


def main() -> int:
    """Measure everything and print the table."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter waits: for trying the bench itself")
    quick = parser.parse_args().quick
    say("one agent alone")
    figures = [flood.measure(10_000 if quick else FLOOD_EVENTS)]
    with folder("bench") as root:
        audit = AuditLog(root / "audit", reads=True)
        plane = ControlPlane(
            locate(os.environ, say), root / "control-plane", say=say, api_server_flags=audit.flags
        )
        stage = Stage(root, plane, NODES)
        with stage, quoted_logs(stage):
            stage.start_cluster()
            for day in tomorrow_and_today(stage.clock.now(), DEFAULT_MARKET.bidding_zone.zone):
                stage.exchange.publish(Query(DEFAULT_MARKET, day), periods_for(day, None))
            stage.apply_policy(maxSource="60", minPower="10")
            stage.start_operator()
            for node in NODES:
                stage.start_agent(node)
            wait_until(
                lambda: all(stage.is_ready(node) for node in NODES), "all nodes follow their budgets", 90
            )
            seconds = 30.0 if quick else AGENT_SECONDS
            say(f"agents at rest for {seconds:.0f} s")
            figures += costs.agents(stage, audit, list(NODES), seconds)
            say("latencies")
            figures += latency.measure(stage, list(NODES))
    show(figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The command behind ``make bench``."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from dev.bench import command, costs, latency, parsing, single_agent
from dev.cluster.binaries import locate
from dev.cluster.control_plane import ControlPlane
from dev.lab.audit_log import AuditLog
from dev.lab.fake_sysfs import ONE_SOCKET, TWO_SOCKETS
from dev.lab.figures import show
from dev.lab.results import DEFAULT_MARKET, periods_for
from dev.lab.stage import Stage, quoted_logs, tomorrow_and_today, wait_until
from powercap_operator.market.results import Query

NODES = {f"node-{index}": TWO_SOCKETS if index % 2 else ONE_SOCKET for index in range(10)}
AGENT_SECONDS = 300.0
QUIET_SECONDS = 130.0
MANY_NODES = 1000
SOAK_EVENTS = 100_000


def say(text: str) -> None:
    """What is going on, beside the table."""
    sys.stderr.write(f"{text}\n")


def main() -> int:
    """Measure everything and print the table."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter waits: for trying the bench itself")
    quick = parser.parse_args().quick
    figures = parsing.measure() + command.start()
    say("one agent alone")
    figures += single_agent.measure(10_000 if quick else SOAK_EVENTS)
    with tempfile.TemporaryDirectory(prefix="powercap-bench-") as folder:
        audit = AuditLog(Path(folder) / "audit", reads=True)
        plane = ControlPlane(
            locate(os.environ, say), Path(folder) / "control-plane", say=say, api_server_flags=audit.flags
        )
        stage = Stage(Path(folder), plane, NODES)
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
            figures += command.status(plane.kubeconfig)
            say("latencies")
            figures += latency.measure(stage, list(NODES))
            say(f"operator with {MANY_NODES} nodes")
            figures += costs.operator(stage, audit, 70.0 if quick else QUIET_SECONDS, MANY_NODES)
    show(figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())

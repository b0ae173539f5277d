"""``powercap-operator``'s options, each with an environment variable for the chart where it needs one."""

import argparse
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from powercap_api.clock import Clock, open_clock

from .planning.overrides.matching import MOST
from .sources.registry import ProviderSettings
from .world.node_match import EVERYWHERE, AgentPlacement
from .worth.curve import Curve, read_runs
from .worth.measured import Machine, power_of

_DESCRIPTION = """\
The powercap operator: fetches the electricity market's results into MarketDays and computes a PowerBudget for every
node that a PowerPolicy selects. With --lease several may run in a cluster: one leads and writes, the others are ready
to take over. Without it, run one per cluster."""

_EXAMPLES = """\
examples:
  powercap-operator                               in a pod, with its service account
  KUBECONFIG=~/.kube/config powercap-operator     on your machine, against the cluster that kubectl uses
  powercap-operator --log-format text --clock-file /tmp/offset     a rehearsal at another time
"""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line and the environment ask for."""

    log_format: str
    log_level: str
    history: timedelta
    max_overrides: int
    """How many overrides that are not over have room in the cluster."""
    clock: Clock
    name: str
    """What this operator calls itself in the Lease: the pod's name."""
    lease: tuple[str, str] | None
    """Namespace and name of the Lease by which one of several operators leads; None: this one runs alone."""
    health: tuple[str, int] | None
    """Address and port to answer probes on; an empty address stands for all, of IPv6 and IPv4."""
    metrics: tuple[str, int] | None
    """Address and port to serve metrics on, as for probes."""
    page: tuple[str, int] | None
    """Address and port to serve the page on, as for probes."""
    page_hosts: frozenset[str]
    """Names with dots under which people reach the page."""
    providers: ProviderSettings
    machine: Machine | None
    """By what savings are modelled; None: they are not told."""
    agents: AgentPlacement
    """Where agents can run."""
    node_labels: bool
    """Whether Nodes get the label powercap.dev/power."""
    jobs: bool
    """Whether jobs are followed and released that wait for cheap hours."""
    pod_floors: bool
    """Whether pods are watched that ask for something by a label, where a policy lets them."""


def parse_options(argv: Sequence[str], environ: Mapping[str, str]) -> Options:
    """Read the options; ends the process with a message where they make no sense."""
    parser = _parser(environ)
    arguments = parser.parse_args(argv)
    namespace, _, lease = (arguments.lease or "").partition("/")
    if arguments.lease and not (namespace and lease and "/" not in lease):
        parser.error(
            f"--lease: {arguments.lease!r} is no NAMESPACE/NAME, such as powercap-system/powercap-operator"
        )
    if arguments.history_days < 2:
        parser.error("--history-days must be at least 2: yesterday's results are the fallback")
    if arguments.max_overrides < 1:
        parser.error("--max-overrides must be at least 1")
    try:
        agents = AgentPlacement.parse(arguments.agent_placement) if arguments.agent_placement else EVERYWHERE
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        parser.error(f"--agent-placement: {arguments.agent_placement!r} is no placement of pods: {error!r}")
    clock = open_clock(arguments.clock_file)
    return Options(
        log_format=arguments.log_format,
        log_level=arguments.log_level,
        history=timedelta(days=arguments.history_days),
        max_overrides=arguments.max_overrides,
        clock=clock,
        name=environ.get("POD_NAME") or socket.gethostname(),
        lease=(namespace, lease) if arguments.lease else None,
        health=_address(parser, "--health", arguments.health),
        metrics=_address(parser, "--metrics", arguments.metrics),
        page=_address(parser, "--page", arguments.page),
        page_hosts=frozenset(name.lower() for name in arguments.page_host),
        machine=_machine(parser, environ),
        agents=agents,
        node_labels=arguments.node_labels,
        pod_floors=arguments.pod_floors,
        jobs=arguments.jobs,
        providers=ProviderSettings(
            epex_url=arguments.epex_url,
            contact=arguments.contact,
            entsoe_token=environ.get("ENTSOE_TOKEN", ""),
            now=clock.now,
        ),
    )


def _address(parser: argparse.ArgumentParser, option: str, text: str | None) -> tuple[str, int] | None:
    """The address and port that an option names; ends the process with a message where it names none."""
    if not text:
        return None
    host, colon, port = text.rpartition(":")
    if not (colon and port.isdecimal() and int(port) < 65536):
        parser.error(f"{option}: {text!r} is no [HOST]:PORT, such as :8081")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _machine(parser: argparse.ArgumentParser, environ: Mapping[str, str]) -> Machine | None:
    """What POWER_CURVE (CSV) and STATIC_WATTS say; ends the process with a message where they make no sense."""
    curve, watts = environ.get("POWER_CURVE", "").strip(), environ.get("STATIC_WATTS", "").strip()
    if not (curve or watts):
        return None
    try:
        return Machine(Curve.of(read_runs(curve), "POWER_CURVE"), power_of(watts))
    except ValueError as error:
        parser.error(f"POWER_CURVE and STATIC_WATTS, by both of which savings are modelled: {error}")


def _parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="powercap-operator",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--log-format", choices=("json", "text"), default=environ.get("LOG_FORMAT", "json"))
    parser.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        default=environ.get("LOG_LEVEL", "info"),
    )
    parser.add_argument(
        "--history-days",
        type=int,
        default=14,
        metavar="N",
        help="how many days a MarketDay is kept after its delivery day (default: %(default)s)",
    )
    parser.add_argument(
        "--max-overrides",
        type=int,
        default=MOST,
        metavar="N",
        help="how many PowerOverrides that are not over have room in the cluster (default: %(default)s)",
    )
    parser.add_argument(
        "--epex-url",
        default=environ.get("EPEX_URL", ProviderSettings().epex_url),
        metavar="URL",
        help="where the exchange's market results page is (default: %(default)s)",
    )
    parser.add_argument(
        "--contact",
        default=environ.get("CONTACT", ""),
        metavar="ADDRESS",
        help="mail address or URL that the exchange's operators can reach you at; sent in the User-Agent",
    )
    parser.add_argument(
        "--clock-file",
        type=Path,
        metavar="FILE",
        help="for rehearsals: a file with a number of seconds to add to the machine's time",
    )
    parser.add_argument(
        "--lease",
        metavar="NAMESPACE/NAME",
        default=environ.get("LEASE"),
        help="elect one leader of several operators by this Lease; without it, this one takes itself for the only one",
    )
    parser.add_argument(
        "--agent-placement",
        metavar="JSON",
        default=environ.get("AGENT_PLACEMENT"),
        help="where agents can run: nodeSelector, affinity and tolerations of their DaemonSet's pods, as an object in"
        " JSON; no policy governs other nodes (default: every node)",
    )
    _add_servers(parser, environ)
    return parser


def _add_servers(parser: argparse.ArgumentParser, environ: Mapping[str, str]) -> None:
    parser.add_argument(
        "--node-labels",
        action="store_true",
        help="label Nodes powercap.dev/power: low, normal or high by their cap, for schedulers",
    )
    parser.add_argument(
        "--pod-floors",
        action="store_true",
        help="watch pods labelled powercap.dev/floor or powercap.dev/exempt, where a policy has workloads.floors",
    )
    parser.add_argument(
        "--jobs",
        action="store_true",
        help="follow jobs labelled powercap.dev/cheap-hours=true, and release them by WaitPolicies",
    )
    parser.add_argument(
        "--health",
        metavar="[HOST]:PORT",
        default=environ.get("HEALTH"),
        help="answer probes at /healthz and /readyz, such as on :8080",
    )
    parser.add_argument(
        "--metrics",
        metavar="[HOST]:PORT",
        default=environ.get("METRICS"),
        help="serve metrics for Prometheus at /metrics, such as on :8081",
    )
    parser.add_argument(
        "--page",
        metavar="[HOST]:PORT",
        default=environ.get("PAGE"),
        help="serve a page for people, read-only, such as on 127.0.0.1:8082",
    )
    parser.add_argument(
        "--page-host",
        metavar="NAME",
        action="append",
        default=[],
        help="serve the page under this name too, such as an Ingress's; may be given more than once",
    )

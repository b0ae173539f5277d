"""``powercap-operator``: the process. Reads the options, opens the connections, runs the loops until a signal."""

import argparse
import asyncio
import os
import socket
import sys
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

import aiohttp
import httpx
import kopf
from kubernetes_asyncio import config
from kubernetes_asyncio.client import Configuration
from kubernetes_asyncio.client.api_client import ApiClient
from prometheus_client import CollectorRegistry, start_http_server

from powercap_api.clock import Clock, open_clock

from . import logs
from .fetcher import Fetcher
from .health import Heartbeats, probes
from .kube import watches
from .kube.cache import WorldCache
from .kube.client import Cluster
from .kube.event_recorder import Recorder
from .kube.leadership import AlwaysLeading, Election, Leadership, read_clocks
from .kube.lease import LeaseStore
from .loop_pauses import LoopPauses
from .metrics import Counts, WorldCollector
from .planning.snapshot import World
from .reconcile import Reconciler
from .sources.registry import ProviderSettings

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
    clock: Clock
    name: str
    """What this operator calls itself in the Lease: the pod's name."""
    lease: tuple[str, str] | None
    """Namespace and name of the Lease by which one of several operators leads; None: this one runs alone."""
    health: tuple[str, int] | None
    """Address and port to answer probes on."""
    metrics: tuple[str, int] | None
    """Address and port to serve metrics on."""
    providers: ProviderSettings


def parse_options(argv: Sequence[str], environ: Mapping[str, str]) -> Options:
    """Read the options; ends the process with a message where they make no sense."""
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
        "--health",
        metavar="HOST:PORT",
        default=environ.get("HEALTH"),
        help="answer probes at /healthz and /readyz, such as on 0.0.0.0:8080",
    )
    parser.add_argument(
        "--metrics",
        metavar="HOST:PORT",
        default=environ.get("METRICS"),
        help="serve metrics for Prometheus at /metrics, such as on 0.0.0.0:8081",
    )
    arguments = parser.parse_args(argv)
    namespace, _, lease = (arguments.lease or "").partition("/")
    if arguments.lease and not (namespace and lease and "/" not in lease):
        parser.error(
            f"--lease: {arguments.lease!r} is no NAMESPACE/NAME, such as powercap-system/powercap-operator"
        )
    if arguments.history_days < 2:
        parser.error("--history-days must be at least 2: yesterday's results are the fallback")
    clock = open_clock(arguments.clock_file)
    return Options(
        log_format=arguments.log_format,
        log_level=arguments.log_level,
        history=timedelta(days=arguments.history_days),
        clock=clock,
        name=environ.get("POD_NAME") or socket.gethostname(),
        lease=(namespace, lease) if arguments.lease else None,
        health=_address(parser, "--health", arguments.health),
        metrics=_address(parser, "--metrics", arguments.metrics),
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
    host, _, port = text.rpartition(":")
    if not (host and port.isdecimal() and int(port) < 65536):
        parser.error(f"{option}: {text!r} is no HOST:PORT, such as 0.0.0.0:8081")
    return host, int(port)


@asynccontextmanager
async def kubernetes_client(environ: Mapping[str, str]) -> AsyncIterator[ApiClient]:
    """A client of the cluster that the pod runs in, or else of the one that KUBECONFIG names."""
    configuration = Configuration()
    if "KUBERNETES_SERVICE_HOST" in environ:
        config.load_incluster_config(client_configuration=configuration)
    else:
        await config.load_kube_config(environ.get("KUBECONFIG"), client_configuration=configuration)
    async with ApiClient(configuration) as client:
        _ignore_proxy_variables(client)
        client.user_agent = f"powercap-operator/{version('powercap')}"
        yield client


def _ignore_proxy_variables(client: ApiClient) -> None:
    """Reach the API server directly: HTTPS_PROXY is there for the market's sources.

    The client's own session always follows these variables, so another takes its place on the same connector. A
    ``proxy-url`` in the kubeconfig is followed.
    """
    rest = client.rest_client
    connector = rest.pool_manager.connector
    rest.pool_manager.detach()
    rest.pool_manager = aiohttp.ClientSession(connector=connector, trust_env=False, read_bufsize=2**21)


@dataclass(frozen=True, slots=True)
class Parts:
    """What metrics are read from."""

    cluster: Cluster
    cache: WorldCache
    election: Election
    reconciler: Reconciler
    pauses: LoopPauses


def serve_metrics(at: tuple[str, int], parts: Parts) -> None:
    """Serve ``/metrics`` from a thread of its own, until the process ends.

    Only the leader tells of the cluster, so that nothing is counted twice.
    """

    def world() -> World:
        return parts.cache.world() if parts.election.leading else World()

    def counts() -> Counts:
        passes, failed = parts.reconciler.passes, parts.reconciler.failed_passes
        return Counts(passes, failed, parts.cluster.writes, parts.pauses, parts.election.leading)

    registry = CollectorRegistry()
    registry.register(WorldCollector(world, counts, version("powercap")))
    start_http_server(at[1], addr=at[0], registry=registry)


def _election(options: Options, client: ApiClient) -> Leadership | AlwaysLeading:
    if options.lease is None:
        return AlwaysLeading()
    # A process that starts anew under the same name must not take the lease of the one before for its own.
    identity = f"{options.name}_{uuid.uuid4()}"
    return Leadership(LeaseStore(Cluster(client), *options.lease), identity, read_clocks)


async def run(options: Options, environ: Mapping[str, str]) -> None:
    """Run until a signal. Any loop that ends by an error ends all of them: Kubernetes starts the pod anew."""
    heartbeats, pauses, cache = Heartbeats(), LoopPauses(), WorldCache()
    async with (
        kubernetes_client(environ) as client,
        kubernetes_client(environ) as lease_client,  # so that renewals never wait behind other requests
        httpx.AsyncClient() as http,
    ):
        election = _election(options, lease_client)
        cluster = Cluster(client, election.write_seconds)
        recorder = Recorder(cluster, options.clock)
        beat = heartbeats.of("reconciler")
        reconciler = Reconciler(cluster, cache, options.clock, recorder, options.history, election, beat)
        beat = heartbeats.of("fetcher")
        fetcher = Fetcher(
            cluster, cache, http, options.providers, options.clock, recorder, reconciler.wake, election, beat
        )
        if options.metrics is not None:
            serve_metrics(options.metrics, Parts(cluster, cache, election, reconciler, pauses))
        registry = kopf.OperatorRegistry()
        watches.register(registry, cache, reconciler.wake)
        try:
            async with (
                probes(options.health, heartbeats, reconciler.synced.is_set),
                asyncio.TaskGroup() as loops,
            ):
                running = [
                    loops.create_task(reconciler.run(), name="reconciler"),
                    loops.create_task(fetcher.run(reconciler.synced), name="fetcher"),
                    loops.create_task(pauses.run(), name="loop pauses"),
                    loops.create_task(
                        election.run(heartbeats.of("leader election"), reconciler.wake),
                        name="leader election",
                    ),
                ]
                await kopf.operator(
                    registry=registry, settings=watches.quiet_settings(), clusterwide=True, standalone=True
                )
                for task in running:
                    task.cancel()
        finally:
            await election.release()


def main(argv: Sequence[str] | None = None) -> int:
    """The entry point; the exit code."""
    options = parse_options(sys.argv[1:] if argv is None else argv, os.environ)
    logs.configure(options.log_format, options.log_level)
    try:
        asyncio.run(run(options, os.environ))
    except config.ConfigException as error:
        sys.stderr.write(f"powercap-operator: no cluster to work with: {error}. Set KUBECONFIG.\n")
        return 2
    return 0

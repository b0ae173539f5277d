"""``powercap-operator``: the process. Reads the options, opens the connections, runs the loops until a signal."""

import argparse
import asyncio
import os
import sys
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
from .kube import watches
from .kube.cache import WorldCache
from .kube.client import Cluster
from .kube.event_recorder import Recorder
from .loop_pauses import LoopPauses
from .metrics import Counts, WorldCollector
from .reconcile import Reconciler
from .sources.registry import ProviderSettings

_DESCRIPTION = """\
The powercap operator: fetches the electricity market's results into MarketDays and computes a PowerBudget for every
node that a PowerPolicy selects. Run it once per cluster."""

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
    liveness: str | None
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
        "--liveness",
        metavar="URL",
        default=environ.get("LIVENESS"),
        help="serve a liveness endpoint, such as http://0.0.0.0:8080/healthz",
    )
    parser.add_argument(
        "--metrics",
        metavar="HOST:PORT",
        default=environ.get("METRICS"),
        help="serve metrics for Prometheus at /metrics, such as on 0.0.0.0:8081",
    )
    arguments = parser.parse_args(argv)
    host, _, port = (arguments.metrics or "").rpartition(":")
    if arguments.metrics and not (host and port.isdecimal() and int(port) < 65536):
        parser.error(f"--metrics: {arguments.metrics!r} is no HOST:PORT, such as 0.0.0.0:8081")
    if arguments.history_days < 2:
        parser.error("--history-days must be at least 2: yesterday's results are the fallback")
    clock = open_clock(arguments.clock_file)
    return Options(
        log_format=arguments.log_format,
        log_level=arguments.log_level,
        history=timedelta(days=arguments.history_days),
        clock=clock,
        liveness=arguments.liveness,
        metrics=(host, int(port)) if arguments.metrics else None,
        providers=ProviderSettings(
            epex_url=arguments.epex_url,
            contact=arguments.contact,
            entsoe_token=environ.get("ENTSOE_TOKEN", ""),
            now=clock.now,
        ),
    )


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


def serve_metrics(
    at: tuple[str, int], cluster: Cluster, cache: WorldCache, reconciler: Reconciler, pauses: LoopPauses
) -> None:
    """Serve ``/metrics`` from a thread of its own, until the process ends."""

    def counts() -> Counts:
        return Counts(reconciler.passes, reconciler.failed_passes, cluster.writes, pauses)

    registry = CollectorRegistry()
    registry.register(WorldCollector(cache.world, counts, version("powercap")))
    start_http_server(at[1], addr=at[0], registry=registry)


async def run(options: Options, environ: Mapping[str, str]) -> None:
    """Run until a signal. Any loop that ends by an error ends all of them: Kubernetes starts the pod anew."""
    async with kubernetes_client(environ) as client, httpx.AsyncClient() as http:
        cluster, cache, pauses = Cluster(client), WorldCache(), LoopPauses()
        recorder = Recorder(cluster, options.clock)
        reconciler = Reconciler(cluster, cache, options.clock, recorder, options.history)
        fetcher = Fetcher(cluster, cache, http, options.providers, options.clock, recorder, reconciler.wake)
        if options.metrics is not None:
            serve_metrics(options.metrics, cluster, cache, reconciler, pauses)
        registry = kopf.OperatorRegistry()
        watches.register(registry, cache, reconciler)
        async with asyncio.TaskGroup() as loops:
            running = [
                loops.create_task(reconciler.run(), name="reconciler"),
                loops.create_task(fetcher.run(reconciler.synced), name="fetcher"),
                loops.create_task(pauses.run(), name="loop pauses"),
            ]
            await kopf.operator(
                registry=registry,
                settings=watches.quiet_settings(),
                clusterwide=True,
                standalone=True,
                liveness_endpoint=options.liveness,
            )
            for task in running:
                task.cancel()


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

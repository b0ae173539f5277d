"""``powercap-operator``: the process. Reads the options, opens the connections, runs the loops until a signal."""

import asyncio
import gc
import logging
import os
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Final

import httpx
from kubernetes_asyncio import config
from kubernetes_asyncio.client.api_client import ApiClient

from powercap_api.clock import Clock

from . import logs
from .kube import watches
from .kube.cache import WorldCache
from .kube.client import Cluster
from .kube.connection import kubernetes_client
from .kube.event_recorder import Recorder
from .kube.follow import JOBS_THAT_WAIT, NODES_AND_BUDGETS, PODS_THAT_ASK, Follower
from .kube.leadership import AlwaysLeading, Election, Leadership, read_clocks
from .kube.lease import LeaseStore
from .kube.node_labels import NodeLabels
from .kube.rewind import RewindWatch
from .loops.fetcher import Fetcher
from .loops.health import Heartbeats, probes
from .loops.jobs import JobReleaser
from .loops.pauses import LoopPauses
from .loops.reconcile import Reconciler
from .metrics import server as metrics_server
from .metrics.collector import Scrapes
from .metrics.families import Counts
from .options import Options, parse_options
from .page.overview import Seen
from .page.server import page
from .planning.overrides.matching import Matching
from .world.snapshot import World
from .worth.measured import Machine

logger = logging.getLogger(__name__)

_FREEZE_PAUSES_SECONDS: Final = (0.0, 5.0, 15.0, 40.0)
"""The first after the first list: until the watches have begun, and while first budgets are written."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What metrics are read from."""

    cluster: Cluster
    cache: WorldCache
    election: Election
    reconciler: Reconciler
    releaser: JobReleaser
    pauses: LoopPauses
    heartbeats: Heartbeats
    clock: Clock


def _known(parts: Parts) -> World:
    """The cluster, and what decisions are made without told as such."""
    return parts.reconciler.containment.known(parts.cache.world())


def scrapes(parts: Parts, machine: Machine | None) -> Scrapes:
    """What ``/metrics`` answers.

    Only the leader tells of the cluster, so that nothing is counted twice.
    """

    def world() -> World:
        return _known(parts) if parts.election.leading else World()

    def counts() -> Counts:
        passes, failed = parts.reconciler.passes, parts.reconciler.failed_passes
        writes = parts.cluster.writes
        refused = parts.reconciler.writer.refused + parts.releaser.writer.refused
        leading, idle = parts.election.leading, parts.heartbeats.idle_seconds()
        return Counts(passes, failed, writes, parts.pauses, leading, idle, refused)

    return Scrapes(world, counts, version("powercap"), parts.clock.now, machine)


def seen(parts: Parts, name: str) -> Seen:
    """What the page shows: the same for every operator, whoever leads."""
    return Seen(
        _known(parts),
        listed=parts.reconciler.synced.is_set(),
        leading=parts.election.leading,
        stuck=parts.heartbeats.stuck(),
        version=version("powercap"),
        name=name,
    )


def _election(options: Options, client: ApiClient) -> Leadership | AlwaysLeading:
    if options.lease is None:
        return AlwaysLeading()
    # A process that restarts under the same name must not take the lease of the one before for its own.
    identity = f"{options.name}_{uuid.uuid4()}"
    return Leadership(LeaseStore(Cluster(client), *options.lease), identity, read_clocks)


def _followers(
    options: Options, cluster: Cluster, cache: WorldCache, wake: Callable[[str], None]
) -> dict[str, Follower]:
    """What comes in bulk, by kind. Jobs are no matter to the reconciler."""
    collections = (*NODES_AND_BUDGETS, *(PODS_THAT_ASK if options.pod_floors else ()))
    found = {one.kind: Follower(cluster, cache, one, wake) for one in collections}
    if options.jobs:
        found[JOBS_THAT_WAIT.kind] = Follower(cluster, cache, JOBS_THAT_WAIT, lambda _: None)
    return found


async def end_at_once(reason: str, election: Leadership | AlwaysLeading) -> None:
    """End the process, which Kubernetes starts again with an empty cache. Only the lease has to be put in order."""
    logger.error("ending, to restart: %s", reason)
    await election.release()
    logging.shutdown()
    os._exit(1)


async def end_when_rewound(
    rewind: RewindWatch, heartbeats: Heartbeats, election: Leadership | AlwaysLeading
) -> None:
    """End the process where the API server's data went back."""
    await end_at_once(await rewind.run(heartbeats.of("rewind watch")), election)


async def keep_collections_short(synced: asyncio.Event) -> None:
    """Have the garbage collector leave alone the cluster as it is soon after start, most of which stays.

    A look through everything holds up the loop, for 5,000 nodes by 0.2 s, again and again while budgets are written.
    What is frozen is still freed by its reference count, which is all that the views of the cluster need, as they hold
    no cycles. Cycles that are frozen stay for good: therefore some times only.
    """
    await synced.wait()
    for pause in _FREEZE_PAUSES_SECONDS:
        await asyncio.sleep(pause)
        gc.freeze()


async def run(options: Options, environ: Mapping[str, str]) -> None:
    """Run until a signal. Any loop that ends by an error ends all of them: Kubernetes starts the pod again."""
    heartbeats, pauses, clock = Heartbeats(), LoopPauses(), options.clock
    cache = WorldCache(options.agents, options.jobs)
    async with (
        kubernetes_client(environ) as client,
        kubernetes_client(environ) as lease_client,  # so that renewals never wait behind other requests
        httpx.AsyncClient() as http,
    ):
        election = _election(options, lease_client)
        cluster = Cluster(client, election.write_seconds)
        recorder = Recorder(cluster, clock)
        beat, matching = heartbeats.of("reconciler"), Matching(options.max_overrides)
        reconciler = Reconciler(cluster, cache, clock, recorder, options.history, matching, election, beat)
        followers = _followers(options, cluster, cache, reconciler.wake)
        beat = heartbeats.of("job releaser")
        releaser = JobReleaser(cluster, cache, clock, recorder, election, beat)
        beat, wake = heartbeats.of("fetcher"), partial(reconciler.wake, "a request to a source")
        fetcher = Fetcher(cluster, cache, http, options.providers, clock, recorder, wake, election, beat)
        parts = Parts(cluster, cache, election, reconciler, releaser, pauses, heartbeats, clock)
        if options.metrics is not None:
            metrics_server.serve(options.metrics, scrapes(parts, options.machine).text)
        shown = partial(page, options.page, options.page_hosts, partial(seen, parts, options.name))
        rewind = RewindWatch(cluster.newest_version, lambda: cache.latest)
        try:
            async with (
                probes(options.health, heartbeats, reconciler.synced.is_set),
                shown(clock.now, options.machine),
                asyncio.TaskGroup() as loops,
            ):
                running = [
                    *(
                        loops.create_task(follower.run(heartbeats.of(f"watch of {kind}s")), name=f"{kind}s")
                        for kind, follower in followers.items()
                    ),
                    loops.create_task(reconciler.run([*followers.values()]), name="reconciler"),
                    loops.create_task(fetcher.run(reconciler.synced), name="fetcher"),
                    loops.create_task(releaser.run(reconciler.synced), name="job releaser"),
                    loops.create_task(pauses.run(), name="loop pauses"),
                    loops.create_task(keep_collections_short(reconciler.synced), name="collections"),
                    loops.create_task(end_when_rewound(rewind, heartbeats, election), name="rewind watch"),
                    loops.create_task(
                        election.run(
                            heartbeats.of("leader election"), partial(reconciler.wake, "leading from now on")
                        ),
                        name="leader election",
                    ),
                ]
                if options.node_labels:
                    labels = NodeLabels(cluster, cache, clock, election)
                    work = labels.run(heartbeats.of("node labels"), reconciler.synced)
                    running.append(loops.create_task(work, name="node labels"))
                ended = await watches.run(cache, reconciler.wake, reconciler.list_anew)
                if ended is not None:
                    await end_at_once(ended, election)
                for task in running:
                    task.cancel()
        finally:
            await election.release()


def main(argv: Sequence[str] | None = None) -> int:
    """The entry point; the exit code."""
    options = parse_options(sys.argv[1:] if argv is None else argv, os.environ)
    logs.configure(options.log_format, options.log_level)
    gc.collect()
    gc.freeze()  # modules stay to the end
    try:
        asyncio.run(run(options, os.environ))
    except config.ConfigException as error:
        sys.stderr.write(f"powercap-operator: no cluster to work with: {error}. Set KUBECONFIG.\n")
        return 2
    return 0

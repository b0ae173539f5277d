"""Thousands of simulated agents in one process: each lists and watches its own budget, and reports.

    python -m dev.scale.agents --server URL --ca-file FILE --token-file FILE --clock-file FILE --state FILE --nodes N

As the real agents do, each holds a connection of its own for its watch and opens one for each status, waits by
chance for up to a second before it sends it, and begins a watch anew after five to ten minutes. ``--state`` is a file
with how many of them watch, for whoever waits for that.
"""

import argparse
import asyncio
import json
import random
import ssl
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp

from dev.scale.agent import SimulatedAgent
from dev.scale.names import node_names
from powercap_agent.kube.backoff import FIRST_SECONDS, STATUS_LAST_SECONDS, pause_seconds
from powercap_agent.kube.paths import BUDGETS_PATH, budget_path
from powercap_agent.kube.reporter import delay_seconds, turn_seconds
from powercap_agent.kube.watcher import watch_seconds
from powercap_agent.status.publisher import Urgency
from powercap_api.clock import Clock, open_clock
from powercap_api.names import AGENT_FIELD_MANAGER

USER_AGENT: Final = "powercap-agent"
_TURN_SECONDS: Final = 0.1
_STATE_SECONDS: Final = 0.5
_STARTING_AT_ONCE: Final = 64
_LONGEST_EVENT_BYTES: Final = 2**20


@dataclass(slots=True)
class Fleet:
    """What all agents share."""

    session: aiohttp.ClientSession
    clock: Clock
    starting: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_STARTING_AT_ONCE))
    watching: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)


class Agent:
    """One agent's input and output; a ``StatusSink``."""

    def __init__(self, name: str, fleet: Fleet) -> None:
        self.agent = SimulatedAgent(name, self, fleet.clock.now)
        self._fleet = fleet
        self._turn = turn_seconds(name)
        self._due = float("inf")
        self._newer = asyncio.Event()
        self._waiting: dict[str, Any] | None = None
        self._sending: asyncio.Task[None] | None = None
        self._version: str | None = None

    def submit(self, status: dict[str, Any], urgency: Urgency) -> None:
        """Queue a status; a newer one replaces it."""
        self._due = min(self._due, time.monotonic() + delay_seconds(urgency, self._turn))
        self._waiting = status
        self._newer.set()
        if self._sending is None or self._sending.done():
            self._sending = asyncio.get_running_loop().create_task(self._send())

    def drop(self) -> None:
        """Forget what waits."""
        self._waiting = None

    def close(self, seconds: float) -> bool:
        """Never called: the process is just ended."""
        raise NotImplementedError(seconds)

    async def _send(self) -> None:
        path = f"{budget_path(self.agent.name)}/status?fieldManager={AGENT_FIELD_MANAGER}"
        headers = {"Content-Type": "application/merge-patch+json"}
        failures = 0
        while self._waiting is not None:
            while (wait := self._due - time.monotonic()) > 0:
                self._newer.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._newer.wait()
            status, self._due = self._waiting, float("inf")
            while status is not None:
                body = json.dumps({"status": status}, separators=(",", ":"))
                try:
                    async with self._fleet.session.patch(path, data=body, headers=headers) as answer:
                        await answer.read()
                        code = answer.status
                except (aiohttp.ClientError, TimeoutError, OSError):
                    code = 0
                self._fleet.counts[f"status {code}"] += 1
                if 0 < code < 500 and code != 429:
                    break
                failures += 1
                await asyncio.sleep(pause_seconds(failures, FIRST_SECONDS, STATUS_LAST_SECONDS))
                status = self._waiting
            if self._waiting is status:
                self._waiting = None

    async def run(self) -> None:
        """List, watch, and begin anew, until cancelled."""
        while True:
            try:
                if self._version is None:
                    async with self._fleet.starting:
                        self._version = await self._list()
                await self._watch(self._version)
            except (aiohttp.ClientError, TimeoutError, OSError, _ExpiredError):
                self._version = None
                self._fleet.counts["watches lost"] += 1
            self._fleet.watching.discard(self.agent.name)
            await asyncio.sleep(random.uniform(0, 0.5))  # noqa: S311 - as agents do

    async def _list(self) -> str:
        async with self._fleet.session.get(f"{BUDGETS_PATH}?{urlencode(self._selector)}") as answer:
            answer.raise_for_status()
            found = await answer.json()
        self.agent.see(next(iter(found["items"]), None), time.monotonic())
        return str(found["metadata"]["resourceVersion"])

    @property
    def _selector(self) -> dict[str, str]:
        return {"fieldSelector": f"metadata.name={self.agent.name}"}

    async def _watch(self, version: str) -> None:
        query = {
            **self._selector,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(watch_seconds()),
        }
        async with self._fleet.session.get(f"{BUDGETS_PATH}?{urlencode(query)}") as answer:
            answer.raise_for_status()
            self._fleet.watching.add(self.agent.name)
            async for line in answer.content:
                self._see(json.loads(line))

    def _see(self, event: dict[str, Any]) -> None:
        if event["type"] == "ERROR":
            raise _ExpiredError(str(event["object"].get("message")))
        self._version = str(event["object"]["metadata"]["resourceVersion"])
        if event["type"] in {"ADDED", "MODIFIED"}:
            self.agent.see(event["object"], time.monotonic())
        elif event["type"] == "DELETED":
            self.agent.see(None, time.monotonic())


class _ExpiredError(Exception):
    """The resource version is too old to resume from."""


async def run(options: argparse.Namespace) -> None:
    """All agents, until the process is ended."""
    context = ssl.create_default_context(cafile=str(options.ca_file))
    headers = {
        "Authorization": f"Bearer {options.token_file.read_text(encoding='ascii').strip()}",
        "User-Agent": USER_AGENT,
        "Accept": "application/json",
    }
    async with aiohttp.ClientSession(
        options.server,
        headers=headers,
        connector=aiohttp.TCPConnector(limit=0, ssl=context, force_close=True),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=30),
        read_bufsize=_LONGEST_EVENT_BYTES,
    ) as session:
        fleet = Fleet(session, open_clock(options.clock_file))
        agents = [Agent(name, fleet) for name in node_names(options.nodes)]
        async with asyncio.TaskGroup() as tasks:
            for agent in agents:
                tasks.create_task(agent.run())
            tasks.create_task(_take_turns([agent.agent for agent in agents], fleet.clock))
            tasks.create_task(_tell_state(fleet, options.state))


async def _take_turns(agents: list[SimulatedAgent], clock: Clock) -> None:
    while True:
        now, moment = clock.now(), time.monotonic()
        for agent in agents:
            if agent.lowering or (agent.next_turn is not None and agent.next_turn <= now):
                agent.turn(moment)
                # Real agents turn side by side: one's requests do not wait for what thousands of others compute.
                await asyncio.sleep(0)
        await asyncio.sleep(_TURN_SECONDS)


async def _tell_state(fleet: Fleet, file: Path) -> None:
    while True:
        draft = file.with_suffix(".tmp")
        draft.write_text(json.dumps({"watching": len(fleet.watching), **fleet.counts}), encoding="utf-8")
        draft.replace(file)
        await asyncio.sleep(_STATE_SECONDS)


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(prog="python -m dev.scale.agents", description=__doc__)
    parser.add_argument("--server", required=True)
    for name in ("--ca-file", "--token-file", "--clock-file", "--state"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--nodes", type=int, required=True)
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()

"""The story that the demo tells, act by act. Every act checks what it shows."""

import os
import signal
import time
from datetime import datetime, timedelta
from typing import Any, Final

from dev.cluster.process.ports import free_port
from dev.demo.preview import MAX_SOURCE, policy_spec
from dev.demo.screen import Screen
from dev.lab.caps import Cap, cap_at, caps_of
from dev.lab.fake_sysfs import NO_POWERCAP, ONE_SOCKET, TWO_SOCKETS
from dev.lab.judge import cap_asked_for
from dev.lab.results import DEFAULT_MARKET, SavedPage, periods_for
from dev.lab.stage import Stage, next_quarter, tomorrow_and_today, wait_until
from powercap_api.conditions import find_condition
from powercap_api.markets import Market
from powercap_api.units import format_watts_short
from powercap_operator.market.results import Query

NODES: Final = {"one-socket": ONE_SOCKET, "two-sockets": TWO_SOCKETS, "no-powercap": NO_POWERCAP}
_CAPPED: Final = ("one-socket", "two-sockets")
_EDITED_MAX_SOURCE: Final = "50"


class DemoFailedError(Exception):
    """Something that the demo shows is not so."""


class Demo:
    """Plays all acts on a stage that has not been started."""

    def __init__(self, stage: Stage, screen: Screen, page: SavedPage | None) -> None:
        """``page``: serve this saved day as today's, or a made-up one."""
        self._stage = stage
        self._screen = screen
        self._page = page
        self._address = f"127.0.0.1:{free_port()}"
        self._page_option = ("--page", self._address)
        self._market: Market = DEFAULT_MARKET if page is None else page.query.market

    def play(self, *, keep: bool) -> None:
        """From nothing to nothing. Raises DemoFailedError or StageError at the first thing that is not so."""
        self._start()
        self._show()
        self._edit()
        self._next_period()
        if keep:
            self._keep()
        self._end()
        self._screen.heading("All of it was so")

    def _start(self) -> None:
        stage, screen = self._stage, self._screen
        screen.heading("A control plane, an exchange, the operator and three nodes")
        stage.start_cluster()
        for day in tomorrow_and_today(stage.clock.now(), self._market.bidding_zone.zone):
            stage.exchange.publish(Query(self._market, day), periods_for(day, self._page))
        if self._page is not None:
            screen.say(f"The exchange publishes the results of {self._page.query} as today's and tomorrow's.")
        stage.apply_policy(**policy_spec(self._market))
        stage.start_operator(*self._page_option)
        for node in NODES:
            stage.start_agent(node)
        seconds = wait_until(self._followed, "every file holds its cap, and every agent has reported", 60)
        screen.good(f"{seconds:.1f} s after operator and agents started every file holds its cap")

    def _show(self) -> None:
        screen = self._screen
        screen.heading("What kubectl shows")
        for what in ("marketdays", "powerpolicies", "powerbudgets"):
            self._kubectl("get", what)
        for node in _CAPPED:
            budget = self._stage.get("powerbudget", node)
            screen.say(f"{node}: {budget['status']['current'].get('why', '')}")
        requests = len(self._stage.exchange.requests)
        self._check(requests <= 2, f"the exchange was asked {requests} times for {self._days()} days")
        screen.heading("The limits in the files")
        self._limits()
        screen.say("Two sockets share one cap; dram and psys are left alone; peak_power is left alone.")

    def _edit(self) -> None:
        screen, stage = self._screen, self._stage
        screen.heading(f"An edit: maxSource from {MAX_SOURCE} to {_EDITED_MAX_SOURCE} W")
        before = {node: stage.node_cap(node) for node in _CAPPED}
        patch = f'{{"spec":{{"maxSource":"{_EDITED_MAX_SOURCE}"}}}}'
        self._kubectl("patch", "powerpolicy", "default", "--type", "merge", "-p", patch)
        seconds = wait_until(
            lambda: all(stage.node_cap(node) < before[node] for node in _CAPPED) and self._followed(),
            "every file follows the edit",
        )
        screen.good(f"{seconds * 1000:.0f} ms after kubectl returned every file had followed")
        self._limits()
        self._kubectl("get", "powerpolicies")

    def _next_period(self) -> None:
        screen, stage = self._screen, self._stage
        screen.heading("The next market period, with operator and API server stopped")
        caps = {node: caps_of(stage.get("powerbudget", node)["spec"]) for node in _CAPPED}
        begins = self._next_change(caps[_CAPPED[0]])
        stage.operator.stop()
        stage.control_plane.stop_api_server()
        screen.progress("operator and API server are stopped")
        ahead = begins - stage.clock.now() - timedelta(seconds=2)
        stage.advance(ahead)
        screen.progress(f"the clock is set ahead by {ahead}: the next period begins in 2 s")
        before = {node: stage.node_cap(node) for node in _CAPPED}
        wait_until(lambda: stage.clock.now() >= begins, "the next period", 10, every=0.001)
        began = time.monotonic()
        wanted = {node: cap_at(caps[node], begins) for node in _CAPPED}
        wait_until(
            lambda: all(self._holds(node, cap) for node, cap in wanted.items()),
            "the agents switch to the next period",
            10,
            every=0.001,
        )
        milliseconds = (time.monotonic() - began) * 1000
        local = begins.astimezone(self._market.bidding_zone.zone)
        for node in _CAPPED:
            change = f"{format_watts_short(before[node])} → {format_watts_short(stage.node_cap(node))}"
            screen.say(f"{node}: {change} at {local:%H:%M}")
        screen.good(f"{milliseconds:.0f} ms into the period every file held its cap, with nobody to ask")
        stage.control_plane.start_api_server()
        stage.start_operator(*self._page_option)
        wait_until(self._followed, "agents report again once the API server is back", 90, every=0.2)
        screen.good("API server and operator are back, and the agents report again")
        self._kubectl("get", "powerbudgets")

    def _next_change(self, caps: list[Cap]) -> datetime:
        now = self._stage.clock.now()
        return next((cap.start for cap in caps if cap.start > now), next_quarter(now))

    def _keep(self) -> None:
        screen = self._screen
        screen.heading("It goes on running until Ctrl-C. In another terminal:")
        screen.say(f"export KUBECONFIG={self._stage.control_plane.kubeconfig}")
        screen.say(f"export POWERCAP_CLOCK_FILE={self._stage.clock_file}")
        screen.say("kubectl get powercap")
        screen.say(f"The page, in a browser: http://{self._address}/")
        for node in _CAPPED:
            screen.say(f"{node}: {self._stage.tree(node)}")
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            while True:
                signal.pause()
        except KeyboardInterrupt:
            screen.say("")

    def _end(self) -> None:
        screen, stage = self._screen, self._stage
        screen.heading("The end: SIGTERM to the agents")
        began = time.monotonic()
        for agent in stage.agents.values():
            if agent.pid is not None:
                os.kill(agent.pid, signal.SIGTERM)
        wait_until(
            lambda: all(stage.limits(node) == stage.originals[node] for node in NODES),
            "the original limits are back",
            10,
            every=0.005,
        )
        seconds = time.monotonic() - began
        wait_until(
            lambda: all(agent.pid is None for agent in stage.agents.values()), "the agents have ended", 10
        )
        self._limits()
        screen.good(f"{seconds * 1000:.0f} ms after SIGTERM every original limit was back")
        stage.stop()
        running = [name for name, agent in stage.agents.items() if agent.pid is not None]
        self._check(not running and not stage.control_plane.pids, "no process is left")

    def _followed(self) -> bool:
        """Whether the files of all nodes hold the cap of the slot, and agents and operator have said so."""
        budgets = self._stage.client.items("powerbudgets")
        return set(budgets) == set(NODES) and all(self._follows(*one) for one in budgets.items())

    def _follows(self, node: str, budget: dict[str, Any]) -> bool:
        status, now = budget.get("status", {}), self._stage.clock.now()
        if node not in _CAPPED:
            ready = find_condition(status.get("conditions", []), "Ready") or {}
            return bool(ready.get("reason") == "Unsupported")
        told = status.get("current", {}).get("capMicrowatts") == cap_asked_for(budget["spec"], now)
        return told and not self._stage.complaint(node, budget, now)

    def _holds(self, node: str, cap: Cap | None) -> bool:
        return cap is not None and not self._stage.not_in_force(node, cap.power_uw)

    def _days(self) -> int:
        return len(self._stage.get("marketdays")["items"])

    def _kubectl(self, *arguments: str) -> None:
        output = self._stage.control_plane.kubectl(*arguments)
        self._screen.command(f"kubectl {' '.join(arguments)}", output)

    def _limits(self) -> None:
        now = {node: self._stage.limits(node) for node in NODES}
        self._screen.limits(self._stage.originals, now, self._stage.zone_name)

    def _check(self, holds: bool, claim: str) -> None:
        if not holds:
            raise DemoFailedError(f"not so: {claim}")
        self._screen.good(claim)

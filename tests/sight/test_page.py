"""The page in a real browser. With ``POWERCAP_PICTURES=folder`` the screens are saved there."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from dev.cluster.process.ports import free_port
from dev.lab.stage import wait_until
from powercap_operator.page.overview import Seen
from powercap_operator.page.server import page
from powercap_operator.world.snapshot import World
from tests.sight.browser import DESK, PHONE, PHONE_AT_NIGHT, Browser, Screen
from tests.unit.operator.metrics.test_exposition import MACHINE, report_of
from tests.unit.operator.page.test_overview import DAY, HOSTILE, NOW, with_node, world_of

BOTH_DAYS = (DAY, DAY + timedelta(days=1))


class Server:
    """The page's server, in a thread, for a world that tests set."""

    def __init__(self) -> None:
        self.world = World()
        self.listed = True
        self.now = NOW
        self.address = ("127.0.0.1", free_port())
        self.url = f"http://127.0.0.1:{self.address[1]}/"

    def seen(self) -> Seen:
        """What the operator knows."""
        return Seen(
            self.world, listed=self.listed, leading=True, stuck=(), version="1.2.3", name="operator-0"
        )

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serve meanwhile."""
        loop, stop, up = asyncio.new_event_loop(), asyncio.Event(), threading.Event()

        async def serve() -> None:
            async with page(self.address, frozenset(), self.seen, lambda: self.now, MACHINE):
                up.set()
                await stop.wait()

        thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
        thread.start()
        try:
            assert up.wait(30)
            yield
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join(30)
            loop.close()


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of an empty world."""
    server = Server()
    with server.running():
        yield server


def with_reports(world: World) -> World:
    """The world with reports of today and yesterday."""
    return replace(world, reports={day: report_of(day) for day in ("2025-10-08", "2025-10-09")})


def picture(browser: Browser, name: str) -> None:
    folder = os.environ.get("POWERCAP_PICTURES")
    if folder:
        browser.picture(Path(folder) / f"{name}.png")


def eventually(holds: Callable[[], object], what: str) -> None:
    wait_until(lambda: bool(holds()), what, 60, every=0.1)


@pytest.mark.parametrize("screen", [PHONE, PHONE_AT_NIGHT, DESK], ids=["phone", "phone at night", "desk"])
def test_a_cluster_that_is_well(browser: Browser, server: Server, screen: Screen) -> None:
    server.world = world_of(days=BOTH_DAYS)
    browser.open(server.url, screen)
    assert browser.text("h1") == "3 nodes follow the market"
    assert browser.run("return document.title") == "3 nodes follow the market · powercap"
    assert browser.text("#when") == "12:07 Europe/Paris"
    assert browser.count("#policies svg.chart") == 1
    assert browser.count("#markets svg.chart") == 2
    assert browser.count("#policies svg.plot rect") == 2 * 96
    assert browser.count("tbody tr") == 3
    assert browser.text("tbody tr:first-child th") == "node-0000"
    picture(browser, f"well-{screen.width}-{'dark' if screen.dark else 'light'}")
    assert browser.console() == []


@pytest.mark.parametrize("screen", [PHONE, DESK], ids=["phone", "desk"])
def test_it_fits_the_screen(browser: Browser, server: Server, screen: Screen) -> None:
    server.world = with_node(
        world_of(days=BOTH_DAYS), "node-0001", ready=False, reason="WriteFailed", message="x" * 300
    )
    server.world = with_reports(server.world)
    browser.open(server.url, screen)
    assert browser.count("table.report tbody tr") == 8
    width, inner = browser.run("return [document.documentElement.scrollWidth, window.innerWidth]")
    assert width <= inner
    assert browser.run(BEYOND_THE_EDGE) == []
    assert browser.run(TOO_SMALL) == 0


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_text_has_enough_contrast(browser: Browser, server: Server, dark: bool) -> None:
    world = world_of(days=BOTH_DAYS)
    world = with_node(world, "node-0000", ready=False, reason="WriteFailed", message="locked")
    world = with_node(world, "node-0001", ready=False, reason="Lifted", message="pressure")
    server.world = with_reports(world)
    browser.open(server.url, replace(DESK, dark=dark))
    assert all(browser.count(f".badge.{tone}") for tone in ("bad", "warn", "good"))
    assert browser.run(CONTRAST) == []


BEYOND_THE_EDGE = """
return [...document.querySelectorAll('main *')]
  .filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80));
"""
TOO_SMALL = """
return [...document.querySelectorAll('h1, h2, p, td, th, dd, li')]
  .filter(e => parseFloat(getComputedStyle(e).fontSize) < 12).length;
"""
CONTRAST = """
function luminance(c) {
  const [r, g, b] = c.match(/[\\d.]+/g).slice(0, 3).map(Number).map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function ground(e) {
  for (; e; e = e.parentElement) {
    const c = getComputedStyle(e).backgroundColor;
    if (!/, 0\\)$|transparent/.test(c)) return c;
  }
  return getComputedStyle(document.documentElement).colorScheme.startsWith('dark') ? 'rgb(0,0,0)' : 'rgb(255,255,255)';
}
const poor = [];
for (const e of document.querySelectorAll('body *:not(svg *):not(script):not(noscript)')) {
  const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
  if (!own || !e.offsetParent) continue;
  const [a, b] = [luminance(getComputedStyle(e).color), luminance(ground(e))].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < 4.5) poor.push([e.className || e.tagName, e.textContent.trim().slice(0, 30), ratio.toFixed(2)]);
}
return poor;
"""


def test_an_operator_that_knows_nothing_yet(browser: Browser, server: Server) -> None:
    server.listed = False
    browser.open(server.url, PHONE)
    assert browser.text("h1") == "The operator has not read the cluster yet"
    assert browser.text("#nodes") == "No node has a budget."
    picture(browser, "nothing")
    assert browser.console() == []


def test_a_thousand_nodes(browser: Browser, server: Server) -> None:
    server.world = with_node(world_of(1000, days=BOTH_DAYS), "node-0999", ready=False, reason="WriteFailed")
    browser.open(server.url)
    assert browser.text("h1") == "1 node does not follow"
    assert browser.text("tbody tr:first-child th") == "node-0999"
    assert browser.text("#nodes > p:last-child") == "950 more"
    picture(browser, "a-thousand")
    browser.run("document.querySelector('#nodes > p:last-child a').click()")
    eventually(lambda: browser.count("tbody tr:not(.why)") == 1000, "all of them")
    browser.open(f"{server.url}?q=0123")
    assert browser.text("tbody th") == "node-0123"
    assert browser.console() == []


def test_a_person_finds_a_node(browser: Browser, server: Server) -> None:
    server.world = world_of(20)
    browser.open(server.url)
    browser.run(
        "document.querySelector('#q').value = 'node-0017'; document.querySelector('form button').click()"
    )
    eventually(lambda: browser.count("tbody tr") == 1, "one node is found")
    assert browser.run("return document.querySelector('#q').value") == "node-0017"
    assert browser.console() == []


def test_hostile_names_are_only_text(browser: Browser, server: Server) -> None:
    node = replace(
        world_of(1).budgets["node-0000"], name=HOSTILE, message=HOSTILE, reason="Lifted", ready=False
    )
    server.world = World(budgets={HOSTILE: node}, policies=world_of(1).policies)
    browser.open(f"{server.url}?q=%3Cscript%3E")
    assert browser.text("tbody th") == HOSTILE
    assert browser.count("img") == 0
    assert browser.run("return [...document.scripts].map(s => s.getAttribute('src'))") == ["page.js"]
    assert browser.run("return document.querySelector('#q').value") == "<script>"
    assert browser.console() == []


def test_the_policy_of_the_page_stops_what_would_still_get_in(browser: Browser, server: Server) -> None:
    browser.open(server.url)
    browser.run(
        "const s = document.createElement('script'); s.textContent = 'window.hurt = 1'; document.body.append(s)"
    )
    browser.run("document.body.setAttribute('style', 'display: none')")
    browser.run("const i = new Image(); i.src = 'http://127.0.0.1:1/x'; document.body.append(i)")
    eventually(lambda: browser.run("return performance.now() > 0"), "a moment")
    assert browser.run("return window.hurt") is None
    assert browser.run("return getComputedStyle(document.body).display") == "block"
    refused = " ".join(browser.console())
    assert all(directive in refused for directive in ("script-src", "style-src", "img-src")), refused


def test_it_updates_itself_and_leaves_what_a_person_does(browser: Browser, server: Server) -> None:
    server.world = world_of(2)
    browser.open(server.url)
    browser.run("document.querySelector('#q').value = 'half a na'; window.same = 1")
    server.world, server.now = with_node(world_of(3), "node-0000", ready=False, reason="WriteFailed"), NOW
    browser.run("refresh()")
    eventually(lambda: browser.text("h1") == "1 node does not follow", "the new state")
    assert browser.run("return document.title") == "1 node does not follow · powercap"
    assert browser.count("tbody tr:not(.why)") == 3
    assert browser.run("return [document.querySelector('#q').value, window.same]") == ["half a na", 1]
    assert browser.run("return EVERY_MS") <= 30_000, "and by itself after as long"
    assert browser.console() == []


def test_a_page_that_stands_still_says_so(browser: Browser) -> None:
    server = Server()
    server.world = world_of()
    with server.running():
        browser.open(server.url, PHONE)
        assert browser.run("return document.querySelector('#stale').hidden") is True
    browser.run("refresh()")
    eventually(lambda: browser.run("return !document.querySelector('#stale').hidden"), "it says so")
    assert browser.text("#stale").startswith("No answer from the operator since ")
    picture(browser, "stale")
    with server.running():
        browser.run("refresh()")
        eventually(lambda: browser.run("return document.querySelector('#stale').hidden"), "all is well again")

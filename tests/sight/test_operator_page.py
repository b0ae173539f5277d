"""The page of the real operator, beside the real agents, in a real browser."""

from dev.cluster.process.ports import free_port
from dev.lab.stage import Stage, wait_until
from tests.sight.browser import DESK, PHONE_AT_NIGHT, Browser
from tests.sight.conftest import NODES
from tests.sight.test_page import picture


def test_the_operator_serves_it(stage: Stage, browser: Browser) -> None:
    stage.apply_policy(maxSource="60", minPower="20")
    port = free_port()
    stage.start_operator("--page", f"127.0.0.1:{port}")
    for node in NODES:
        stage.start_agent(node)
    wait_until(lambda: all(map(stage.is_ready, NODES)), "the agents have reported", 120, every=0.2)
    browser.open(f"http://127.0.0.1:{port}/", PHONE_AT_NIGHT)
    wait_until(lambda: _read_again(browser) == "2 nodes follow the market", "the page says so", 60, every=0.2)
    assert browser.count("tbody tr") == 2
    budget = stage.get("powerbudget", "one-socket")["status"]["current"]
    assert budget["cap"] in browser.text("tbody tr:first-child")
    assert stage.get("powerpolicy", "default")["status"]["current"]["cap"] == browser.text("#policies .now b")
    assert browser.count("#markets svg.chart") == 2
    picture(browser, "operator")
    stage.control_plane.kubectl("patch", "powerpolicy", "default", "--type=merge", "-p", SUSPEND)
    wait_until(lambda: _read_again(browser) == "Nothing is capped now", "it says that too", 60, every=0.2)
    browser.open(f"http://127.0.0.1:{port}/", DESK)
    picture(browser, "operator-suspended")
    assert browser.console() == []


SUSPEND = '{"spec":{"suspend":true}}'


def _read_again(browser: Browser) -> str:
    browser.run("refresh()")
    return browser.text("h1")

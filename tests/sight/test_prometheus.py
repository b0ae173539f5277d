"""A real Prometheus scrapes the real operator."""

import httpx

from dev.cluster.process.ports import free_port
from dev.lab.stage import Stage, wait_until
from powercap_operator.metrics.catalogue import NAMES
from tests.sight.conftest import NODES
from tests.sight.prometheus import running_prometheus
from tests.sight.promtool import promtool


def ask(port: int, path: str = "/metrics", method: str = "GET") -> httpx.Response | None:
    """The operator's answer; None while it does not listen."""
    try:
        return httpx.request(method, f"http://127.0.0.1:{port}{path}", timeout=10, trust_env=False)
    except httpx.TransportError:
        return None


def scrape(port: int) -> str:
    answer = ask(port)
    return "" if answer is None else answer.text


def test_what_the_operator_tells_arrives(stage: Stage) -> None:
    stage.apply_policy(maxSource="40")
    port = free_port()
    stage.start_operator("--metrics", f"127.0.0.1:{port}")
    for node in NODES:
        stage.start_agent(node)
    wait_until(lambda: all(map(stage.is_ready, NODES)), "the agents have reported", 120, every=0.2)
    with running_prometheus(stage.root / "prometheus", {f"127.0.0.1:{port}": {}}) as prometheus:
        wait_until(
            lambda: [one["health"] for one in prometheus.targets()] == ["up"], "it has scraped", 60, every=0.2
        )
        wait_until(
            lambda: len(prometheus.query("powercap_node_ready == 1")) == 2,
            "both nodes are ready",
            60,
            every=0.2,
        )
        (target,) = prometheus.targets()
        assert not target["lastError"]
        caps = prometheus.query("powercap_node_cap_watts")
        budgets = {item["metadata"]["name"]: item for item in stage.get("powerbudgets")["items"]}
        assert {one["metric"]["node"]: float(one["value"][1]) for one in caps} == {
            name: budgets[name]["status"]["current"]["capMicrowatts"] / 1e6 for name in NODES
        }
        (price,) = prometheus.query('powercap_market_price_per_mwh{minutes_ahead="0"}')
        assert price["metric"].items() >= {"area": "FR", "auction": "IDA1", "currency": "EUR"}.items()
        assert prometheus.query("process_resident_memory_bytes")
        assert prometheus.query("powercap_leader")[0]["value"][1] == "1"
        for loop in ("reconciler", "fetcher", "leader election"):
            assert prometheus.query(f'powercap_loop_idle_seconds{{loop="{loop}"}} < 60'), loop


def test_promtool_finds_nothing_to_say(stage: Stage) -> None:
    stage.apply_policy(maxSource="40")
    port = free_port()
    stage.start_operator("--metrics", f"127.0.0.1:{port}")
    wait_until(lambda: "powercap_node_ready{" in scrape(port), "the nodes are told", 120, every=0.2)
    text = scrape(port)
    assert promtool("check", "metrics", text=text) == ""
    told = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if not line.startswith("#")}
    unknown = {name for name in told if name.startswith("powercap_")} - NAMES
    assert not unknown


def test_it_answers_nothing_but_scrapes(stage: Stage) -> None:
    port = free_port()
    stage.start_operator("--metrics", f"127.0.0.1:{port}")
    wait_until(lambda: ask(port) is not None, "it answers", 60, every=0.2)
    refused = {path: ask(port, path, method) for path, method in (("/secrets", "GET"), ("/metrics", "POST"))}
    assert [answer.status_code for answer in refused.values() if answer is not None] == [404, 405]
    scraped = ask(port)
    assert scraped is not None
    assert scraped.headers["Content-Encoding"] == "gzip"
    assert scraped.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"

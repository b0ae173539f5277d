"""A real Prometheus on loopback, which scrapes what it is told to."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from dev.cluster.process.ports import free_port
from dev.lab.debian import program
from dev.lab.stage import wait_until


class Prometheus:
    """Its API."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The result of an instant query: what a table or a number shows."""
        found: list[dict[str, Any]] = self._data("query", {"query": expression})["result"]
        return found

    def query_range(self, expression: str, seconds: int = 60, step: int = 1) -> list[dict[str, Any]]:
        """The result of a query over the last seconds: what a graph shows."""
        now = float(self.query("time()")[1])  # type: ignore[arg-type]
        bounds = {"start": str(now - seconds), "end": str(now), "step": str(step)}
        found: list[dict[str, Any]] = self._data("query_range", {"query": expression, **bounds})["result"]
        return found

    def targets(self) -> list[dict[str, Any]]:
        """What it scrapes, and how that goes."""
        found: list[dict[str, Any]] = self._data("targets", {})["activeTargets"]
        return found

    def is_ready(self) -> bool:
        """Whether it answers."""
        try:
            return httpx.get(f"{self._url}/-/ready", trust_env=False).is_success
        except httpx.TransportError:
            return False

    def _data(self, what: str, parameters: Mapping[str, str]) -> Any:
        said = httpx.get(f"{self._url}/api/v1/{what}", params=parameters, timeout=30, trust_env=False).json()
        assert said["status"] == "success", said
        return said["data"]


@contextmanager
def running_prometheus(folder: Path, targets: Mapping[str, Mapping[str, str]]) -> Iterator[Prometheus]:
    """One that scrapes each of the targets (``host:port`` to the labels of what comes from it) every second."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "prometheus.yaml"
    static = [{"targets": [target], "labels": dict(labels)} for target, labels in targets.items()]
    config.write_text(
        yaml.safe_dump(
            {
                "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
                "scrape_configs": [{"job_name": "powercap-operator", "static_configs": static}],
            }
        )
    )
    port = free_port()
    log = folder / "prometheus.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                program("prometheus"),
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    prometheus = Prometheus(port)
    try:
        wait_until(prometheus.is_ready, f"Prometheus answers; its log is {log}", 60)
        yield prometheus
    finally:
        process.terminate()
        process.wait(30)

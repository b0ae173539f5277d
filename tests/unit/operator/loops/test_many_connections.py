"""The operator as a process with the descriptors that a container often has, and strangers who take connections."""

import contextlib
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from dev.cluster.process.ports import free_port
from dev.lab.stage import wait_until
from tests.support.cluster_client import kubeconfig_of

DESCRIPTORS = 1024
CONNECTIONS = 1100


@contextlib.contextmanager
def operator(folder: Path, ports: dict[str, int]) -> Iterator["subprocess.Popen[bytes]"]:
    """The operator without an API server, of which every server runs all the same."""
    servers = [word for name, port in ports.items() for word in (f"--{name}", f"127.0.0.1:{port}")]
    limited = ["sh", "-c", f'ulimit -S -n {DESCRIPTORS}; exec "$@"', "sh"]
    environ = {"KUBECONFIG": str(kubeconfig_of("http://127.0.0.1:1", folder)), "PATH": "/usr/bin:/bin"}
    command = [*limited, sys.executable, "-m", "powercap_operator", *servers]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stderr=log, env=environ) as process:
        try:
            yield process
        finally:
            process.terminate()


def answers(port: int, path: str) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=5, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("attacked", ["health", "metrics", "page"])
def test_connections_with_half_a_request_blind_nobody(tmp_path: Path, attacked: str) -> None:
    ports = {name: free_port() for name in ("health", "metrics", "page")}
    paths = {"health": "/healthz", "metrics": "/metrics", "page": "/"}
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    try:
        with operator(tmp_path, ports) as process, contextlib.ExitStack() as stack:
            wait_until(lambda: all(answers(ports[name], path) for name, path in paths.items()), "servers", 60)
            for _ in range(CONNECTIONS):
                one = stack.enter_context(socket.socket())
                one.setblocking(False)
                with contextlib.suppress(OSError):  # closed, or not accepted yet
                    one.connect_ex(("127.0.0.1", ports[attacked]))
                    one.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
            for name, path in paths.items():
                wait_until(lambda name=name, path=path: answers(ports[name], path), f"{name} answers", 10)  # type: ignore[misc]
            assert process.poll() is None
            open_now = len(list(Path(f"/proc/{process.pid}/fd").iterdir()))
            assert open_now < DESCRIPTORS / 2
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (tmp_path / "log").stat().st_size < 200_000

"""The authority of the API server's certificate is replaced while the agent runs."""

import shutil
import ssl
import threading
from collections import deque
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dev.cluster.pki import Authority, Pair
from dev.lab.agent_process import AgentProcess, eventually
from dev.lab.fake_api import Connection, FakeApi
from dev.lab.fake_sysfs import ONE_SOCKET, PACKAGE
from tests.support.agent_parts import budget_body

WATT = 1_000_000
START = datetime.now(UTC) - timedelta(minutes=5)


def issued(folder: Path) -> tuple[Path, Pair]:
    """An authority's certificate, and a server's that it signed."""
    authority = Authority(folder)
    return authority.files.public, authority.issue("server", "kube-apiserver", addresses=["127.0.0.1"])


def test_limits_stay_while_the_new_authority_is_unknown_and_its_file_is_read_again(tmp_path: Path) -> None:
    (old, first), (new, second) = (issued(tmp_path / name) for name in ("old", "new"))
    trusted, rotated = tmp_path / "ca.crt", threading.Event()
    shutil.copy(old, trusted)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(first.public, first.private)

    def until_rotated(connection: Connection) -> None:
        while not rotated.is_set() and connection.silence(0.02):
            pass

    budget = budget_body([40] * 8, start=START)
    with (
        FakeApi(budget=budget, tls=tls, watches=deque([until_rotated])) as api,
        AgentProcess(tmp_path, "node-1", ONE_SOCKET, server=api.url, token="t", ca_file=trusted) as agent,
    ):
        agent.until(lambda limits: limits[PACKAGE] == 40 * WATT)
        tls.load_cert_chain(second.public, second.private)
        api.budget = budget_body([30] * 8, start=START)
        api.budget["metadata"]["generation"] = 2
        rotated.set()
        eventually(lambda: "CERTIFICATE_VERIFY_FAILED" in agent.log(), agent.log)
        assert agent.limits()[PACKAGE] == 40 * WATT
        shutil.copy(new, trusted)
        agent.until(lambda limits: limits[PACKAGE] == 30 * WATT, 60)
        eventually(lambda: api.patches and api.patches[-1]["status"]["observedGeneration"] == 2, agent.log)

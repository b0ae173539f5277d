"""Nodes whose limits are written."""

from pathlib import Path

import pytest

from dev.lab.fake_sysfs import ONE_SOCKET, TWO_SOCKETS
from tests.support.agent_parts import Machine


@pytest.fixture
def desktop(tmp_path: Path) -> Machine:
    """One package."""
    return Machine(tmp_path, ONE_SOCKET)


@pytest.fixture
def server(tmp_path: Path) -> Machine:
    """Two packages with twins, dram and psys."""
    return Machine(tmp_path, TWO_SOCKETS)

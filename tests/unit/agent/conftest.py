"""A node for tests of the whole loop."""

from pathlib import Path

import pytest

from dev.lab.fake_sysfs import ONE_SOCKET
from tests.support.agent_parts import Machine


@pytest.fixture
def node(tmp_path: Path) -> Machine:
    """A desktop of one package."""
    return Machine(tmp_path, ONE_SOCKET)

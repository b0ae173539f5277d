"""A node for tests of the whole loop."""

from pathlib import Path

import pytest

from tests.support.agent_parts import Machine
from tests.support.fake_sysfs import ONE_SOCKET


@pytest.fixture
def node(tmp_path: Path) -> Machine:
    """A desktop of one package."""
    return Machine(tmp_path, ONE_SOCKET)

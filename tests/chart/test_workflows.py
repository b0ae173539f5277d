"""The workflows of CI and of a release, as actionlint judges them."""

import os
import subprocess
from pathlib import Path

import pytest

from dev.cluster.progress import say
from dev.e2e.tools import ACTIONLINT, locate_tool

WORKFLOWS = Path(__file__).parents[2] / ".github" / "workflows"


@pytest.mark.parametrize("workflow", sorted(WORKFLOWS.glob("*.yml")), ids=lambda file: file.name)
def test_actionlint(workflow: Path) -> None:
    program = locate_tool(ACTIONLINT, os.environ, say)
    command = [str(program), "-no-color", "-shellcheck=", "-pyflakes=", str(workflow)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

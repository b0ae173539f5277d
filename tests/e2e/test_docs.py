"""The documents' commands, run as they stand there: every line of every ``sh`` box, in order, on one installation."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from dev.cluster.binaries import locate
from dev.cluster.progress import say
from dev.e2e.node import NAME
from dev.e2e.tools import HELM, locate_tool
from dev.e2e.world import World

_REPOSITORY = Path(__file__).parents[2]
_BOX = re.compile(r"^ *```sh\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
DOCUMENTS = ("install.md", "operations.md", "security.md")


def _commands(document: str, node: str) -> list[str]:
    """The commands in order, with the name of a node in place of NODE."""
    text = (_REPOSITORY / "docs" / document).read_text(encoding="utf-8")
    lines = (line.strip() for box in _BOX.findall(text) for line in box.splitlines())
    return [re.sub(r"\bNODE\b", node, line) for line in lines if line]


@pytest.fixture(scope="module")
def programs(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``kubectl`` and ``helm`` that work on this cluster."""
    folder = tmp_path_factory.mktemp("bin")
    environment = (
        f"export KUBECONFIG={world.plane.kubeconfig} HELM_CACHE_HOME={folder}/c HELM_CONFIG_HOME={folder}/d"
        f" HELM_DATA_HOME={folder}/e"
    )
    commands = {
        "kubectl": locate(os.environ, say).command("kubectl"),
        "helm": [str(locate_tool(HELM, os.environ, say))],
    }
    for name, command in commands.items():
        (folder / name).write_text(f'#!/bin/sh\n{environment}\nexec {shlex.join(command)} "$@"\n')
        (folder / name).chmod(0o755)
    return folder


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_works(world: World, programs: Path, document: str) -> None:
    commands = _commands(document, NAME)
    assert commands
    for command in commands:
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=_REPOSITORY,
            env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{document}: {command}\n{done.stdout}{done.stderr}"
    world.until(world.follows, f"the node follows its budget after the commands of {document}")

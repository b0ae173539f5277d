"""Runs promtool."""

import subprocess
from pathlib import Path

from dev.lab.debian import program


def promtool(*arguments: str | Path, text: str | None = None) -> str:
    """What it says; fails the test where it does not agree."""
    command = [program("promtool"), *map(str, arguments)]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=120)
    said = f"{done.stdout}{done.stderr}"
    assert done.returncode == 0, said
    return said

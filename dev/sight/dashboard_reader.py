"""Grafana's own types as a judge of dashboards: a small Go program, built once for each state of its sources."""

import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

from dev.cluster.locks import cache_folder, exclusive

_SOURCES: Final = Path(__file__).with_name("grafana")


def faults_of(dashboard: Path, say: Callable[[str], None]) -> list[str]:
    """What Grafana's types do not take in the file, a line for each fault.

    Raises:
        subprocess.CalledProcessError: the program could not be built.
    """
    done = subprocess.run([_program(say), dashboard], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == (1 if done.stdout else 0), done.stderr
    return done.stdout.splitlines()


def _program(say: Callable[[str], None]) -> Path:
    sources = sorted(path for path in _SOURCES.iterdir() if path.is_file())
    key = hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    program = cache_folder(os.environ) / "tools" / f"dashboard-check-{key}"
    with exclusive(program.with_name(f"{program.name}.lock")):
        if not program.exists():
            say("building the check of dashboards once, up to 2 minutes on 2 cores")
            half_done = program.with_name(f"{program.name}.half-done")
            settings = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOWORK": "off"}
            command = ["go", "build", "-C", str(_SOURCES), "-trimpath", "-o", str(half_done), "."]
            subprocess.run(command, env=settings, check=True)
            half_done.rename(program)
    return program

"""Prometheus and Chromium, as Debian packages them: found, or installed where this may be done."""

import os
import shutil
import subprocess
from collections.abc import Callable
from typing import Final

PROGRAMS: Final = {
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "chromium": "chromium",
    "chromedriver": "chromium-driver",
}
"""Program, and the package that has it."""


class MissingProgramError(Exception):
    """A program is not there; the message says what to install."""


def require_programs(say: Callable[[str], None]) -> None:
    """See to it that every program is there: as root they are installed.

    Raises:
        MissingProgramError: one is missing and could not be installed.
    """
    missing = _missing()
    if not missing:
        return
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing]
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise MissingProgramError(
            f"missing: {', '.join(missing)}. As root on Debian: {' '.join(install)}. Elsewhere install Prometheus with"
            " promtool, and Chromium with chromedriver"
        )
    say(f"installing {', '.join(missing)}")
    # Started by these tests alone: the package must not leave a Prometheus running beside them.
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for command in (["apt-get", "update", "-q"], install):
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise MissingProgramError(
                f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
            )
    if still := _missing():
        raise MissingProgramError(f"still missing after their installation: {', '.join(still)}")


def program(name: str) -> str:
    """The program's path.

    Raises:
        MissingProgramError: it is not there.
    """
    found = shutil.which(name)
    if found is None:
        raise MissingProgramError(f"{name} is missing: run make sight as root, or install {PROGRAMS[name]}")
    return found


def _missing() -> list[str]:
    return sorted({package for name, package in PROGRAMS.items() if shutil.which(name) is None})

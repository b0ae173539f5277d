"""Processor time of the command for people: what a person waits for before anything is said."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median

from dev.lab.figures import Figure

_ROUNDS = 5
_START_AIM = "0.35 s"
_STATUS_AIM = "0.8 s"


def start() -> list[Figure]:
    """Help, version, and the completion of a command's name, which need no cluster."""
    calls = {"powercap --help": ("powercap", "--help"), "powercap --version": ("powercap", "--version")}
    calls["completion of a command"] = ("kubectl_complete-powercap", "sta")
    return [_figure(what, words, _START_AIM, {}) for what, words in calls.items()]


def status(kubeconfig: Path) -> list[Figure]:
    """``powercap status`` of a cluster."""
    return [_figure("powercap status", ("powercap", "status"), _STATUS_AIM, {"KUBECONFIG": str(kubeconfig)})]


def _figure(what: str, words: tuple[str, ...], aim: str, environ: Mapping[str, str]) -> Figure:
    seconds = [_processor_seconds(words, environ) for _ in range(_ROUNDS)]
    how = f"user and system time of the process, median of {_ROUNDS} calls"
    return Figure(what, f"{median(seconds):.2f} s of processor time", aim, how)


def _processor_seconds(words: tuple[str, ...], environ: Mapping[str, str]) -> float:
    before = getrusage(RUSAGE_CHILDREN)
    program = Path(sys.executable).parent / words[0]
    subprocess.run(
        [program, *words[1:]], env={**os.environ, **environ}, stdout=subprocess.DEVNULL, check=True
    )
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

"""Helm and kubectl on one cluster."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CHART = Path(__file__).parents[2] / "charts" / "powercap"


class HelmError(Exception):
    """Helm refused; the message has what it said."""


class Helm:
    """The program ``helm`` with one kubeconfig, and with folders of its own for everything that it keeps."""

    def __init__(self, program: Path, kubeconfig: Path | None, home: Path) -> None:
        """Without a kubeconfig only what needs no cluster works: template, lint."""
        self._program = program
        self._environ = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(home),
            "HELM_CACHE_HOME": str(home / "cache"),
            "HELM_CONFIG_HOME": str(home / "config"),
            "HELM_DATA_HOME": str(home / "data"),
            "KUBECONFIG": str(kubeconfig or home / "no-kubeconfig"),
        }

    def __call__(self, *arguments: str, values: Mapping[str, Any] | None = None) -> str:
        """Output of helm.

        Raises:
            HelmError: it failed.
        """
        command = [str(self._program), *arguments]
        given = None
        if values is not None:
            command += ["--values", "-"]
            given = json.dumps(values)
        done = subprocess.run(
            command, input=given, env=self._environ, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise HelmError(f"helm {' '.join(arguments)}: {(done.stderr + done.stdout).strip()}")
        return done.stdout

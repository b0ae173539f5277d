"""Reads every fake limit again and again, and holds each to its floor and its original."""

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dev.lab.fake_sysfs import read_limits
from dev.lab.judge import out_of_bounds

_PAUSE_SECONDS: Final = 0.02


class LimitsWatch:
    """``start`` it, and read ``complaints`` at the end."""

    def __init__(self, trees: Mapping[str, Path], originals: Mapping[str, Mapping[str, int]]) -> None:
        self._trees = trees
        self._originals = originals
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="limits watch", daemon=True)
        self.looks = 0
        self.changes = 0
        self.complaints: list[str] = []
        self._last: dict[str, dict[str, int]] = {}

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._ending.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._ending.is_set():
            for node, tree in self._trees.items():
                self._look(node, read_limits(tree))
            time.sleep(_PAUSE_SECONDS)

    def _look(self, node: str, limits: dict[str, int]) -> None:
        self.looks += 1
        self.changes += limits != self._last.get(node)
        self._last[node] = limits
        for name, value in limits.items():
            original = self._originals[node][name]
            # -1: a file whose writer was killed between opening and writing; the kernel's cannot be so.
            if value != -1 and (complaint := out_of_bounds(value, original)):
                self.complaints.append(f"{node} {name} was {complaint}")

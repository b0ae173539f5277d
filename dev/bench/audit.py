"""Counts requests by the API server's own audit log."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

_WRITES = ("create", "update", "patch", "delete", "deletecollection")


class Audit:
    """An audit log in a folder; ``flags`` are what the API server needs to write it."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self._log = root / "audit.log"
        policy = root / "audit-policy.yaml"
        rules = [{"level": "Metadata", "omitStages": ["RequestReceived"]}]
        policy.write_text(yaml.safe_dump({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": rules}))
        self.flags = (f"--audit-policy-file={policy}", f"--audit-log-path={self._log}")

    def mark(self) -> int:
        """A place in the log to count from."""
        return self._log.stat().st_size if self._log.exists() else 0

    def count(self, since: int, agent: str) -> Counter[str]:
        """Requests by verb since the mark whose User-Agent begins so; a watch counts when it starts and ends."""
        return Counter(entry["verb"] for entry in self._entries(since, lambda one: _is_by(one, agent)))

    def writes(self, since: int, agent: str) -> int:
        """How many of them change something."""
        verbs = self.count(since, agent)
        return sum(verbs[verb] for verb in _WRITES)

    def _entries(self, since: int, wanted: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        with self._log.open("rb") as log:
            log.seek(since)
            lines = log.read().splitlines()
        return [entry for line in lines if wanted(entry := json.loads(line))]


def _is_by(entry: dict[str, Any], agent: str) -> bool:
    return bool(entry.get("userAgent", "").startswith(agent)) and entry["stage"] == "ResponseComplete"

"""Requests as the API server's audit log tells them: who asked for what, when it was done, and how often."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import yaml

OPERATOR = "powercap-operator"
AGENT = "powercap-agent"
BARE = "powercap-bare"
"""User-Agents, as they begin."""
OURS = (OPERATOR, "kopf", AGENT)
"""Those of powercap: the operator has two clients."""
REPORTS = "powerreports"
"""The resource that the operator writes at rest too: once for each policy and market period."""

WRITES = ["create", "update", "patch", "delete", "deletecollection"]
"""Verbs."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request; a watch counts when it ends."""

    agent: str
    """The User-Agent."""
    user: str
    verb: str
    resource: str
    """With its subresource: ``powerbudgets/status``."""
    name: str
    code: int
    done_at: float
    """Seconds since the epoch."""

    @property
    def is_applied(self) -> bool:
        """Whether the server took it."""
        return 200 <= self.code < 300


class AuditLog:
    """An audit log in a folder, of writes or of all requests; ``flags`` are what the API server needs to keep it."""

    def __init__(self, root: Path, *, reads: bool = False) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self._file = root / "audit.log"
        policy = root / "audit-policy.yaml"
        logged = {"level": "Metadata", "omitStages": ["RequestReceived"]}
        rules = [logged] if reads else [{**logged, "verbs": WRITES}, {"level": "None"}]
        policy.write_text(yaml.safe_dump({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": rules}))
        self.flags = (
            f"--audit-policy-file={policy}",
            f"--audit-log-path={self._file}",
            "--audit-log-maxsize=100000",  # MB: a log that is rotated could not be followed
        )
        self._read_to = 0

    def new(self) -> list[Asked]:
        """What has been answered since the last call."""
        if not self._file.exists():
            return []
        with self._file.open("rb") as log:
            log.seek(self._read_to)
            text = log.read()
        whole = text.rfind(b"\n") + 1
        self._read_to += whole
        return list(_asked(text[:whole]))


def _asked(text: bytes) -> Iterator[Asked]:
    for line in text.splitlines():
        entry = json.loads(line)
        about = entry.get("objectRef")
        if entry["stage"] != "ResponseComplete" or about is None:
            continue
        resource = "/".join(part for part in (about["resource"], about.get("subresource")) if part)
        yield Asked(
            entry.get("userAgent", ""),
            entry["user"]["username"],
            entry["verb"],
            resource,
            about.get("name", ""),
            entry["responseStatus"]["code"],
            datetime.fromisoformat(entry["stageTimestamp"]).timestamp(),
        )

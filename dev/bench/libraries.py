"""What each library costs a process in resident memory."""

import subprocess
import sys

from dev.bench.report import Figure

_SHOW = "print([l for l in open('/proc/self/status') if l.startswith('VmRSS')][0].split()[1])"
_IMPORTS = {
    "Python alone": "",
    "json": "import json",
    "ssl, http.client, json": "import ssl, http.client, json; ssl.create_default_context()",
    "the agent's own modules": "import powercap_agent.main",
    "asyncio": "import asyncio",
    "pydantic": "import pydantic",
    "httpx": "import httpx",
    "selectolax": "import selectolax.lexbor",
    "kopf": "import kopf",
    "kubernetes_asyncio": "import kubernetes_asyncio.client, kubernetes_asyncio.config",
}


def measure() -> list[Figure]:
    """One process for each, with nothing else imported."""
    costs = {name: _resident_mb(statement) for name, statement in _IMPORTS.items()}
    bare = costs["Python alone"]
    told = ", ".join(f"{name} {cost - bare:+.1f}" for name, cost in costs.items() if cost != bare)
    return [
        Figure(
            "what a library costs",
            f"Python alone {bare:.1f} MB; {told} MB",
            "",
            "VmRSS of a process after only that import, less Python alone",
        )
    ]


def _resident_mb(statement: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", f"{statement}\n{_SHOW}"], capture_output=True, text=True, check=True
    )
    return int(done.stdout) * 1024 / 1e6

"""A bare concurrent client of the API server: the yardstick for the operator, and what makes the nodes.

It does what the operator's writes need and nothing else: requests are ready before they are sent, answers are read
and thrown away, and nothing is decided, watched or kept.
"""

import asyncio
import json
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from dev.cluster.control_plane import ControlPlane
from dev.lab.audit_log import BARE
from powercap_api.names import API_VERSION, OPERATOR_FIELD_MANAGER, POWER_BUDGET

BUDGETS: Final = f"/apis/{API_VERSION}/powerbudgets"
_APPLY: Final = "application/apply-patch+yaml"
_MERGE: Final = "application/merge-patch+json"


@dataclass(frozen=True, slots=True)
class Request:
    """One write."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    content_type: str = "application/json"


class BareClientError(Exception):
    """The API server refused a write; the message has its answer."""


def create_node(name: str, labels: Mapping[str, str]) -> Request:
    """A Node without a kubelet."""
    body = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}
    return Request("POST", "/api/v1/nodes", body)


def delete_node(name: str) -> Request:
    """Delete a Node."""
    return Request("DELETE", f"/api/v1/nodes/{name}")


def delete_budget(name: str) -> Request:
    """Delete a node's budget."""
    return Request("DELETE", f"{BUDGETS}/{name}")


def apply_budget(name: str, metadata: Mapping[str, Any], spec: Mapping[str, Any]) -> Request:
    """The server-side apply with which the operator writes a budget."""
    body = {
        "apiVersion": API_VERSION,
        "kind": POWER_BUDGET,
        "metadata": {"name": name, **metadata},
        "spec": spec,
    }
    return Request(
        "PATCH", f"{BUDGETS}/{name}?fieldManager={OPERATOR_FIELD_MANAGER}&force=true", body, _APPLY
    )


def patch_status(name: str, status: Mapping[str, Any]) -> Request:
    """The merge patch with which an agent writes its status."""
    return Request("PATCH", f"{BUDGETS}/{name}/status?fieldManager=powercap-bare", {"status": status}, _MERGE)


def send(plane: ControlPlane, requests: Iterable[Request], at_once: int) -> None:
    """Send them all, ``at_once`` in flight at any time.

    Raises:
        BareClientError: one was refused.
    """
    asyncio.run(_send(plane, list(requests), at_once))


async def _send(plane: ControlPlane, requests: list[Request], at_once: int) -> None:
    ready = iter([(one, None if one.body is None else json.dumps(one.body).encode()) for one in requests])

    async def worker() -> None:
        for request, body in ready:
            headers = {"Content-Type": request.content_type}
            async with session.request(
                request.method, plane.url + request.path, data=body, headers=headers
            ) as answer:
                text = await answer.read()
                if answer.status >= 400:
                    raise BareClientError(f"{request.method} {request.path}: {text[:500]!r}")

    async with (
        aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {plane.admin_token}", "User-Agent": BARE},
            connector=aiohttp.TCPConnector(
                limit=at_once, ssl=ssl.create_default_context(cafile=str(plane.ca_file))
            ),
        ) as session,
        asyncio.TaskGroup() as workers,
    ):
        for _ in range(at_once):
            workers.create_task(worker())

"""From a policy's edit, and from a period's begin, to the numbers in the files of ten nodes."""

import time
from datetime import timedelta

from dev.lab.caps import cap_at, caps_of
from dev.lab.figures import Figure, milliseconds
from dev.lab.stage import Stage, next_quarter, wait_until

EDITS = 40
PERIODS = 12
_LEAD = timedelta(seconds=1.5)


def measure(stage: Stage, nodes: list[str]) -> list[Figure]:
    """Both latencies, on a stage where all nodes follow their budgets."""
    edits = [_edit(stage, nodes, 50 + round_ % 2 * 10) for round_ in range(EDITS)]
    periods: list[float] = []
    for _ in range(PERIODS):
        periods += _period(stage, nodes)
    return [
        Figure(
            f"policy edit accepted → every file of {len(nodes)} nodes",
            milliseconds(edits),
            "p99 under 500 ms",
            f"{EDITS} edits of maxSource, each on a cluster at rest; from the answer to the PATCH to the last file",
        ),
        Figure(
            "market period begins → file",
            milliseconds(periods),
            "p99 under 20 ms",
            f"{PERIODS} periods × {len(nodes)} agents (clock set ahead); from the boundary to each file",
        ),
    ]


def _edit(stage: Stage, nodes: list[str], max_source: int) -> float:
    wait_until(lambda: _reported(stage, nodes), "every agent has reported the edit before", 20, 0.1)
    before = {node: stage.node_cap(node) for node in nodes}
    stage.client.patch("powerpolicy", "default", {"spec": {"maxSource": str(max_source)}})
    accepted = time.perf_counter()
    wait_until(
        lambda: all(stage.node_cap(node) != before[node] for node in nodes),
        "files follow the edit",
        20,
        0.001,
    )
    return time.perf_counter() - accepted


def _reported(stage: Stage, nodes: list[str]) -> bool:
    budgets = stage.client.items("powerbudgets")
    return all(
        budgets[node].get("status", {}).get("observedGeneration") == budgets[node]["metadata"]["generation"]
        for node in nodes
    )


def _period(stage: Stage, nodes: list[str]) -> list[float]:
    """Seconds from the next period's begin to each node's file."""
    caps = caps_of(stage.get("powerbudget", nodes[0])["spec"])
    now = stage.clock.now()
    begins = next((cap.start for cap in caps if cap.start > now), next_quarter(now))
    here, there = cap_at(caps, now), cap_at(caps, begins)
    if here is None or there is None or here.power_uw == there.power_uw:
        stage.advance(begins - now + timedelta(seconds=1))
        return []
    stage.advance(begins - now - _LEAD)
    before = {node: stage.node_cap(node) for node in nodes}
    seen: dict[str, float] = {}
    deadline = begins + timedelta(seconds=5)
    while len(seen) < len(nodes) and stage.clock.now() < deadline:
        for node in nodes:
            if node not in seen and stage.node_cap(node) != before[node]:
                seen[node] = (stage.clock.now() - begins).total_seconds()
    return [seen.get(node, 5.0) for node in nodes]

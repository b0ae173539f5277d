"""What operator and agents take: memory, processor time, requests."""

import time
from collections import Counter

from dev.lab.audit_log import AGENT, OURS, WRITES, AuditLog
from dev.lab.fake_sysfs import ONE_SOCKET
from dev.lab.figures import Figure
from dev.lab.processes import cpu_seconds, resident_mb
from dev.lab.stage import Stage, wait_until

_OPERATOR = tuple(client for client in OURS if client != AGENT)


def agents(stage: Stage, audit: AuditLog, nodes: list[str], seconds: float) -> list[Figure]:
    """Agents with nothing to do but to look: after ``seconds``, scaled to an hour."""
    pids = [pid for node in nodes if (pid := stage.agents[node].pid) is not None]
    audit.new()
    began = time.monotonic()
    used = {pid: cpu_seconds(pid) for pid in pids}
    time.sleep(seconds)
    hours = (time.monotonic() - began) / 3600
    memory = sorted(resident_mb(pid) for pid in pids)
    cpu = sum(cpu_seconds(pid) - used[pid] for pid in pids) / len(pids) / hours
    requests = Counter(one.verb for one in audit.new() if one.agent.startswith(AGENT))
    hourly = sum(requests.values()) / len(pids) / hours
    how = f"{len(pids)} agents for {seconds:.0f} s with no change but market periods"
    verbs = ", ".join(f"{verb} {count}" for verb, count in sorted(requests.items())) or "none"
    return [
        Figure(
            "agent: resident memory",
            f"{memory[len(memory) // 2]:.1f} MB (max {memory[-1]:.1f})",
            "29 MB",
            how,
        ),
        Figure(
            "agent: processor time", f"{cpu:.1f} s an hour ({cpu / 3.6:.1f} millicores)", "5 millicores", how
        ),
        Figure("agent: API requests", f"{hourly:.1f} an hour", "12 an hour", f"{how}; audit log: {verbs}"),
    ]


def operator(stage: Stage, audit: AuditLog, quiet_seconds: float, more_nodes: int) -> list[Figure]:
    """Memory with the stage's nodes and with many more, and what it writes when nothing changes."""
    few = len(stage.nodes)
    figures = [_operator_memory(stage, few)]
    layouts = {f"bench-{index:04}": ONE_SOCKET for index in range(more_nodes - few)}
    items = [{"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}} for node in layouts]
    stage.apply({"apiVersion": "v1", "kind": "List", "items": items})
    seconds = wait_until(
        lambda: len(stage.get("powerbudgets")["items"]) == more_nodes, "a budget for every node", 300, 1
    )
    figures.append(
        Figure(
            "operator: budgets for new nodes",
            f"{len(layouts) / max(seconds, 0.001):.0f} budgets a second or more",
            "",
            f"from the last of {len(layouts)} Nodes accepted until every budget is there",
        )
    )
    time.sleep(30)  # until the policy's status has settled
    before = sum(one.verb in WRITES for one in audit.new() if one.agent.startswith(_OPERATOR))
    pid = stage.operator.pid
    used = cpu_seconds(pid) if pid else 0.0
    time.sleep(quiet_seconds)
    asked = [one for one in audit.new() if one.agent.startswith(_OPERATOR)]
    writes, requests = sum(one.verb in WRITES for one in asked), len(asked)
    cpu = (cpu_seconds(pid) - used if pid else 0.0) / quiet_seconds * 1000
    figures.append(_operator_memory(stage, more_nodes))
    figures.append(
        Figure(
            f"operator: writes when nothing changed, {more_nodes} nodes",
            f"{writes} writes, {requests} requests in all, {cpu:.0f} millicores",
            "0 writes",
            f"audit log over {quiet_seconds:.0f} s, a pass a minute; before that it had counted {before} writes",
        )
    )
    return figures


def _operator_memory(stage: Stage, nodes: int) -> Figure:
    pid = stage.operator.pid
    value = "not running" if pid is None else f"{resident_mb(pid):.0f} MB"
    return Figure(f"operator: resident memory, {nodes} nodes", value, "", "VmRSS")

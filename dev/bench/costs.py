"""What agents take: memory, processor time, requests."""

import time
from collections import Counter

from dev.lab.audit_log import AGENT, AuditLog
from dev.lab.figures import Figure
from dev.lab.processes import cpu_seconds, resident_mb
from dev.lab.stage import Stage


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

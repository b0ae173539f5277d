"""This machine's side: boots the virtual machines and passes their tests' reports on to pytest."""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dev.cluster.progress import say
from dev.kernel.images import image
from dev.kernel.machine import Machine, Topology, booted

TOPOLOGIES = {
    "sockets": Topology(packages=2),
    "dies": Topology(packages=2, dies=2),
    "three": Topology(packages=3),
    "single": Topology(packages=1),
    "eight": Topology(packages=8),
    "many": Topology(packages=64),
}
REPOSITORY = Path(__file__).parents[2]
SILENCE_SECONDS = 240.0
"""A machine from which no report comes for so long is given up."""
_POLL_SECONDS = 0.1

_SCRIPT = """\
cd {repository}
export POWERCAP_KERNEL_MACHINE={machine} PYTHONDONTWRITEBYTECODE=1
touch /mnt/out/reports
exec {python} -m pytest -q -p no:cacheprovider --tb=short --basetemp=/mnt/tmp/pytest {options} @/mnt/out/tests
"""


def run_items(session: pytest.Session) -> None:
    """Run the session's tests, machine after machine."""
    machines: dict[str, list[pytest.Item]] = {}
    for item in session.items:
        assert isinstance(item, pytest.Function)
        machines.setdefault(str(item.callspec.params["machine"]), []).append(item)
    for name, items in machines.items():
        with tempfile.TemporaryDirectory(prefix="powercap-kernel-") as folder:
            _run_machine(session, name, items, Path(folder))
        if session.shouldfail:
            raise session.Failed(session.shouldfail)


def _run_machine(session: pytest.Session, name: str, items: list[pytest.Item], out: Path) -> None:
    series, kind = name.split("-")
    began = time.monotonic()
    slots = session.config.option.slots
    options = f"--slots={slots}" if slots else ""
    script = _SCRIPT.format(repository=REPOSITORY, machine=name, python=sys.executable, options=options)
    (out / "tests").write_text("".join(f"{item.nodeid}\n" for item in items), encoding="utf-8")
    booting = image(series, os.environ, say)
    waiting = {item.nodeid: item for item in items}
    figures: list[object] = []
    with booted(booting, TOPOLOGIES[kind], out, script) as machine:
        for report in _reports(out / "reports", machine, lambda: bool(waiting)):
            item = waiting[report.nodeid]
            if report.when == "setup":
                item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
            item.ihook.pytest_runtest_logreport(report=report)
            if report.when == "teardown":
                figures += [value for name, value in report.user_properties if name == "figure"]
                item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
                del waiting[item.nodeid]
            if session.shouldfail:
                return
        for item in waiting.values():
            _fail(item, f"the machine {name} did not run this test:\n{machine.console()[-4000:]}")
    say(f"\nkernel {booting.version}, {kind}: {len(items)} tests in {time.monotonic() - began:.0f} s")
    for figure in figures:
        say(str(figure))


def _reports(file: Path, machine: Machine, wanted: Callable[[], bool]) -> Iterator[pytest.TestReport]:
    """The reports from the machine as they come, until all are there, the machine ends or nothing comes any more."""
    heard, at, ended = time.monotonic(), 0, False
    while wanted() and not ended and time.monotonic() - heard < SILENCE_SECONDS:
        ended = not machine.running
        text = file.read_text(encoding="utf-8")[at:] if file.exists() else ""
        lines = text[: text.rfind("\n") + 1]
        at += len(lines)
        for line in lines.splitlines():
            heard = time.monotonic()
            yield pytest.TestReport._from_json(json.loads(line))
        if not lines:
            time.sleep(_POLL_SECONDS)


def _fail(item: pytest.Item, why: str) -> None:
    report = pytest.TestReport(item.nodeid, item.location, {}, "failed", why, "call")
    item.ihook.pytest_runtest_logreport(report=report)

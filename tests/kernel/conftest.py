"""Runs these tests in virtual machines: one pytest here, and one in each machine that runs the tests and reports back.

A test says by its marker which machine it is for: ``sockets`` (two packages), ``three`` (three), or ``dies`` (two
packages of two dies); and which others where it measures, with ``--slots``: ``single``, ``eight`` or ``many`` (1, 8 or
64 packages).
It runs on each kernel. In a machine POWERCAP_KERNEL_MACHINE says which one it is.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.kernel.packages import SERIES
from dev.lab.fake_api import FakeApi
from tests.kernel import registers
from tests.kernel.hosted import run_items
from tests.kernel.launcher import Launcher
from tests.kernel.node import Node

INSIDE = os.environ.get("POWERCAP_KERNEL_MACHINE")
REPORTS = Path("/mnt/out/reports")
FEW_SLOTS = 8


def pytest_configure(config: pytest.Config) -> None:
    """Say what the marker is."""
    config.addinivalue_line(
        "markers", "machine(kind, measured=()): the machine that the test runs in, and more with --slots"
    )


def pytest_addoption(parser: pytest.Parser) -> None:
    """Measurements take longer than tests."""
    parser.addoption(
        "--slots", type=int, help="measure over so many slots, in machines of 1, 2, 8 and 64 packages"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test once for each kernel, or in a machine for that machine only."""
    marker = metafunc.definition.get_closest_marker("machine")
    assert marker is not None, f"{metafunc.definition.nodeid} does not say which machine it is for"
    more = marker.kwargs.get("measured", ()) if metafunc.config.option.slots else ()
    names = [f"{series}-{kind}" for kind in (*marker.args, *more) for series in SERIES]
    metafunc.parametrize("machine", names if INSIDE is None else [INSIDE], indirect=True)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Here: run the tests in their machines. In a machine: nothing, so that pytest runs them."""
    if INSIDE is not None or session.config.option.collectonly:
        return None
    if session.testsfailed:
        raise session.Interrupted("the tests could not be collected")
    run_items(session)
    return True


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """In a machine: hand each report out."""
    if INSIDE is None:
        return
    data = report._to_json()  # what pytest_report_to_serializable gives, without its type's name
    with REPORTS.open("a", encoding="utf-8") as reports:
        reports.write(json.dumps(data, default=str) + "\n")


@pytest.fixture(autouse=True)
def machine(request: pytest.FixtureRequest) -> str:
    """Name of the machine: kernel series and kind."""
    return str(request.param)


@pytest.fixture
def slots(pytestconfig: pytest.Config) -> int:
    """How many slots are measured."""
    return int(pytestconfig.option.slots or FEW_SLOTS)


@pytest.fixture(scope="session")
def launcher() -> Iterator[Launcher]:
    """Starts agents fast."""
    with Launcher() as started:
        yield started


@pytest.fixture
def node(tmp_path: Path, launcher: Launcher) -> Iterator[Node]:
    """A node without a budget, whose agent does not run yet; the registers are unloaded after the test."""
    with FakeApi() as api:
        made = Node(tmp_path, launcher, api)
        try:
            yield made
        finally:
            made.stop()
    registers.unload()

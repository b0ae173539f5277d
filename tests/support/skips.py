"""Which skips CI allows: those in tests/skips.toml. ``tests/conftest.py`` has these hooks of pytest.

A test that is skipped for another reason, such as a folder that somebody renamed, would be green for ever.
"""

import os
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest

FILE: Final = Path(__file__).parents[1] / "skips.toml"
_reasons: Final[list[tuple[str, str]]] = []
"""Test and reason, of this run."""


def unlisted(skips: Iterable[tuple[str, str]], file: Path = FILE) -> list[str]:
    """A line for each skip whose reason is not in the file."""
    allowed = {entry["reason"] for entry in tomllib.loads(file.read_text(encoding="utf-8"))["skip"]}
    return [f"{test}: {reason}" for test, reason in skips if reason not in allowed]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note a skip. An expected failure is none."""
    if report.skipped and not hasattr(report, "wasxfail") and isinstance(report.longrepr, tuple):
        _reasons.append((report.nodeid, str(report.longrepr[2]).removeprefix("Skipped: ")))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Let the run fail in CI if a skip is not listed."""
    if os.environ.get("CI") and not hasattr(session.config, "workerinput") and (lines := unlisted(_reasons)):
        reporter = session.config.get_terminal_writer()
        reporter.line("\n  ".join(["\nskipped, and not in tests/skips.toml:", *lines]))
        session.exitstatus = pytest.ExitCode.TESTS_FAILED

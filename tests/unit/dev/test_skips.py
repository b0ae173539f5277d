"""A skip that nobody has listed with its reason lets a run of CI fail."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.skips import unlisted

ROOT = Path(__file__).parents[3]
LISTED = "no saved pages beside the project"


def test_what_is_listed_may_be_skipped() -> None:
    skips = [("test_a", LISTED), ("test_b", "the tools are not here"), ("test_c", "got empty parameter set")]
    assert unlisted(skips) == ["test_b: the tools are not here", "test_c: got empty parameter set"]


def test_a_run_of_ci_fails(tmp_path: Path) -> None:
    tests = [
        f"def test_{name}():\n    pytest.skip({reason!r})\n"
        for name, reason in (("a", LISTED), ("b", "why?"))
    ]
    (tmp_path / "test_one.py").write_text("\n".join(["import pytest", *tests]))
    options = ("-q", "-p", "tests.support.skips", "-p", "no:cacheprovider", "-p", "no:hypothesispytest")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "CI": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "2 skipped" in done.stdout
    assert "skipped, and not in tests/skips.toml:\n" in done.stdout
    assert "test_one.py::test_b: why?" in done.stdout
    assert "test_a: " not in done.stdout

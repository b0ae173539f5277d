"""The folder that mutmut works in: the sources below ``src``, where it looks for them, and the tests beside them."""

import shutil
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).parents[2]
PACKAGES: Final = (
    "crds/powercap_api",
    "operator/powercap_cli",
    "operator/powercap_operator",
    "agent/powercap_agent",
)
SUBJECTS: Final = (
    "powercap_operator/planning/*.py",
    "powercap_operator/market/delivery_day.py",
    "powercap_operator/market/fallback.py",
    "powercap_operator/sources/epex/fragment.py",
    "powercap_operator/sources/epex/heading.py",
    "powercap_operator/sources/epex/page.py",
    "powercap_operator/sources/epex/table.py",
    "powercap_agent/planning/*.py",
    "powercap_agent/schedule/*.py",
    "powercap_agent/enforce/limit_state.py",
    "powercap_agent/enforce/limit_writer.py",
    "powercap_agent/enforce/originals.py",
    "powercap_agent/enforce/transition.py",
    "powercap_agent/state/originals_store.py",
)
"""What is changed: planning of both, limits, originals, fallback, delivery days, and the reading of pages."""
TESTS: Final = (
    "tests/unit/kinds/test_schedule.py",
    "tests/unit/operator/kube/test_cache.py",
    "tests/unit/operator/market",
    "tests/unit/operator/planning",
    "tests/unit/operator/strategies",
    "tests/unit/operator/sources/epex",
    "tests/unit/agent/enforce",
    "tests/unit/agent/planning",
    "tests/unit/agent/schedule",
    "tests/unit/agent/state",
    "tests/unit/agent/loop",
)
LEFT_OUT: Final = ("fuzz", "test_kill", "test_site", "test_page_limits", "soak")
"""Tests that take seconds or processes of their own: a change that only they notice counts as not noticed."""
_BESIDE: Final = ("tests", "dev", "crds", "charts", "docs")
_ignored = shutil.ignore_patterns("__pycache__", "requirements*.txt", "programs", "mutants")


def prepare(folder: Path) -> None:
    """Fill the folder from the working tree. What mutmut keeps there of an earlier run stays where it still fits."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*_BESIDE, "src", "mutants/src", "mutants/tests"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for package in PACKAGES:
        shutil.copytree(REPOSITORY / package, folder / "src" / Path(package).name, ignore=_ignored)
    for name in _BESIDE:
        shutil.copytree(REPOSITORY / name, folder / name, ignore=_ignored)
    (folder / "pyproject.toml").write_text(_configuration(), encoding="utf-8")


def _configuration() -> str:
    return f"""\
[tool.mutmut]
source_paths = ["src"]
only_mutate = {[f"src/{pattern}" for pattern in SUBJECTS]}
also_copy = {list(_BESIDE)}
pytest_add_cli_args = ["-k", "{" and ".join(f"not {name}" for name in LEFT_OUT)}", "-p", "no:cacheprovider"]
pytest_add_cli_args_test_selection = {list(TESTS)}
timeout_multiplier = 2.0
timeout_constant = 10.0
use_git_change_detection = false
track_dependencies = false

[tool.pytest.ini_options]
addopts = "--import-mode=importlib"
pythonpath = ["."]
"""

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
    "powercap_api/schedule.py",
    "powercap_api/units.py",
    *(
        f"powercap_operator/{room}/{depth}.py"
        for room in (
            "kube",
            "loops",
            "market",
            "metrics",
            "page",
            "planning",
            "sources",
            "strategies",
            "world",
            "worth",
        )
        for depth in ("*", "*/*")
    ),
    *(
        f"powercap_agent/{room}/*.py"
        for room in ("enforce", "hardware", "kube", "planning", "schedule", "state", "status")
    ),
)
"""What is changed: every room of operator and agent, and what both read of a schedule."""
TESTS: Final = (
    "tests/unit/kinds/test_schedule.py",
    "tests/unit/kinds/test_units.py",
    "tests/unit/operator",
    "tests/unit/agent",
)
LEFT_OUT: Final = (
    "fuzz", "test_kill", "test_site", "test_page_limits", "soak", "test_process", "test_command", "test_step_length",
    "test_proxy", "watchdog", "thousands", "test_simulated_agent",
)  # fmt: skip
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

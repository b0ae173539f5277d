"""The arguments of a suite's command."""

from pathlib import Path

import pytest

from dev.lab.suite import pytest_arguments

HERE = str(Path(__file__))


@pytest.mark.parametrize(
    "arguments", [[], ["-q"], ["-k", "disabled"], ["--slots", "100", "-k", "switch and 6.12"]]
)
def test_options_alone_run_the_whole_suite(arguments: list[str]) -> None:
    assert pytest_arguments(arguments, "tests/kernel") == [*arguments, "tests/kernel"]


@pytest.mark.parametrize(
    "arguments", [[HERE], ["-q", f"{HERE}::test_it"], [str(Path(HERE).parent), "-k", "it"]]
)
def test_what_is_named_is_all_that_runs(arguments: list[str]) -> None:
    assert pytest_arguments(arguments, "tests/kernel") == arguments

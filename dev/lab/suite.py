"""Which tests ``make kernel`` and ``make e2e`` run."""

from collections.abc import Sequence
from pathlib import Path


def pytest_arguments(arguments: Sequence[str], folder: str) -> list[str]:
    """The arguments, and the suite's folder where none of them names a file, a folder or a test.

    What an option takes, such as the word after ``-k``, names none.
    """
    named = any(Path(argument.partition("::")[0]).exists() for argument in arguments)
    return [*arguments] if named else [*arguments, folder]

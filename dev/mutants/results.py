"""What mutmut found: which changes were noticed, and what the others are."""

import ast
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import ndiff
from pathlib import Path
from random import Random
from typing import Final

_SURVIVED: Final = 0
_WITHOUT_TESTS: Final = frozenset({5, 33})
"""Exit codes of pytest and of mutmut where no test runs the changed function."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change."""

    name: str
    """As mutmut calls it: module, function and number."""
    exit_code: int | None
    """Of the tests; None where they were not run."""

    @property
    def module(self) -> str:
        """The module that is changed."""
        return self.name.rsplit(".", 1)[0]

    @property
    def is_killed(self) -> bool:
        """Whether a test noticed, or never ended."""
        return self.exit_code not in (None, _SURVIVED, *_WITHOUT_TESTS)


@dataclass(frozen=True, slots=True)
class Change:
    """What a survivor is, in words that stay when functions around it are edited."""

    where: str
    """Module and function."""
    was: str
    """The lines that it takes away, stripped and joined by spaces."""
    now: str
    """The lines in their place."""


def read_mutants(folder: Path) -> list[Mutant]:
    """All that there are, in order."""
    found = []
    for file in sorted(folder.glob("mutants/src/**/*.meta")):
        codes = json.loads(file.read_text(encoding="utf-8"))["exit_code_by_key"]
        found += [Mutant(name, code) for name, code in codes.items()]
    return found


def draw(mutants: Iterable[Mutant], seed: int, total: int) -> list[str]:
    """Names of so many, the same for the same seed and sources."""
    names = sorted(mutant.name for mutant in mutants)
    return Random(seed).sample(names, min(total, len(names)))  # noqa: S311


def change_of(folder: Path, mutant: Mutant) -> Change:
    """What the mutant changes."""
    path = folder / "mutants/src" / f"{mutant.module.replace('.', '/')}.py"
    lines = path.read_text(encoding="utf-8").splitlines()
    name = mutant.name.rsplit(".", 1)[1]
    function, _, _ = name.partition("__mutmut_")
    spans = dict(_functions(ast.parse("\n".join(lines))))
    before, after = (lines[slice(*spans[one])] for one in (f"{function}__mutmut_orig", name))
    steps = [line for line in ndiff(before, after) if line[0] in "+-"]
    plain = function.replace("xǁ", "").replace("ǁ", ".").removeprefix("x_")
    return Change(f"{mutant.module}.{plain}", _joined(steps, "-"), _joined(steps, "+"))


def _functions(tree: ast.AST) -> Iterator[tuple[str, tuple[int, int]]]:
    """The bodies of all functions, as slices of lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.lineno, node.end_lineno or node.lineno)


def _joined(steps: Iterable[str], sign: str) -> str:
    return " ".join(line[2:].strip() for line in steps if line[0] == sign)

"""Says where code has outgrown its place: ``make lint`` fails on a module or function that is too long.

Lines are those of the file, docstrings and blank ones too. Tests may have longer modules, as they are read one
test at a time; their functions may not. How many modules a folder has is not limited: a folder is one subject.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

MOST_FUNCTION_LINES: Final = 60
MOST_MODULE_LINES: Final = 400
CODE: Final = ("crds", "operator", "agent", "dev")
TESTS: Final = ("tests",)
_FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def complaints(root: Path) -> Iterator[str]:
    """A sentence for each module and function below ``root`` that is too long."""
    for file in _modules(root, (*CODE, *TESTS)):
        text = file.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, _FunctionNode) and node.end_lineno is not None:
                lines = node.end_lineno - node.lineno + 1
                if lines > MOST_FUNCTION_LINES:
                    where = f"{file.relative_to(root)}:{node.lineno}"
                    yield f"{where}: {node.name} has {lines} lines, more than {MOST_FUNCTION_LINES}: split it"
    for file in _modules(root, CODE):
        lines = len(file.read_text(encoding="utf-8").splitlines())
        if lines > MOST_MODULE_LINES:
            yield f"{file.relative_to(root)} has {lines} lines, more than {MOST_MODULE_LINES}: split it"


def _modules(root: Path, folders: tuple[str, ...]) -> list[Path]:
    return [file for folder in folders for file in sorted((root / folder).rglob("*.py"))]


def main() -> int:
    """1 where something is too long."""
    found = list(complaints(Path(__file__).parents[1]))
    for complaint in found:
        print(complaint)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

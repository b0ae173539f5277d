"""Writes a made document, or says that it is out of date."""

import sys
from pathlib import Path

CHECK = "--check"


def write_or_check(file: Path, wanted: str, arguments: list[str]) -> int:
    """Write the document as it should be, or with ``--check`` only say whether it is so; the exit code."""
    if file.read_text(encoding="utf-8") == wanted:
        return 0
    if arguments == [CHECK]:
        print(f"{file.name} is out of date: run `make crds` and commit the result", file=sys.stderr)
        return 1
    file.write_text(wanted, encoding="utf-8")
    return 0

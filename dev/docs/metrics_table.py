"""The table of metrics in docs/operations.md, from the catalogue."""

import sys
from pathlib import Path
from typing import Final

from dev.docs.made import write_or_check
from powercap_operator.metrics.catalogue import FAMILIES, Family

FILE: Final = Path(__file__).parents[2] / "docs" / "operations.md"
_HEAD: Final = "| metric | what it is | labels |\n|---|---|---|\n"


def _row(family: Family) -> str:
    name = f"{family.name}_total" if family.type == "counter" else family.name
    labels = ", ".join(f"`{label}`" for label in family.labels)
    return f"| `{name}` | {family.text} | {labels} |\n"


def with_table(text: str) -> str:
    """The document with the table as it should be."""
    before, head, rest = text.partition(_HEAD)
    after = rest[rest.index("\n\n") :] if "\n\n" in rest else ""
    return before + head + "".join(map(_row, FAMILIES)).rstrip("\n") + after


def main(arguments: list[str]) -> int:
    """Write the table, or with ``--check`` only say whether it is up to date."""
    return write_or_check(FILE, with_table(FILE.read_text(encoding="utf-8")), arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Tables for people: in colour on a terminal, plain columns where the output is piped."""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from powercap_api.foreign_text import visible

_PIPED_WIDTH: Final = 100_000
"""Nothing is wrapped or cut where a program reads it."""
_STYLES: Final = {"True": "green", "False": "bold red", "Unknown": "yellow"}


class Screen:
    """Prints on standard output."""

    def __init__(self, console: Console | None = None) -> None:
        """``console``: where to print, for tests."""
        self._console = console or Console(highlight=False)
        if not self._console.is_terminal:
            self._console.width = _PIPED_WIDTH

    @property
    def console(self) -> Console:
        """The console behind it."""
        return self._console

    def say(self, text: str, style: str = "") -> None:
        self._console.print(Text(visible(text, keep="\n"), style=style))

    def heading(self, text: str) -> None:
        self._console.print()
        self._console.print(Text(visible(text), style="bold"))

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Rows under their columns; what is None is shown as ``-``."""
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for column in columns:
            table.add_column(column, overflow="fold", no_wrap=not self._console.is_terminal)
        for row in rows:
            cells = ["-" if cell is None or cell == "" else visible(str(cell), keep="\n") for cell in row]
            table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in cells))
        self._console.print(table)


def print_json(body: Any) -> None:
    print(re.sub(r"\\x(..)", r"\\u00\1", visible(json.dumps(body, indent=2, ensure_ascii=False), keep="\n")))

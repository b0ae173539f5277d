"""How the demo looks: in colour on a terminal, plain text elsewhere."""

from collections.abc import Callable, Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

_PLAIN_WIDTH = 150


class Screen:
    """Prints headings, facts, checks and tables."""

    def __init__(self) -> None:
        """On standard output."""
        self._console = Console(highlight=False, soft_wrap=True)
        if not self._console.is_terminal:
            self._console = Console(highlight=False, soft_wrap=True, width=_PLAIN_WIDTH)

    def heading(self, text: str) -> None:
        """A new part of the story."""
        self._console.print()
        self._console.print(Text(f"━━ {text} ", style="bold cyan"))

    def say(self, text: str) -> None:
        """A sentence."""
        self._console.print(Text(text))

    def progress(self, text: str) -> None:
        """What is going on behind the scene."""
        self._console.print(Text(f"   {text}", style="dim"))

    def good(self, text: str) -> None:
        """Something that was checked and is so."""
        self._console.print(Text("✔ ", style="bold green") + Text(text))

    def bad(self, text: str) -> None:
        """Something that was checked and is not so."""
        self._console.print(Text("✘ ", style="bold red") + Text(text))

    def command(self, command: str, output: str) -> None:
        """A command and what it printed."""
        self._console.print(Text(f"$ {command}", style="bold"))
        for line in output.rstrip().splitlines():
            self._console.print(Text(f"  {line}"), soft_wrap=True)

    def limits(
        self,
        before: Mapping[str, Mapping[str, int]],
        now: Mapping[str, Mapping[str, int]],
        zone_name: Callable[[str, str], str],
    ) -> None:
        """Limits in the files per node, original and now, in watts; what changed stands out.

        ``zone_name`` gives what a node's zone folder calls itself, such as package-0.
        """
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for column in ("node", "zone", "name", "constraint"):
            table.add_column(column)
        for column in ("original", "now"):
            table.add_column(column, justify="right")
        for node, limits in now.items():
            if not limits:
                table.add_row(node, Text("none: nothing to cap here", style="dim"))
            for name, limit in limits.items():
                original = before[node][name]
                style = "bold yellow" if limit != original else "dim"
                zone, constraint = name.rsplit("/", 1)
                row = (node, zone.rsplit("/", 1)[-1], zone_name(node, zone), constraint, _watts(original))
                table.add_row(*row, Text(_watts(limit), style=style))
        self._console.print(table)


def _watts(microwatts: int) -> str:
    return f"{microwatts / 1_000_000:.3f} W"

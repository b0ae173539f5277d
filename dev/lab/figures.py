"""The table of figures, and what did not hold."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One measured figure."""

    what: str
    value: str
    aim: str
    how: str


def percentile(samples: Sequence[float], share: float) -> float:
    """The sample below which ``share`` (0 to 1) of all samples lie; nearest rank."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def milliseconds(samples: Sequence[float]) -> str:
    """p50, p99 and the largest of samples in seconds."""
    p50, p99, worst = percentile(samples, 0.5), percentile(samples, 0.99), max(samples)
    return f"p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms, max {worst * 1000:.1f} ms"


def counts(counted: Counter[Any]) -> str:
    """``8 operator killed, 5 clock set``: the most frequent first."""
    return ", ".join(f"{number} {what}" for what, number in counted.most_common())


def conclude(complaints: Sequence[str], say: Callable[[str], None]) -> None:
    """Say what did not hold, or that all of it held."""
    for complaint in complaints:
        say(f"NOT SO: {complaint}")
    say("all of it held" if not complaints else f"{len(complaints)} did not hold")


def show(figures: Sequence[Figure], title: str = "powercap bench") -> None:
    """Print them."""
    table = Table(title=title, title_justify="left", show_lines=True)
    for column, ratio in (("figure", 3), ("measured", 3), ("aim", 2), ("how", 5)):
        table.add_column(column, ratio=ratio)
    for figure in figures:
        table.add_row(figure.what, figure.value, figure.aim, figure.how)
    console = Console()
    (console if console.is_terminal else Console(width=150)).print(table)

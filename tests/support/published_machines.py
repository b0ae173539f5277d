"""The table of machines as they were published: tests/unit/agent/machines/machines.txt."""

from dataclasses import dataclass
from pathlib import Path

WATT = 1_000_000
TABLE = Path(__file__).parents[1] / "unit" / "agent" / "machines" / "machines.txt"


@dataclass(frozen=True)
class Published:
    """One line of the table."""

    name: str
    source: str
    zones: str
    asked: str
    expected: str
    told: str


def published() -> list[Published]:
    """All lines."""
    lines = [
        line for line in TABLE.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")
    ]
    return [Published(*(cell.strip() for cell in line.split("|"))) for line in lines]


def microwatts(watts: str) -> int:
    """A power of the table."""
    return round(float(watts) * WATT)

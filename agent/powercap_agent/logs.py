"""Structured logs on standard error, without ``logging`` (which would cost the agent 1.5 MB of memory)."""

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

from .stderr import NonBlockingStderr


class LogFormat(StrEnum):
    """Format of a line."""

    TEXT = "text"
    JSON = "json"


class LineStream(Protocol):
    """Takes lines; never blocks."""

    def write(self, line: str, /) -> object:
        """Write a line that ends in a newline."""
        ...


class Log:
    """Writes one line for each message. Lines of several threads do not mix."""

    def __init__(self, log_format: LogFormat, stream: LineStream | None = None) -> None:
        self._format = log_format
        self._stream = stream or NonBlockingStderr()
        self._states: dict[str, object] = {}

    def info(self, message: str, **fields: object) -> None:
        """Log normal operation."""
        self._line("INFO", message, fields)

    def warning(self, message: str, **fields: object) -> None:
        """Log a problem that the agent works around."""
        self._line("WARNING", message, fields)

    def error(self, message: str, **fields: object) -> None:
        """Log a problem that a person has to solve."""
        self._line("ERROR", message, fields)

    def changed(self, subject: str, state: object) -> bool:
        """Whether ``state`` is another than the last one of ``subject``, which is None at first. What stays is logged
        once."""
        before = self._states.get(subject)
        self._states[subject] = state
        return state != before

    def _line(self, level: str, message: str, fields: dict[str, object]) -> None:
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if self._format is LogFormat.JSON:
            entry = {"time": moment, "level": level, "message": message} | fields
            line = json.dumps(entry, default=str, ensure_ascii=False)
        else:
            line = " ".join([moment, level, message, *(f"{name}={value}" for name, value in fields.items())])
        # Some of it is others' text: what moves a terminal's cursor is left out.
        self._stream.write("".join(c if c.isprintable() else " " for c in line) + "\n")

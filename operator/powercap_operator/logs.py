"""Structured logs on standard error: JSON, one object a line, or text for people."""

import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter as _JsonFormatter

from powercap_api.foreign_text import visible

_KOPF_OWN: Final = ("settings", "k8s_skip")
"""What kopf attaches to its records for itself."""
_CHATTY: Final = ("httpx", "httpcore", "asyncio", "kopf.activities", "kopf.objects")
"""Loggers that have a line for every request or every watch event."""


class JsonFormatter(_JsonFormatter):
    """One JSON object a line: time, level, logger, message, whatever was given as ``extra``, and the exception."""

    def __init__(self) -> None:
        super().__init__(
            ["levelname", "name", "message"],
            rename_fields={"levelname": "level", "name": "logger", "exc_info": "exception"},
            reserved_attrs=[*RESERVED_ATTRS, *_KOPF_OWN],
            json_ensure_ascii=False,
            json_default=str,
        )

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        """Begin with the time in UTC, and write the level in lower case."""
        moment = datetime.fromtimestamp(record.created, UTC)
        log_data["time"] = moment.isoformat(timespec="milliseconds")
        super().add_fields(log_data, record, message_dict)
        log_data["level"] = record.levelname.lower()
        for name, value in log_data.items():
            if isinstance(value, str):
                log_data[name] = visible(value, keep="\n")


class TextFormatter(logging.Formatter):
    """A line of text for people, and of an exception more of them; nothing in it acts on a terminal."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """The record with what acts spelt out."""
        return visible(super().format(record), keep="\n")


def configure(log_format: str, level: str) -> None:
    """Send everything to standard error in the format ``json`` or ``text``, from ``level`` up."""
    handler = logging.StreamHandler(sys.stderr)
    if log_format == "json":
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))

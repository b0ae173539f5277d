"""What others wrote, in the operator's log: nothing of it acts on a terminal, or makes a line of its own in JSON."""

import json
import logging

import pytest

from powercap_operator.logs import JsonFormatter, TextFormatter

FOREIGN = "\x1b[2J\x1b]0;title\x07\x9b31m\u202e\u2066\u2028 <b>"
SHOWN = r"\x1b[2J\x1b]0;title\x07\x9b31m\u202e\u2066\u2028 <b>"


def record_of(message: str, **extra: str) -> logging.LogRecord:
    why = (ValueError, ValueError(message), None)
    record = logging.LogRecord("n", logging.ERROR, __file__, 1, "%s", (message,), why)
    record.__dict__.update(extra)
    return record


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()], ids=["json", "text"])
def test_what_acts_on_a_terminal_is_spelt_out(formatter: logging.Formatter) -> None:
    """In the message, in what was given beside it, and in the exception."""
    text = formatter.format(record_of(FOREIGN, node=FOREIGN))
    assert all(character == "\n" or character.isprintable() for character in text)
    if isinstance(formatter, JsonFormatter):
        assert "\n" not in text
        line = json.loads(text)
        assert (line["message"], line["node"]) == (SHOWN, SHOWN)
        assert SHOWN in line["exception"]
    else:
        assert text.count(SHOWN) == 2

"""Tells a person that something long is still going on.

On a terminal one line that is written over; elsewhere (CI logs, captured output) a new line now and then,
because there a carriage return makes one unreadable line of megabytes.
"""

import shutil
import sys
import time
from collections.abc import Callable
from typing import TextIO

_REDRAW_SECONDS = 0.5
_LINE_SECONDS = 30.0


def say(line: str) -> None:
    """Tell whoever waits, beside what a command prints and past pytest's capture."""
    if sys.__stderr__ is not None:
        sys.__stderr__.write(f"{line}\n")
        sys.__stderr__.flush()


class Progress:
    """`update` may be called at any rate: it draws at most twice a second, or says a line every 30 s."""

    def __init__(self, say: Callable[[str], None], stream: TextIO | None = None) -> None:
        self._say = say
        self._stream = sys.stderr if stream is None else stream
        self._terminal = self._stream.isatty()
        self._started = time.monotonic()
        self._drawn = self._started
        self._dirty = False

    def elapsed(self) -> str:
        """Time since this began, as 7:05."""
        minutes, seconds = divmod(int(time.monotonic() - self._started), 60)
        return f"{minutes}:{seconds:02}"

    def update(self, text: str) -> None:
        now = time.monotonic()
        if now - self._drawn < (_REDRAW_SECONDS if self._terminal else _LINE_SECONDS):
            return
        self._drawn = now
        line = f"{self.elapsed()}  {text}"
        if not self._terminal:
            self._say(line)
            return
        # A line that wraps cannot be written over.
        line = line[: shutil.get_terminal_size().columns - 1]
        self._stream.write(f"\r\x1b[K{line}")
        self._stream.flush()
        self._dirty = True

    def close(self) -> None:
        """Takes the line away, so that what is said next begins at the left."""
        if self._dirty:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._dirty = False

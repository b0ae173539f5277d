"""The survivors that are known, each with the reason why no test is to notice it."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dev.mutants.results import Change

FILE: Final = Path(__file__).with_name("survivors.toml")
_WORDS: Final = re.compile(r"""f?"[^"]* [^"]*\"""")
"""A text with a space in it: a part of a sentence."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Changes of one kind, all for one reason."""

    where: re.Pattern[str]
    """What module and function begin with."""
    change: re.Pattern[str] | None
    """What is in the lines, as ``was => now``; None: letters of a sentence are all that is changed."""
    why: str

    def fits(self, change: Change) -> bool:
        """Whether the change is of this kind."""
        if self.where.match(change.where) is None:
            return False
        if self.change is None:
            return _only_words(change)
        return self.change.search(f"{change.was} => {change.now}") is not None


def read_kinds(file: Path = FILE) -> list[Kind]:
    """The kinds in the file, in its order."""
    entries = tomllib.loads(file.read_text(encoding="utf-8"))["survivor"]
    return [
        Kind(re.compile(one["where"]), re.compile(one["change"]) if "change" in one else None, one["why"])
        for one in entries
    ]


def reason_for(change: Change, kinds: list[Kind]) -> str | None:
    """Why the change may survive; None where nothing says so."""
    return next((kind.why for kind in kinds if kind.fits(change)), None)


def _only_words(change: Change) -> bool:
    """Whether the change only touches the letters of a text that has several words."""
    same = change.now.replace("XX", "").casefold() == change.was.casefold()
    return same and _WORDS.search(change.was) is not None

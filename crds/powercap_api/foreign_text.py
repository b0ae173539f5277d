"""Text that others wrote, made fit to be shown: one line, bounded, with nothing in it that acts on a terminal.

Whatever comes from a source, an object, an agent or a pod passes here before it is put into a status, an event, a log,
a page or a terminal.
"""

import unicodedata
from collections.abc import Iterable
from typing import Final

LONGEST: Final = 300
"""Characters that a text from elsewhere has at most."""
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode's categories of characters that act and are not seen: controls, bidirectional marks, surrogates."""
_SHORTEST_SECRET: Final = 4


def shown(text: object, longest: int = LONGEST, secrets: Iterable[str] = ()) -> str:
    r"""One line of at most ``longest`` characters: ESC as ``\x1b``, secrets as ``***``."""
    found = str(text)
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            found = found.replace(secret, "***")
    line = visible(" ".join(found[: 4 * longest].split()))
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def visible(text: str, keep: str = "") -> str:
    """All of the text, with what acts on a terminal spelt out, but for the characters in ``keep``."""
    return "".join(each if each in keep else _visible(each) for each in text)


def _visible(character: str) -> str:
    if character.isascii() and character.isprintable():
        return character
    if unicodedata.category(character) not in _UNSEEN:
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

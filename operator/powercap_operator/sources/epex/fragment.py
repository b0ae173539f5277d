"""Cut the table out of a page in linear time, so that what the HTML parser sees is small and flat. Pure.

Some HTML makes any standard-conforming parser slow or huge: unclosed formatting elements are re-created in
every following block, and deep nesting makes every scope check long. So before parsing, comments and scripts
are dropped, the part from the table's container on is taken, tags other than the few that the table is made
of are removed (their text stays), and the number of tags is limited. Real pages are far inside all limits.
"""

import re
from typing import Final

from ...market.errors import Malformed, TooLarge

MAX_PAGE_BYTES: Final = 4 * 1024 * 1024
"""The largest real page has 475 KB."""
_MAX_FRAGMENT_CHARACTERS: Final = 1024 * 1024
_MAX_TAGS: Final = 10_000
"""The largest real page has 4,503 in all."""

_CONTAINER: Final = re.compile(
    r"""<div\b[^<>]{0,200}?\bclass\s{0,9}=\s{0,9}["'][^"'<>]{0,200}?(?<![\w-])table-container(?![\w-])"""
)
_END: Final = re.compile(r"""<div\b[^<>]{0,200}?\bjs-md-sidebar\b|<footer\b""")
_KEPT: Final = frozenset(
    ["div", "span", "h2", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "br", "p"]
)
_TAG: Final = re.compile(r"</?([a-zA-Z][a-zA-Z0-9-]{0,20})\b[^<>]{0,2000}>|<")
_INERT: Final = (("<!--", "-->"), ("<script", "</script"), ("<style", "</style"))


def decode(html: bytes | str) -> str:
    """The page as text; bytes that are not UTF-8 become replacement characters.

    Raises:
        TooLarge: more than MAX_PAGE_BYTES, before anything else is done with it.
    """
    if len(html) > MAX_PAGE_BYTES:
        raise TooLarge(
            f"the answer has {len(html) / 1e6:.1f} MB, no market-results page has more than"
            f" {MAX_PAGE_BYTES / 1e6:.1f} MB: check what was saved or who answered"
        )
    return html if isinstance(html, str) else html.decode("utf-8-sig", errors="replace")


def without_inert(text: str) -> str:
    """The page without comments, scripts and styles. What is not closed ends with the page."""
    for opening, closing in _INERT:
        text = _without(text, opening, closing)
    return text


def _without(text: str, opening: str, closing: str) -> str:
    kept = []
    place = 0
    while (begin := text.find(opening, place)) >= 0:
        kept.append(text[place:begin])
        end = text.find(closing, begin + len(opening))
        if end < 0:
            place = len(text)
            break
        place = end + len(closing)
    kept.append(text[place:])
    return "".join(kept)


def table_fragment(text: str) -> str | None:
    """The page from the table's container on, reduced to the tags that a table is made of; None without one.

    Raises:
        Malformed: more of it than any such table has.
    """
    begin = _CONTAINER.search(text)
    if begin is None:
        return None
    end = _END.search(text, begin.end())
    fragment = text[begin.start() : end.start() if end else len(text)]
    if len(fragment) > _MAX_FRAGMENT_CHARACTERS or fragment.count("<") > _MAX_TAGS:
        raise Malformed(
            f"the table's part of the page has {fragment.count('<')} tags in {len(fragment) / 1e6:.1f} MB,"
            f" no such table has more than {_MAX_TAGS}"
        )
    return _TAG.sub(_keep, fragment)


def _keep(match: re.Match[str]) -> str:
    name = match[1]
    if name is None:
        return "&lt;"
    return match[0] if name.lower() in _KEPT else " "

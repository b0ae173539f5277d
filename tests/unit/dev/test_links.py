"""The documents: every file and heading that they link to is there, which mkdocs checks only within the site; no marks
of a merge are left in them."""

import re
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[3]
DOCUMENTS = sorted(
    file
    for pattern in ("*.md", ".github/**/*.md", "charts/**/*.md", "operator/**/*.md", "docs/**/*.md")
    for file in ROOT.glob(pattern)
)
_LINK = re.compile(r"\]\(([^)\s]+)\)|\b(?:src|href)=\"([^\"]+)\"")
_BOX = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)


def links(document: Path) -> list[str]:
    """Where the document's links lead, without what stands in boxes."""
    text = _BOX.sub("", document.read_text(encoding="utf-8"))
    return [inline or quoted for inline, quoted in _LINK.findall(text)]


def anchors(document: Path) -> set[str]:
    """The names of its headings, as sites make them."""
    text = _BOX.sub("", document.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def wrong(link: str, document: Path) -> str:
    """What is wrong with a link; empty where nothing is."""
    parts = urlsplit(link)
    if parts.scheme:
        # Whether the other site still has it is asked by .github/workflows/links.yml.
        good = parts.scheme == "mailto" or (parts.scheme == "https" and "." in parts.netloc)
        return "" if good else "no address"
    target = (document.parent / parts.path) if parts.path else document
    if not target.exists():
        return f"there is no {target}"
    missing = parts.fragment and target.suffix == ".md" and parts.fragment not in anchors(target)
    return f"no such heading, only {sorted(anchors(target))}" if missing else ""


def test_what_is_linked_is_there() -> None:
    assert len(DOCUMENTS) > 30
    found = [(document, link, wrong(link, document)) for document in DOCUMENTS for link in links(document)]
    assert len(found) > 50
    assert not [one for one in found if one[2]]


def test_a_broken_link_is_told() -> None:
    readme = ROOT / "README.md"
    assert [
        bool(wrong(link, readme)) for link in ("docs/none.md", "docs/install.md#none", "http://a.org")
    ] == ([True] * 3)


def test_no_half_of_a_merge_is_left() -> None:
    marks = re.compile(r"^(?:<{7} |={7}$|>{7} ).*", re.MULTILINE)
    assert not [document for document in DOCUMENTS if marks.search(document.read_text(encoding="utf-8"))]


def test_links_are_found() -> None:
    assert "docs/install.md" in links(ROOT / "README.md")
    assert "metrics" in anchors(ROOT / "docs" / "operations.md")

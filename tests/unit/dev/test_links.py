"""The documents: every file and heading that they link to is there, which mkdocs checks only within the site; no marks
of a merge are left in them."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

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


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_what_is_linked_is_there(document: Path) -> None:
    for link in links(document):
        parts = urlsplit(link)
        if parts.scheme:
            # Whether the other site still has it is asked by .github/workflows/links.yml.
            assert parts.scheme in {"https", "mailto"}, link
            assert parts.scheme == "mailto" or "." in parts.netloc, link
            continue
        target = (document.parent / parts.path) if parts.path else document
        assert target.exists(), f"{link}: there is no {target}"
        if parts.fragment and target.suffix == ".md":
            assert parts.fragment in anchors(target), (
                f"{link}: no such heading, only {sorted(anchors(target))}"
            )


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_half_of_a_merge_is_left(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert not re.findall(r"^(?:<{7} |={7}$|>{7} ).*", text, re.MULTILINE)


def test_links_are_found() -> None:
    assert "docs/install.md" in links(ROOT / "README.md")
    assert "metrics" in anchors(ROOT / "docs" / "operations.md")

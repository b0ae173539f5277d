"""The documents' boxes of commands, which people paste whole: one intent a box, and nothing wider than what is said."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DOCUMENTS = sorted(
    file
    for pattern in ("*.md", "charts/**/*.md", "operator/**/*.md", "docs/**/*.md", "dev/**/*.md")
    for file in ROOT.glob(pattern)
    if "decisions" not in file.parts
)
_BOX = re.compile(r"^( *)```(?:sh|console|shell|bash)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_LABEL = re.compile(r"\b([a-z0-9.]+/[a-z0-9-]+)(=|-(?=\s|$))")
_ONE_NODE = re.compile(r"\b(?:one|a|the|its|this) node\b(?! each)", re.IGNORECASE)
_STOPS = re.compile(r"suspend\W+true|\bkubectl delete\b|\buninstall\b")
_BEGINS = re.compile(r"(?:kubectl|helm|powercap)\b")
_ALL = re.compile(r"(?<!\S)--all\b(?!-)")


@dataclass(frozen=True)
class Box:
    """Commands, and the paragraph before them."""

    before: str
    commands: str


def boxes(text: str) -> list[Box]:
    found = []
    for match in _BOX.finditer(text):
        paragraphs = [part for part in text[: match.start()].rstrip().split("\n\n") if part.strip()]
        found.append(Box(paragraphs[-1] if paragraphs else "", match[2]))
    return found


def faults(box: Box) -> list[str]:
    """What would surprise somebody who pastes the box."""
    found = []
    done = {(label, how) for label, how in _LABEL.findall(box.commands)}
    if any((label, "-") in done and (label, "=") in done for label, _ in done):
        found.append("sets a label and removes it")
    if "label" in box.commands and _ALL.search(box.commands) and _ONE_NODE.search(box.before):
        found.append("is said of one node and takes all")
    stops = [line for line in box.commands.splitlines() if _STOPS.search(line)]
    if stops and any(_BEGINS.match(line.strip()) and line not in stops for line in box.commands.splitlines()):
        found.append("stops something beside what else it does")
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_box_has_one_intent(document: Path) -> None:
    for box in boxes(document.read_text(encoding="utf-8")):
        assert not faults(box), box.commands


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            'For all:\n\n```sh\nkubectl patch pp a -p \'{"spec":{"suspend":true}}\'\n'
            'kubectl patch pp a -p \'{"spec":{"suspend":false}}\'\n```\n',
            "stops something beside what else it does",
        ),
        (
            "- Label it:\n\n  ```sh\n  kubectl label node NODE powercap.dev/exempt=true\n"
            "  kubectl label node NODE powercap.dev/exempt-\n  ```\n",
            "sets a label and removes it",
        ),
        (
            "- One node only: label it.\n\n  ```sh\n  kubectl label node --all powercap.dev/exempt=true\n  ```\n",
            "is said of one node and takes all",
        ),
        (
            "Look around:\n\n```console\nkubectl get pp\nhelm uninstall a\n```\n",
            "stops something beside what else it does",
        ),
    ],
)
def test_faults_are_found(text: str, fault: str) -> None:
    assert [faults(box) for box in boxes(text)] == [[fault]]

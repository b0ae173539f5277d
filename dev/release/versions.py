"""The project's version, which ``pyproject.toml`` says and some other files repeat. Pure but for reading and writing.

Which files repeat it, and how, is in ``PLACES``; ``check`` holds them to it and ``set_version`` changes all of them.
"""

import re
import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

VERSION: Final = re.compile(
    r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(?:-(?:alpha|beta|rc)\.[1-9][0-9]*)?"
)
"""Semantic versioning, with the pre-releases that Helm, Python and image tags all take."""
_BASE: Final = re.compile(r"^FROM (\S+) AS public$", re.MULTILINE)
_UNRELEASED: Final = "## [Unreleased]"
_HEADING: Final = re.compile(r"^## \[(?P<version>[^\]]+)\](?: - (?P<date>\d{4}-\d{2}-\d{2}))?$", re.MULTILINE)


class ReleaseError(Exception):
    """The release cannot be made; the message says what to mend."""


@dataclass(frozen=True)
class Place:
    """A file that names the version: everything that the pattern's only group matches."""

    path: str
    pattern: str

    def found(self, root: Path) -> list[str]:
        """The versions that the file names."""
        return re.findall(self.pattern, (root / self.path).read_text(), re.MULTILINE)

    def write(self, root: Path, version: str) -> None:
        """Put the version into every such place of the file."""

        def replaced(match: re.Match[str]) -> str:
            start, end = (at - match.start() for at in match.span(1))
            return match[0][:start] + version + match[0][end:]

        file = root / self.path
        file.write_text(re.sub(self.pattern, replaced, file.read_text(), flags=re.MULTILINE))


PLACES: Final = (
    Place("pyproject.toml", r'^version = "(.+)"$'),
    Place("charts/powercap/Chart.yaml", r"^version: (.+)$"),
    Place("charts/powercap/Chart.yaml", r'^appVersion: "(.+)"$'),
    Place("Dockerfile.operator", r"^ARG VERSION=(.+)$"),
    Place("Dockerfile.agent", r"^ARG VERSION=(.+)$"),
    Place("docs/rescue.yaml", r"powercap-agent:(.+)$"),
)


def current(root: Path) -> str:
    """The project's version."""
    version: str = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    return version


def check(root: Path, tag: str | None = None) -> str:
    """The version, where all files name the same one.

    With ``tag``, such as ``v0.2.0``, the tag and a dated heading of the changelog must name it too.

    Raises:
        ReleaseError: they do not.
    """
    version = current(root)
    base_image(root)
    for place in PLACES:
        found = place.found(root)
        if not found or set(found) != {version}:
            raise ReleaseError(
                f"{place.path} names {', '.join(found) or 'no version'} and pyproject.toml {version}:"
                " `make release VERSION=…` sets all of them"
            )
    if tag is None:
        return version
    if tag != f"v{version}":
        raise ReleaseError(f"the tag {tag} is not v{version}, which pyproject.toml names")
    notes(root, version)
    return version


def base_image(root: Path) -> str:
    """The public image with a tag that both Dockerfiles stand on, such as ``python:3.13-slim-trixie``.

    Raises:
        ReleaseError: they name several, or none.
    """
    files = sorted(root.glob("Dockerfile.*"))
    found: set[str] = {name for file in files for name in _BASE.findall(file.read_text()) or ["nothing"]}
    if len(found) != 1 or found == {"nothing"}:
        raise ReleaseError(
            f"{', '.join(file.name for file in files)} should name one base by a line 'FROM … AS public', and name"
            f" {', '.join(sorted(found))}"
        )
    return found.pop()


def notes(root: Path, version: str) -> str:
    """What the changelog says of a version.

    Raises:
        ReleaseError: it has no such heading with a date, or nothing below it.
    """
    text = (root / "CHANGELOG.md").read_text()
    headings = list(_HEADING.finditer(text))
    for heading, following in zip(headings, [*headings[1:], None], strict=True):
        if heading["version"] == version and heading["date"] is not None:
            words = text[heading.end() : following.start() if following else len(text)].strip()
            if words:
                return f"{words}\n"
    raise ReleaseError(f"CHANGELOG.md says nothing under a heading '## [{version}] - YYYY-MM-DD'")


def set_version(root: Path, version: str, today: date) -> None:
    """Name the version in every file, and give it what the changelog has under Unreleased.

    Raises:
        ReleaseError: no such version, one that is not newer, or nothing under Unreleased. Nothing is changed then.
    """
    if VERSION.fullmatch(version) is None:
        raise ReleaseError(f"{version!r} is no version such as 0.2.0 or 0.2.0-rc.1")
    changelog = root / "CHANGELOG.md"
    text = changelog.read_text()
    released = [heading["version"] for heading in _HEADING.finditer(text) if heading["date"] is not None]
    if version in released:
        raise ReleaseError(f"CHANGELOG.md has {version} already")
    if any(_order(version) < _order(old) for old in released):
        raise ReleaseError(f"{version} is older than {released[0]}, which CHANGELOG.md has")
    before, found, after = text.partition(f"{_UNRELEASED}\n")
    following = _HEADING.search(after)
    words = after[: following.start() if following else len(after)].strip()
    if not found or not words:
        raise ReleaseError(
            f"CHANGELOG.md says nothing under '{_UNRELEASED}': what is new for the people who upgrade?"
        )
    for place in PLACES:
        place.write(root, version)
    changelog.write_text(f"{before}{_UNRELEASED}\n\n## [{version}] - {today.isoformat()}\n{after}")


def _order(version: str) -> tuple[tuple[int, ...], bool, str]:
    """Sort key: a pre-release comes before its release."""
    numbers, _, stage = version.partition("-")
    return tuple(int(number) for number in numbers.split(".")), not stage, stage

"""Pages of the documentation's site that are made when it is built; mkdocs.yml names this file as a hook.

The README is the site's first page, and the decisions' index lists what is in their folder, so that neither is
written twice.
"""

from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT: Final = Path(__file__).parents[2]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the made pages (an event of MkDocs)."""
    for name, text in (("index.md", first_page()), ("decisions/index.md", decisions())):
        files.append(File.generated(config, name, content=text))
    return files


def first_page() -> str:
    """The README, with its links as they are from within docs/."""
    return (
        (ROOT / "README.md")
        .read_text(encoding="utf-8")
        .replace("](docs/", "](")
        .replace('src="docs/', 'src="')
    )


def decisions() -> str:
    """A list of the decisions by their titles."""
    folder = ROOT / "docs" / "decisions"
    titles = {
        file.name: file.read_text(encoding="utf-8").partition("\n")[0] for file in sorted(folder.glob("*.md"))
    }
    lines = [f"- [{title.lstrip('# ')}]({name})" for name, title in titles.items()]
    return "\n".join(["# Decisions", "", "Why things are as they are, by subject.", "", *lines, ""])

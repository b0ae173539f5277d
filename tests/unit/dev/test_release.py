"""A release names one version everywhere, and never without words in the changelog."""

import re
import shutil
from datetime import date
from pathlib import Path

import pytest
import yaml

from dev.release.__main__ import set_chart_images, set_chart_links
from dev.release.versions import PLACES, ReleaseError, base_image, check, current, notes, set_version

ROOT = Path(__file__).parents[3]
DAY = date(2026, 12, 1)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The files that name the version, as they are, and a changelog of one release."""
    for path in {place.path for place in PLACES} | {"charts/powercap/values.yaml"}:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- Overrides.\n\n## [0.1.0] - 2026-11-30\n\n- The first.\n"
    )
    return tmp_path


def test_the_project_names_one_version() -> None:
    assert check(ROOT) == current(ROOT)


def test_a_release_names_its_version_everywhere(project: Path) -> None:
    set_version(project, "0.2.0", DAY)
    assert check(project, "v0.2.0") == "0.2.0"
    assert notes(project, "0.2.0") == "### Added\n\n- Overrides.\n"
    assert notes(project, "0.1.0") == "- The first.\n"
    text = (project / "CHANGELOG.md").read_text()
    assert text.index("[Unreleased]") < text.index("[0.2.0] - 2026-12-01") < text.index("Overrides")
    assert 'target-version = "py311"' in (project / "pyproject.toml").read_text()


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("0.2", "is no version"),
        ("v0.2.0", "is no version"),
        ("0.1.0", "already"),
        ("0.0.9", "is older than 0.1.0"),
    ],
)
def test_a_wrong_version_changes_nothing(project: Path, version: str, said: str) -> None:
    before = {place.path: (project / place.path).read_text() for place in PLACES}
    with pytest.raises(ReleaseError, match=said):
        set_version(project, version, DAY)
    assert {place.path: (project / place.path).read_text() for place in PLACES} == before


def test_a_release_candidate_comes_before_its_release(project: Path) -> None:
    set_version(project, "0.2.0-rc.1", DAY)
    changelog = project / "CHANGELOG.md"
    changelog.write_text(changelog.read_text().replace("[Unreleased]\n", "[Unreleased]\n\n- More.\n"))
    set_version(project, "0.2.0", DAY)
    assert check(project, "v0.2.0") == "0.2.0"


def test_nothing_new_is_no_release(project: Path) -> None:
    set_version(project, "0.2.0", DAY)
    with pytest.raises(ReleaseError, match="says nothing under"):
        set_version(project, "0.3.0", DAY)


def test_files_that_disagree_are_named(project: Path) -> None:
    dockerfile = project / "Dockerfile.agent"
    dockerfile.write_text(dockerfile.read_text().replace("ARG VERSION=", "ARG VERSION=9.", 1))
    with pytest.raises(ReleaseError, match=r"Dockerfile\.agent names 9\."):
        check(project)


def test_a_tag_must_be_the_version_and_in_the_changelog(project: Path) -> None:
    with pytest.raises(ReleaseError, match="is not v"):
        check(project, "v9.9.9")
    (project / "CHANGELOG.md").write_text("# Changelog\n\n## [Unreleased]\n")
    with pytest.raises(ReleaseError, match="says nothing under a heading"):
        check(project, f"v{current(project)}")


def test_the_published_chart_knows_its_images(project: Path) -> None:
    set_chart_images(project, "registry.example.org/powercap")
    values = yaml.safe_load((project / "charts/powercap/values.yaml").read_text())
    for component in ("operator", "agent"):
        repository = values[component]["image"]["repository"]
        assert repository == f"registry.example.org/powercap/powercap-{component}"
    with pytest.raises(ReleaseError, match="no empty operator"):
        set_chart_images(project, "registry.example.org/powercap")


def test_a_published_chart_says_where_it_comes_from(project: Path) -> None:
    url = "https://git.example.org/team/powercap"
    set_chart_links(project, url, "0.2.0")
    chart = yaml.safe_load((project / "charts/powercap/Chart.yaml").read_text())
    assert (chart["home"], chart["sources"]) == (url, [url])
    assert chart["icon"] == f"{url}/raw/v0.2.0/docs/icon.svg"
    values = yaml.safe_load((project / "charts/powercap/values.yaml").read_text())
    assert values["prometheusRule"]["runbookUrl"] == f"{url}/blob/v0.2.0/docs/operations.md"
    (project / "charts/powercap/Chart.yaml").write_text("name: powercap\n")
    with pytest.raises(ReleaseError, match=r"Chart\.yaml has 0 lines"):
        set_chart_links(project, url, "0.2.0")


def test_both_images_stand_on_one_public_image(project: Path) -> None:
    tag = base_image(project)
    # What buildx looks up, and what Dependabot updates: a name without a registry, and a tag.
    assert re.fullmatch(r"python:3\.\d+-slim-\w+", tag)
    agent = project / "Dockerfile.agent"
    text = agent.read_text()
    agent.write_text(text.replace(tag, "python:3.99-slim-trixie"))
    with pytest.raises(ReleaseError, match=f"and name {tag}, python:3.99-slim-trixie"):
        check(project)
    agent.write_text(text.replace(f"FROM {tag} AS public", ""))
    with pytest.raises(ReleaseError, match=f"and name nothing, {tag}"):
        base_image(project)

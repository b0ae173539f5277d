"""The pages of docs/reference, and the pages of the site that are made when it is built."""

from pathlib import Path

import pytest
import yaml

from dev.docs import reference
from dev.docs.site_pages import decisions, first_page

ROOT = Path(__file__).parents[3]


def test_every_field_of_a_kind_is_on_its_page() -> None:
    crd = {
        "spec": {
            "group": "example.org",
            "scope": "Cluster",
            "names": {"kind": "Cap", "singular": "cap", "shortNames": ["c"]},
            "versions": [
                {
                    "name": "v1",
                    "schema": {
                        "openAPIV3Schema": {
                            "description": "A cap.",
                            "properties": {
                                "spec": {
                                    "required": ["watts"],
                                    "x-kubernetes-validations": [{"rule": "true", "message": "write watts"}],
                                    "properties": {
                                        "watts": {
                                            "x-kubernetes-int-or-string": True,
                                            "description": "How | many.",
                                        },
                                        "windows": {
                                            "type": "array",
                                            "items": {
                                                "type": "object",
                                                "properties": {"days": {"enum": ["Mon"], "default": "Mon"}},
                                            },
                                        },
                                        "percent": {"type": "integer", "minimum": 1, "maximum": 100},
                                    },
                                }
                            },
                        }
                    },
                    "additionalPrinterColumns": [
                        {"name": "Watts", "description": "How many.", "priority": 1}
                    ],
                }
            ],
        }
    }
    page = reference.kind_page(crd)
    assert "| `watts` | quantity | required | How \\| many. |" in page
    assert '| `windows[].days` | `Mon` | `"Mon"` |  |' in page
    assert "| `percent` | integer, 1 to 100 |  |  |" in page
    assert "- write watts" in page
    assert "| Watts | with `-o wide` | How many. |" in page


def test_a_page_that_is_out_of_date_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reference.main(["--check"]) == 0
    stale = tmp_path / "powerpolicy.md"
    stale.write_text("old")
    for name in ("mkdocs.yml", "crds"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.setattr(reference, "ROOT", tmp_path)
    monkeypatch.setattr(reference, "FOLDER", tmp_path)
    assert reference.main(["--check"]) == 1
    assert "powerpolicy.md is out of date: run `make crds`" in capsys.readouterr().err
    assert stale.read_text() == "old"
    assert reference.main([]) == 0
    assert "maxSource" in stale.read_text()


def test_the_site_s_first_page_is_the_readme_and_every_decision_is_listed() -> None:
    assert "](docs/" not in first_page()
    assert "](install.md)" in first_page()
    listed = decisions()
    files = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [line for line in listed.splitlines() if line.startswith("- [")] != []
    assert all(f"]({file.name})" in listed for file in files)


def test_the_site_fetches_nothing_from_other_hosts() -> None:
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    assert settings["theme"]["font"] is False

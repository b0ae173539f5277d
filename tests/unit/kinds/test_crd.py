"""CRDs say what the models say, in the form the API server wants."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from powercap_api.generate import main, render
from powercap_api.names import SILENT_SINCE
from powercap_api.schema.crd import SchemaError, structural

FORBIDDEN = {"$ref", "title", "const", "$defs", "exclusiveMinimum", "exclusiveMaximum"}
CRDS = {name: yaml.safe_load(text) for name, text in render().items()}


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    if "items" in schema:
        yield from nodes(schema["items"], f"{path}[]")


def schema_of(crd: dict[str, Any]) -> dict[str, Any]:
    (version,) = crd["spec"]["versions"]
    found: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return found


@pytest.mark.parametrize("name", CRDS)
def test_schemas_are_structural_and_described(name: str) -> None:
    for path, node in nodes(schema_of(CRDS[name])):
        assert not FORBIDDEN & set(node), path
        assert "type" in node or node.get("x-kubernetes-int-or-string"), path
        assert node.get("additionalProperties") is not False, path
        if path not in ("", ".metadata") and not path.endswith("[]"):
            assert node.get("description"), f"{path} has no description"


OF_METADATA = {
    ".metadata.creationTimestamp",
    f".metadata.annotations.{SILENT_SINCE}".replace("powercap.dev", r"powercap\.dev"),
}


@pytest.mark.parametrize("name", CRDS)
def test_columns_point_at_fields_that_exist(name: str) -> None:
    paths = {path for path, _ in nodes(schema_of(CRDS[name]))}
    for column in CRDS[name]["spec"]["versions"][0]["additionalPrinterColumns"]:
        plain = column["jsonPath"].split("[?")[0]
        assert plain in paths or plain in OF_METADATA, column


def test_a_union_of_types_is_refused() -> None:
    class Odd(BaseModel):
        value: int | str

    schema = Odd.model_json_schema()
    with pytest.raises(SchemaError, match="union of 2 types"):
        structural(schema, {})


def test_check_names_what_is_out_of_date(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 0
    assert main([str(tmp_path), "--check"]) == 0
    (tmp_path / "marketdays.yaml").write_text("kind: other\n")
    assert main([str(tmp_path), "--check"]) == 1
    assert "marketdays.yaml" in capsys.readouterr().err
    assert "powerpolicies" not in capsys.readouterr().err


@pytest.mark.parametrize("name", CRDS)
def test_the_server_fills_nothing_into_items_of_lists(name: str) -> None:
    """Whoever compares a list with what was applied, as Argo CD does, would find it different for ever."""
    filled = [path for path, node in nodes(schema_of(CRDS[name])) if "[]" in path and "default" in node]
    assert filled == []


# Karmada's PropagationPolicy, Cluster API's MachineDeployment, Tekton's PipelineRun; KubeDB's PgBouncer, Open Cluster
# Management's PlacementBinding and Kubermatic's PolicyBinding; pods.
TAKEN = {"pp", "md", "pr", "pb", "po"}


def test_short_names_are_nobody_else_s() -> None:
    short = [name for crd in CRDS.values() for name in crd["spec"]["names"]["shortNames"]]
    assert len(set(short)) == len(CRDS)
    assert not TAKEN & set(short)

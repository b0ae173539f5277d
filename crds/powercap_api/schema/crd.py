"""From a pydantic model to a CustomResourceDefinition.

The API server wants a structural schema: no ``$ref``, no ``title``, no ``null`` alternatives, every node typed.
pydantic's JSON schema is rewritten to that and nothing else is added to it: descriptions are the models'
docstrings, defaults the models' defaults, except in items of lists.
"""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from ..names import GROUP, VERSION

_DROPPED = frozenset({"title", "additionalProperties", "const", "$defs"})


class SchemaError(TypeError):
    """The model uses something that a structural schema cannot say."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of ``kubectl get``; ``wide`` ones show under ``-o wide`` only."""

    name: str
    type: str
    json_path: str
    description: str
    wide: bool = False

    def to_wire(self) -> dict[str, Any]:
        """The entry of additionalPrinterColumns."""
        entry: dict[str, Any] = {
            "name": self.name,
            "type": self.type,
            "jsonPath": self.json_path,
            "description": self.description,
        }
        return {**entry, "priority": 1} if self.wide else entry


@dataclass(frozen=True, slots=True)
class KindSpec:
    """What a CRD says of a kind besides its schema."""

    kind: str
    plural: str
    short_name: str
    columns: tuple[Column, ...]
    spec_rules: tuple[dict[str, str], ...] = ()
    rules: tuple[dict[str, str], ...] = ()
    """Rules of the object as a whole, which alone see its name."""


def structural(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Rewrite one JSON schema node, and what is below it, as a structural schema.

    Raises:
        SchemaError: a union of more than one type other than null, which Kubernetes does not know.
    """
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        schema = {**definitions[name], **beside}
    if "anyOf" in schema and not schema.get("x-kubernetes-int-or-string"):
        options = [option for option in schema["anyOf"] if option.get("type") != "null"]
        if len(options) != 1:
            raise SchemaError(f"a union of {len(options)} types: {schema['anyOf']}")
        beside = {key: value for key, value in schema.items() if key != "anyOf"}
        if beside.get("default", 0) is None:
            del beside["default"]
        return structural({**options[0], **beside}, definitions)
    node = {key: value for key, value in schema.items() if key not in _DROPPED}
    if "description" in node:
        node["description"] = " ".join(node["description"].split())
    if "properties" in node:
        node["properties"] = {
            name: structural(child, definitions) for name, child in node["properties"].items()
        }
    if "items" in node:
        node["items"] = _without_defaults(structural(node["items"], definitions))
    if isinstance(schema.get("additionalProperties"), dict):
        node["additionalProperties"] = structural(schema["additionalProperties"], definitions)
    if node.get("type") == "object" and "default" in node:
        node["default"] = {}  # the fields' own defaults fill it in
    if node.get("format") == "date":
        del node["format"]  # Kubernetes' own date format lets a time through; a rule says it better
    return node


def _without_defaults(node: dict[str, Any]) -> dict[str, Any]:
    """The node and what is below it without defaults, which the models have all the same.

    A default that the server fills into an item changes the list: who compares it as a whole with what a person wrote
    (Argo CD's client-side diff) finds it different for ever.
    """
    found = {key: value for key, value in node.items() if key != "default"}
    if "properties" in node:
        found["properties"] = {name: _without_defaults(child) for name, child in node["properties"].items()}
    for below in ("items", "additionalProperties"):
        if below in node:
            found[below] = _without_defaults(node[below])
    return found


def custom_resource_definition(model: type[BaseModel], kind_spec: KindSpec) -> dict[str, Any]:
    """The CRD of a kind: cluster-scoped, one version, status as a subresource, category ``powercap``."""
    schema = model.model_json_schema(by_alias=True, mode="validation")
    root = structural(schema, schema.get("$defs", {}))
    properties = root["properties"]
    properties["apiVersion"] = {"type": "string", "description": f"Version of the schema: {GROUP}/{VERSION}."}
    properties["kind"] = {"type": "string", "description": f"{kind_spec.kind}."}
    properties["metadata"] = {"type": "object"}
    if kind_spec.spec_rules:
        properties["spec"]["x-kubernetes-validations"] = list(kind_spec.spec_rules)
    if kind_spec.rules:
        root["x-kubernetes-validations"] = list(kind_spec.rules)
    root["required"] = ["spec"]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind_spec.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Cluster",
            "names": {
                "kind": kind_spec.kind,
                "listKind": f"{kind_spec.kind}List",
                "plural": kind_spec.plural,
                "singular": kind_spec.kind.lower(),
                "shortNames": [kind_spec.short_name],
                "categories": ["powercap"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [column.to_wire() for column in kind_spec.columns],
                    "schema": {"openAPIV3Schema": root},
                }
            ],
        },
    }

"""Writes what the API server checks of a PowerPolicy's spec into the chart's schema of values, so that Helm refuses it
before anything is installed: ``python -m dev.docs.chart_schema [--check]``.

The rest of values.schema.json is written by hand. Rules in CEL have no counterpart in a schema:
templates/_policy.tpl has those that matter most.
"""

import json
import sys
from typing import Any, Final

from dev.docs.made import write_or_check
from dev.e2e.helm import CHART
from powercap_api.powerpolicy import PowerPolicy
from powercap_api.schema.crd import custom_resource_definition

FILE: Final = CHART / "values.schema.json"
_SAME: Final = (
    "type", "enum", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "required",
)  # fmt: skip
"""Keywords that mean the same in both schemas."""


def values_schema(node: dict[str, Any]) -> dict[str, Any]:
    """A structural schema as a JSON Schema that knows no further fields."""
    found: dict[str, Any] = {keyword: node[keyword] for keyword in _SAME if keyword in node}
    if node.get("x-kubernetes-int-or-string"):
        found["type"] = ["integer", "string"]
    if node.get("x-kubernetes-list-type") == "set":
        found["uniqueItems"] = True
    if "items" in node:
        found["items"] = values_schema(node["items"])
    if "properties" in node:
        found["properties"] = {name: values_schema(field) for name, field in node["properties"].items()}
        found["additionalProperties"] = False
    elif "additionalProperties" in node:
        found["additionalProperties"] = values_schema(node["additionalProperties"])
    return found


def with_policy(text: str) -> str:
    """The chart's schema with the policy's fields of today."""
    (version,) = custom_resource_definition(PowerPolicy, PowerPolicy.kind_spec)["spec"]["versions"]
    spec = values_schema(version["schema"]["openAPIV3Schema"]["properties"]["spec"])
    spec.pop("required", None)  # the chart has values of their own for these
    schema = json.loads(text)
    schema["properties"]["policy"]["properties"] |= {"spec": spec, "market": spec["properties"]["market"]}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """Write the policy's part, or with ``--check`` only say whether it is up to date."""
    return write_or_check(FILE, with_policy(FILE.read_text(encoding="utf-8")), arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

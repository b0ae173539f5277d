"""API servers estimate what a CRD's rules can cost, and refuse it over a budget: here the sizes that they multiply.

The estimate is an upper bound after what API servers before 1.34 do (cost.go in k8s.io/apiserver and cel-go's checker):
0.1 for each character that an operation reads, times the most items of every list that the rule is below or loops over,
times a quarter of a regular expression's length. Such servers take an int-or-string for one of 3 MiB whatever its
maxLength. The API tests on the oldest supported version are the judge; this one says earlier, and where.
"""

import math
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from powercap_api.generate import render

Schema = dict[str, Any]

RULE_BUDGET = 10_000_000
CRD_BUDGET = 100_000_000
ROOM = 2.5
"""Rules may use two fifths of both budgets."""

CRDS = {name: yaml.safe_load(text) for name, text in render().items()}
REQUEST_CHARACTERS = 3 * 1024 * 1024
COST_OF_A_CHARACTER = 0.1
COST_OF_A_STEP = 50
"""More than any rule here has operations that read no text."""


def nodes(schema: Schema, path: str = "", items: int = 1) -> Iterator[tuple[str, Schema, int]]:
    """Every node of the schema with its path and the most times that it can be in one object."""
    yield path, schema, items
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}", items)
    if "items" in schema:
        yield from nodes(schema["items"], f"{path}[]", items * schema.get("maxItems", REQUEST_CHARACTERS))
    if "additionalProperties" in schema:
        most = schema.get("maxProperties", REQUEST_CHARACTERS)
        yield from nodes(schema["additionalProperties"], f"{path}{{}}", items * most)


def schema_of(name: str) -> Schema:
    (version,) = CRDS[name]["spec"]["versions"]
    schema: Schema = version["schema"]["openAPIV3Schema"]
    return schema


def rules(schema: Schema) -> Iterator[tuple[str, Schema, int, str]]:
    for path, node, items in nodes(schema):
        for rule in node.get("x-kubernetes-validations", []):
            yield path, node, items, rule["rule"]


def longest(schema: Schema) -> int:
    """Characters of the longest value; an int-or-string counts as a whole request, as older servers count it."""
    if schema.get("x-kubernetes-int-or-string"):
        return REQUEST_CHARACTERS
    if "enum" in schema:
        return max(len(str(value)) for value in schema["enum"])
    below: Schema | None = schema.get("additionalProperties")
    if schema.get("type") == "string":
        return int(schema.get("maxLength", REQUEST_CHARACTERS))
    return 1 if below is None else longest(below)


def characters(schema: Schema, rule: str) -> int:
    """The most that one operation of the rule reads.

    A power of which the rule makes a list, as in ``[self.power].all(p, …)``, is estimated without its length.
    """
    if "string(" in rule:
        return REQUEST_CHARACTERS
    if re.search(r"\bself\b(?!\.)", rule):
        return longest(schema)
    read = re.sub(r"\[[\w.]+\]\.all\(", "", rule)
    read = re.sub(r"has\([\w.]+\)", "", read)
    named = [
        longest(child)
        for path, child, _ in nodes(schema)
        if re.search(rf"\.{re.escape(path.rpartition('.')[2])}\b", read)
    ]
    return max(named, default=1)


def looped(node: Schema, rule: str) -> int:
    """The most items that the rule's loops run over, all of them counted as nested."""
    most = 1
    for field in re.findall(r"self\.([\w.]+)\.(?:all|exists|filter|map)\(", rule):
        child = node
        for name in field.split("."):
            child = child["properties"][name]
        most *= child["maxItems"]
    return most * int(node.get("maxProperties", 1))


def estimate(schema: Schema, items: int, rule: str) -> float:
    reads = len(re.findall(r"type\(|isQuantity\(|quantity\((?!')|string\(|==|!=", rule))
    regexes = sum(max(len(text) / 4, 1) for text in re.findall(r"matches\('([^']*)'\)", rule))
    once = COST_OF_A_STEP + (reads + regexes) * characters(schema, rule) * COST_OF_A_CHARACTER
    return math.ceil(once * looped(schema, rule) * items)


@pytest.mark.parametrize("name", CRDS)
def test_no_rule_comes_near_the_budget_of_one(name: str) -> None:
    for path, node, items, rule in rules(schema_of(name)):
        assert estimate(node, items, rule) < RULE_BUDGET / ROOM, f"{path}: {rule}"


@pytest.mark.parametrize("name", CRDS)
def test_all_rules_together_come_not_near_the_budget_of_a_kind(name: str) -> None:
    total = sum(estimate(node, items, rule) for _, node, items, rule in rules(schema_of(name)))
    assert total < CRD_BUDGET / ROOM


@pytest.mark.parametrize("name", CRDS)
def test_lists_and_maps_above_a_rule_are_bounded(name: str) -> None:
    schema = schema_of(name)
    ruled = [path for path, _, _, _ in rules(schema)]
    for path, node, _ in nodes(schema):
        bound = {"array": "maxItems", "object": "maxProperties"}.get(node.get("type", ""))
        if bound is None or (bound == "maxProperties" and "additionalProperties" not in node):
            continue
        if any(other.startswith(path) for other in ruled):
            assert bound in node, f"{path} has no {bound}, and a rule is at or below it"


def test_a_quantity_in_a_list_is_never_converted_by_a_rule_of_its_own() -> None:
    """The mistake that made servers before 1.34 refuse the installation."""
    for name in CRDS:
        for path, node, _ in nodes(schema_of(name)):
            if node.get("x-kubernetes-int-or-string") and "[]" in path:
                assert "x-kubernetes-validations" not in node, f"{name}{path}"

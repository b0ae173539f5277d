"""What an API server of another version refuses, and what is written then."""

import pytest

from powercap_operator.kube.undeclared_fields import undeclared_fields, without_fields

REFUSAL = (
    "PATCH /apis/powercap.dev/v1alpha1/powerbudgets/node-a: 500: failed to create typed patch object (/node-a;"
    " powercap.dev/v1alpha1, Kind=PowerBudget): .spec.rampMicrowattsPerSecond: field not declared in schema"
)


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        (REFUSAL, {("spec", "rampMicrowattsPerSecond")}),
        (
            "errors:\n  .spec.a: field not declared in schema\n  .spec.list[0].b: field not declared in schema",
            {("spec", "a"), ("spec", "list", "b")},
        ),
        ('.status.zones[zone="intel-rapl:0"].x: field not declared in schema', {("status", "zones", "x")}),
        ("PATCH /x: 409: the object has been modified", set()),
    ],
)
def test_the_fields_are_named(text: str, paths: set[tuple[str, ...]]) -> None:
    assert undeclared_fields(text) == paths


def test_the_rest_is_kept() -> None:
    body = {"spec": {"a": 1, "b": {"c": 2, "d": 3}, "list": [{"x": 1, "y": 2}, {"y": 3}, 7]}, "metadata": {}}
    paths = [("spec", "a"), ("spec", "b", "c"), ("spec", "list", "x"), ("spec", "none", "such")]
    assert without_fields(body, paths) == {
        "spec": {"b": {"d": 3}, "list": [{"y": 2}, {"y": 3}, 7]},
        "metadata": {},
    }
    assert body["spec"]["a"] == 1
    assert without_fields(body, []) is body

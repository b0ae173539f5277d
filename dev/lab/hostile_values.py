"""Values that nobody should write, for every field of every kind: from the generated schemas, that none is missed."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import yaml

from powercap_api.generate import KINDS

CRDS: Final = Path(__file__).parents[2] / "crds"
Place = tuple[str | int, ...]

TIMES: Final = (
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-12:00",
    "1970-01-01T00:00:00Z",
    "2025-02-31T25:61:61Z",
    "2025-10-09T12:00:00",
    "",
)
TEXTS: Final = (
    "",
    "\x1b[2J\x1b]0;x\x07\u202e\u2028\x9b31m\x00<script>alert(1)</script>{{x}}%s",
    "9" * 400,
    "1e999999999",
    "NaN",
    "-Infinity",
    "٣٤",
    "\ud7ff\ufffe\U0010ffff",
    "a" * 30_000,
    "2025-13-99",
    "24:00",
    "../../etc/passwd",
)
NUMBERS: Final = (-(2**63), 2**63 - 1, -1, 0, 2**31)
FLOATS: Final = (1e308, -0.0, 0.1)
BOOLEANS: Final = (True, False)
OTHER: Final[tuple[Any, ...]] = (None, "text", 7, 0.5, True, [], ["x"], {}, {"x": "y"})
"""Of another type, where a kind's schema is of another version."""
KEYS: Final = ("", "a" * 300, "\x1b[2J/\u202e", "powercap.dev/exempt", "kubernetes.io/hostname")
"""Of maps."""


PARTS: Final = [
    (kind.kind_spec.kind, part) for kind in KINDS for part in ("spec", "status") if part in kind.model_fields
]
"""What people and programs write of every kind."""


@lru_cache
def schema_of(plural: str) -> Mapping[str, Any]:
    """The generated schema of a kind, by the name of its collection."""
    kind = yaml.safe_load((CRDS / f"{plural}.yaml").read_text(encoding="utf-8"))
    found: Mapping[str, Any] = kind["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def fields_of(plural: str, part: str) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    """Where every field of ``spec`` or ``status`` is, with its schema: those that have parts too. 0 is a list's first,
    "*" a map's key."""
    if part in (properties := schema_of(plural)["properties"]):
        yield from _fields(properties[part], (part,))


def _fields(node: Mapping[str, Any], path: Place) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    yield path, node
    for name, field in node.get("properties", {}).items():
        yield from _fields(field, (*path, name))
    if "items" in node:
        yield from _fields(node["items"], (*path, 0))
    if isinstance(node.get("additionalProperties"), Mapping):
        yield from _fields(node["additionalProperties"], (*path, "*"))


def values_of(field: Mapping[str, Any]) -> tuple[Any, ...]:
    """Extreme and ill-formed values of the field's own type."""
    if field.get("x-kubernetes-int-or-string"):
        return (*TEXTS, *NUMBERS)
    if field.get("format") == "date-time":
        return TIMES
    return {"string": TEXTS, "integer": NUMBERS, "number": FLOATS, "boolean": BOOLEANS}.get(field["type"], ())


def spoiled(body: Mapping[str, Any], path: Place, value: Any) -> dict[str, Any]:
    """A copy of the object in which the field has the value, and what leads to it is there."""
    copy: dict[str, Any] = deepcopy(dict(body))
    place: Any = copy
    for step, after in pairwise(path):
        key = "x" if step == "*" else step
        empty: Any = [] if after == 0 else {}
        if step == 0:
            place[:] = place or [empty]
        elif not isinstance(place.get(key), type(empty)):
            place[key] = empty
        place = place[key]
    last = path[-1]
    if last == 0:
        place[:] = [value, *place[1:]]
    elif last == "*":
        place["x"] = value
    else:
        place[last] = value
    return copy


def every(
    plural: str, part: str, body: Mapping[str, Any], *, of_other_types: bool = False
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The object with one field spoiled, for every field and value; with where it is and what."""
    for path, field in fields_of(plural, part):
        where = ".".join(map(str, path))
        for value in OTHER if of_other_types else values_of(field):
            yield f"{where}={value!r:.30}", spoiled(body, path, value)
        if not of_other_types and "additionalProperties" in field:
            for key in KEYS:
                yield f"{where}[{key!r:.20}]", spoiled(body, path, {key: "true"})

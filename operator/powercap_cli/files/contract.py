"""What the API server refuses of our objects, without one: by the schema and the rules of their CRDs, in its words.

The schema is the one that the CRDs are generated from. Checked are fields that it does not have, types, bounds, and its
CEL rules, with the defaults filled in. Rules of changes (``oldSelf``) are left out: a file is no change.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final, TypeVar

import celpy
from celpy import celtypes
from celpy.adapter import json_to_cel
from celpy.evaluation import CELEvalError
from pydantic import ValidationError

from powercap_api.schema.crd import custom_resource_definition
from powercap_api.schema.model import KubeObject
from powercap_api.units import parse_quantity

Schema = Mapping[str, Any]
Kind = TypeVar("Kind", bound=KubeObject)

_MOST_SAID: Final = 5
_TIME: Final = re.compile(
    r"[0-9]{4}(-[0-9]{2}){2}T([0-9]{2}:){2}[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_TYPES: Final = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "boolean": bool,
    "number": float,
}


class RefusedError(Exception):
    """The API server would refuse the object; the message says why."""


def admitted(body: Mapping[str, Any], model: type[Kind]) -> Kind:
    """The object as the API server would take it, its defaults filled in.

    Raises:
        RefusedError: it would not; each reason begins with the field.
    """
    schema = _schema(model)
    filled = _filled(schema, {"metadata": {}, **body})
    found = [*_shape(schema, filled, ""), *_named(filled.get("metadata"))]
    misshapen = bool(found)
    if not found:  # rules see of metadata what the server lets them see
        found = list(_broken_rules(schema, {**filled, "metadata": {"name": filled["metadata"]["name"]}}, ""))
    if not found or misshapen:
        try:
            taken = model.from_wire(filled)
        except ValidationError as error:
            found += _own_words(error, misshapen=misshapen)
        else:
            if not found:
                return taken
    more = f"; and {len(found) - _MOST_SAID} more" if len(found) > _MOST_SAID else ""
    raise RefusedError("; ".join(found[:_MOST_SAID]) + more)


def _own_words(error: ValidationError, *, misshapen: bool) -> list[str]:
    """What the models say of a value, which is more than the server's word of a pattern or a type."""
    first = error.errors(include_url=False)[0]
    if misshapen and first["type"] != "value_error":
        return []
    where = ".".join(str(part) for part in first["loc"])
    return [f"{where}: {first['msg'].removeprefix('Value error, ')}"]


def _named(metadata: Any) -> Iterator[str]:
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not name:
        yield "metadata.name: Required value: name or generateName is required"
    elif not isinstance(name, str) or len(name) > 253 or not _NAME.fullmatch(name):
        yield (
            "metadata.name: a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or"
            " '.', and must start and end with an alphanumeric character"
        )


@cache
def _schema(model: type[KubeObject]) -> Schema:
    (version,) = custom_resource_definition(model, model.kind_spec)["spec"]["versions"]
    schema: Schema = version["schema"]["openAPIV3Schema"]
    return schema


def _filled(schema: Schema, value: Any) -> Any:
    """The value with the schema's defaults. As on the server a field that is null is an absent one."""
    if isinstance(value, dict) and "properties" in schema:
        known = schema["properties"]
        made = {key: one for key, one in value.items() if one is not None or key not in known}
        for key, below in known.items():
            if key not in made and "default" in below:
                made[key] = below["default"]
        return {key: _filled(known.get(key, {}), one) for key, one in made.items()}
    if isinstance(value, list) and "items" in schema:
        return [_filled(schema["items"], one) for one in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)  # 4e1, which JSON does not tell from 40
    return value


def _shape(schema: Schema, value: Any, path: str) -> Iterator[str]:
    """What is wrong with a value's type and bounds, and with those below it."""
    is_power = schema.get("x-kubernetes-int-or-string", False)
    wanted = "string" if is_power and not isinstance(value, int) else schema.get("type")
    python = int if is_power and isinstance(value, int) else _TYPES[str(wanted)]
    is_other = not isinstance(value, python) or (isinstance(value, bool) and python is not bool)
    if is_other or (python is int and not -(2**63) <= value < 2**63):
        kind = "integer,string" if is_power else wanted
        yield f'{path} in body must be of type {kind}: "{_type_of(value)}"'
        return
    yield from _bounds(schema, value, path)
    if isinstance(value, dict):
        yield from _fields(schema, value, path)
    elif isinstance(value, list):
        for index, one in enumerate(value):
            if schema.get("x-kubernetes-list-type") == "set" and one in value[:index]:
                yield f"{path}[{index}]: Duplicate value: {json.dumps(one)}"
            yield from _shape(schema["items"], one, f"{path}[{index}]")


def _fields(schema: Schema, value: Mapping[str, Any], path: str) -> Iterator[str]:
    known, extra = schema.get("properties"), schema.get("additionalProperties")
    for key in schema.get("required", ()):
        if key not in value:
            yield f"{_below(path, key)}: Required value"
    for key, one in value.items():
        if known is not None and key in known:
            yield from _shape(known[key], one, _below(path, key))
        elif isinstance(extra, dict):
            yield from _shape(extra, one, _below(path, key))
        elif known is not None:
            yield f'unknown field "{_below(path, key)}"'


def _bounds(schema: Schema, value: Any, path: str) -> Iterator[str]:
    """The bounds of a value's own type: an int-or-string has those of both."""
    if isinstance(value, (int, float)):
        checks: dict[str, Callable[[Any], tuple[bool, str]]] = {
            "minimum": lambda bound: (value >= bound, f" in body should be greater than or equal to {bound}"),
            "maximum": lambda bound: (value <= bound, f" in body should be less than or equal to {bound}"),
        }
    else:
        checks = _bounds_of_size(value)
    known = schema.get("enum")
    if known is not None and value not in known:
        supported = ", ".join(map(json.dumps, known))
        yield f"{path}: Unsupported value: {json.dumps(value)}: supported values: {supported}"
    for name, check in checks.items():
        if name in schema:
            holds, words = check(schema[name])
            if not holds:
                yield f"{path}{words}"


def _bounds_of_size(value: Any) -> dict[str, Callable[[Any], tuple[bool, str]]]:
    size = len(value)
    if not isinstance(value, str):
        return {
            "minItems": lambda bound: (size >= bound, f" in body should have at least {bound} items"),
            "maxItems": lambda bound: (size <= bound, f": Too many: {size}: must have at most {bound} items"),
            "maxProperties": lambda bound: (
                size <= bound,
                f": Too many: {size}: must have at most {bound} items",
            ),
        }
    return {
        "minLength": lambda bound: (size >= bound, f" in body should be at least {bound} chars long"),
        "maxLength": lambda bound: (size <= bound, f": Too long: may not be more than {bound} bytes"),
        "pattern": lambda bound: (
            re.search(bound, value, re.ASCII) is not None,
            f" in body should match '{bound}'",
        ),
        "format": lambda name: (name != "date-time" or _is_time(value), " in body must be of type date-time"),
    }


def _broken_rules(schema: Schema, value: Any, path: str) -> Iterator[str]:
    """The messages of the rules that do not hold, those of the fields below first."""
    if isinstance(value, dict):
        extra = schema.get("additionalProperties")
        for key, one in value.items():
            below = schema.get("properties", {}).get(key, extra)
            if isinstance(below, dict):
                yield from _broken_rules(below, one, _below(path, key))
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from _broken_rules(schema["items"], one, f"{path}[{index}]")
    for rule in schema.get("x-kubernetes-validations", ()):
        if "oldSelf" not in rule["rule"] and not _holds(rule["rule"], _to_cel(schema, value)):
            yield f"{path}{rule.get('fieldPath', '')}".removeprefix(".") + f": {rule['message']}"


def _type_of(value: Any) -> str:
    """JSON's word for a value's type, as the server says it."""
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _is_time(value: str) -> bool:
    try:
        return _TIME.fullmatch(value) is not None and bool(datetime.fromisoformat(value))
    except ValueError:
        return False


def _to_cel(schema: Schema, value: Any) -> Any:
    """The value as CEL has it: by its schema a text is a time. What has none, as metadata, is as it is."""
    if isinstance(value, dict):
        known, extra = schema.get("properties", {}), schema.get("additionalProperties", {})
        pairs = {key: _to_cel(known.get(key, extra), one) for key, one in value.items()}
        return celtypes.MapType({celtypes.StringType(key): one for key, one in pairs.items()})
    if isinstance(value, list):
        return celtypes.ListType([_to_cel(schema.get("items", {}), one) for one in value])
    if schema.get("format") == "date-time":
        return celtypes.TimestampType(value)
    return json_to_cel(value)


class _Quantity(Decimal):
    """A Kubernetes Quantity, as an object of CEL."""


def _is_quantity(text: Any) -> celtypes.BoolType:
    return celtypes.BoolType(isinstance(text, str) and parse_quantity(text) is not None)


def _quantity(text: str) -> _Quantity:
    found = parse_quantity(text)
    if found is None:
        raise ValueError(f"{text!r} is no quantity")
    return _Quantity(found)


def _is_in(item: Any, several: Iterable[Any]) -> celtypes.BoolType:
    """``in``, which for CEL is false between types that cannot be compared; cel-python finds an error there."""
    return celtypes.BoolType(any(type(item) is type(one) and item == one for one in several))


_FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "_in_": _is_in,
    "isQuantity": _is_quantity,
    "quantity": _quantity,
    "add": lambda one, other: _Quantity(one + int(other)),
    "isLessThan": lambda one, other: celtypes.BoolType(one < other),
    "isGreaterThan": lambda one, other: celtypes.BoolType(one > other),
    "sum": lambda numbers: celtypes.IntType(sum(numbers)),
}


@cache
def _environment() -> celpy.Environment:
    return celpy.Environment()


@cache
def _program(rule: str) -> celpy.Runner:
    environment = _environment()
    return environment.program(environment.compile(rule), functions=_FUNCTIONS)


def _holds(rule: str, value: Any) -> bool:
    """Whether a rule holds; one that cannot be worked out does not, as on the server."""
    try:
        return bool(_program(rule).evaluate({"self": value}))
    except CELEvalError:
        return False

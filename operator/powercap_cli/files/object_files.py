"""Reads our objects from files that ``kubectl apply`` takes."""

import re
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml

from powercap_api.names import API_VERSION
from powercap_api.schema.model import KubeObject

Kind = TypeVar("Kind", bound=KubeObject)

_NOT_KUBECTL: Final = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


class ObjectFileError(Exception):
    """The file holds no such object; the message says what is wrong."""


class _Loader(yaml.SafeLoader):
    """Reads plain words as kubectl does: a time is a text, ``22:00`` too, and ``4e1`` a number."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own form
        first: [(tag, regex) for tag, regex in found if tag not in _NOT_KUBECTL]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int",
    re.compile(r"[-+]?(0b[01_]+|0o?[0-7_]+|[1-9][0-9_]*|0|0x[0-9a-fA-F_]+)\Z"),
    list("-+0123456789"),
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))\Z"
    ),
    list("-+.0123456789"),
)


def read_objects(path: Path, model: type[Kind], what: str) -> list[Kind]:
    """The objects of one kind in a YAML or JSON file, one at least. ``what`` names them to a person, as "the policy".

    Raises:
        ObjectFileError: no such file, no YAML, an object of another kind, or one that the API server would refuse.
    """
    try:
        bodies = list(yaml.load_all(path.read_text(encoding="utf-8"), _Loader))
    except (OSError, UnicodeDecodeError) as error:
        raise ObjectFileError(f"cannot read {what}: {error}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ObjectFileError(f"{path} is no YAML: {' '.join(str(error).split())}") from error
    found = [body for body in bodies if body is not None] or [None]
    return [_read(path, body, model) for body in found]


def _read(path: Path, body: Any, model: type[Kind]) -> Kind:
    from .contract import RefusedError, admitted  # noqa: PLC0415 - reading the rules takes half a second

    kind = model.model_fields["kind"].default
    if not isinstance(body, dict) or (body.get("kind"), body.get("apiVersion")) != (kind, API_VERSION):
        raise ObjectFileError(
            f"{path} is no {kind}: it must begin with apiVersion: {API_VERSION}, kind: {kind}"
        )
    try:
        return admitted(body, model)
    except RefusedError as error:
        raise ObjectFileError(f"{path}: {error}") from error

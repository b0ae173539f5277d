"""Reads our objects from files that ``kubectl apply`` takes."""

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from powercap_api.names import API_VERSION
from powercap_api.schema.model import KubeObject

Kind = TypeVar("Kind", bound=KubeObject)


class ObjectFileError(Exception):
    """The file holds no such object; the message says what is wrong."""


def read_objects(path: Path, model: type[Kind], what: str) -> list[Kind]:
    """The objects of one kind in a YAML or JSON file, one at least. ``what`` names them to a person, as "the policy".

    Raises:
        ObjectFileError: no such file, no YAML, an object of another kind, or one that is not valid.
    """
    try:
        bodies = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise ObjectFileError(f"cannot read {what}: {error}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a ValueError: 2025-02-31 as a plain word
        raise ObjectFileError(f"{path} is no YAML: {' '.join(str(error).split())}") from error
    found = [body for body in bodies if body is not None] or [None]
    return [_read(path, body, model) for body in found]


def _read(path: Path, body: Any, model: type[Kind]) -> Kind:
    kind = model.model_fields["kind"].default
    if not isinstance(body, dict) or body.get("kind") != kind:
        raise ObjectFileError(
            f"{path} is no {kind}: it must begin with apiVersion: {API_VERSION}, kind: {kind}"
        )
    try:
        return model.from_wire(body)
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in found["loc"])
        raise ObjectFileError(f"{path}: {where}: {found['msg'].removeprefix('Value error, ')}") from error

"""Fields that the API server's schema of a kind does not have: server-side apply refuses an object that has one. Pure.

That is so while operator and kinds are of two versions, such as after a rollback. Without these fields the rest can be
written.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

Path = tuple[str, ...]
"""Names of fields from the object's root on; lists are passed through, item by item."""

_REFUSED: Final = re.compile(r"(\.\S+): field not declared in schema")
_ITEM: Final = re.compile(r"\[[^\]]*\]")


def undeclared_fields(refusal: str) -> set[Path]:
    """The fields that an API server's refusal complains of; none where it is about something else."""
    return {tuple(_ITEM.sub("", found).strip(".").split(".")) for found in _REFUSED.findall(refusal)}


def without_fields(value: Any, paths: Iterable[Path]) -> Any:
    """The object without these fields; nothing of ``value`` is changed."""
    wanted = [path for path in paths if path]
    if not wanted:
        return value
    if isinstance(value, list):
        return [without_fields(item, wanted) for item in value]
    if not isinstance(value, dict):
        return value
    gone = {path[0] for path in wanted if len(path) == 1}
    return {
        name: without_fields(item, [path[1:] for path in wanted if path[0] == name])
        for name, item in value.items()
        if name not in gone
    }

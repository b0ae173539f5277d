"""JSON from outside, read without deep recursion: the decoder's own bound is deeper than a thread's stack."""

import json
import re
from typing import Any, Final

MAX_DEPTH: Final = 100
"""No object of Kubernetes' is nested half as deep."""
_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


def decode(data: bytes) -> Any:
    """The value.

    Raises:
        ValueError: it is no JSON in UTF-8, or nested deeper than ``MAX_DEPTH``.
    """
    if data.count(b"[") + data.count(b"{") > MAX_DEPTH and _depth(data) > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    return json.loads(data)


def _depth(data: bytes) -> int:
    depth = deepest = 0
    for token in _TOKEN.finditer(data):
        first = data[token.start()]
        if first in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif first in b"]}":
            depth -= 1
    return deepest

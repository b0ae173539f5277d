"""Damage to files and answers, at random and repeatable: what fuzz tests feed to everything that reads.

A test draws a ``Random`` from ``randoms()``, so that a failure names the one number that repeats it. Each test tries
some hundreds of inputs by default, and as many as ``POWERCAP_FUZZ_EXAMPLES`` says (``make fuzz``).
"""

import json
import os
import resource
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from random import Random
from typing import Any, Final

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

BATCH: Final = 20
"""Inputs from one ``Random``: drawing it takes longer than most inputs."""
MOST_SECONDS: Final = 3.0
"""Processor time that one input may take."""
MOST_MEGABYTES: Final = 100
"""How much one input may raise the process's peak memory."""
DEEP: Final = 100_000
ODD_TEXTS: Final = (
    b"",
    b"null",
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"1e999",
    b"-0",
    b"9" * 5000,
    b"[" * DEEP,
    b'{"a":' * DEEP,
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\x00",
    b"\r\n",
    b"\n",
    b'"\\ud800"',
    b"true",
    b"[]",
    b"{}",
    b'"',
    b"\\",
    b",",
    b":",
    b"-",
    b"0" * 40,
    b"2025-02-31",
    b"9999-12-31T23:59:59Z",
    b"0001-01-01T00:00:00+14:00",
)
ODD_VALUES: Final[Sequence[Any]] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    10**30,
    -(10**30),
    0.5,
    float("inf"),
    float("nan"),
    "",
    "\ud800",
    "\n",
    "9" * 5000,
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59Z",
    "x" * 1000,
    [],
    {},
    [[]],
    [None] * 600,
    {"": {}},
)


def fuzz_settings(default: int) -> settings:
    """Settings of a fuzz test that tries ``default`` inputs, in batches, unless told to try more."""
    count = int(os.environ.get("POWERCAP_FUZZ_EXAMPLES", "0")) or default
    return settings(
        max_examples=max(count // BATCH, 1),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )


def randoms() -> st.SearchStrategy[Random]:
    """Sources of chance, each from one number."""
    return st.integers(0, 2**64 - 1).map(Random)


def damaged(data: bytes, chance: Random, fragments: Sequence[bytes] = ()) -> bytes:
    """``data`` after one to four cuts, doublings, swaps, flipped bits, and odd texts put in."""
    for _ in range(chance.randint(1, 4)):
        at, length = chance.randint(0, len(data)), chance.choice((1, 2, 8, 40, 400))
        piece = data[at : at + length]
        match chance.randrange(6):
            case 0:
                data = data[:at] + data[at + length :]
            case 1:
                data = data[:at] + piece * chance.randint(2, 4) + data[at + length :]
            case 2:
                data = data[:at] + data[at + length : at + 2 * length] + piece + data[at + 2 * length :]
            case 3:
                flipped = bytes(byte ^ (1 << chance.randrange(8)) for byte in piece[:2])
                data = data[:at] + flipped + data[at + len(flipped) :]
            case 4:
                data = data[:at] + chance.choice((*ODD_TEXTS, *fragments)) + data[at:]
            case _:
                data = data[:at]
    return data


def warped(value: Any, chance: Random) -> Any:
    """A copy of a JSON value with one to three of its parts replaced, removed or doubled."""
    copy = json.loads(json.dumps(value))
    for _ in range(chance.randint(1, 3)):
        holders = list(_holders(copy))
        if not holders:
            break
        holder = chance.choice(holders)
        keys: list[Any] = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        key = chance.choice(keys)
        match chance.randrange(4):
            case 0 if isinstance(holder, dict):
                del holder[key]
            case 1 if isinstance(holder, list):
                holder.insert(key, holder[key])
            case 2:
                holder[key] = [holder[key]]
            case _:
                holder[key] = deepcopy(chance.choice(ODD_VALUES))
    return copy


def _holders(value: Any) -> Iterator[Any]:
    """Every object and list in a JSON value that has something in it."""
    if isinstance(value, dict | list) and value:
        yield value
        for item in value.values() if isinstance(value, dict) else value[:20]:
            yield from _holders(item)


@contextmanager
def bounded() -> Iterator[None]:
    """Holds what is done within to ``MOST_SECONDS`` and ``MOST_MEGABYTES``."""
    before, began = _peak_megabytes(), time.thread_time()
    yield
    assert time.thread_time() - began < MOST_SECONDS
    assert _peak_megabytes() - before < MOST_MEGABYTES


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

"""A lock on the state folder: two agents would take each other's caps for originals."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from .store import StateError

_FILE: Final = "lock"


class AlreadyRunningError(Exception):
    """Another agent holds the lock."""


@contextmanager
def lock_state(folder: str) -> Iterator[None]:
    """Hold the lock for the context. The kernel releases the lock of a process that is killed.

    Raises:
        AlreadyRunningError: another process has the lock.
        StateError: the folder cannot be used.
    """
    path = os.path.join(folder, _FILE)
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateError(f"{path} cannot be used: {error}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunningError(
                f"another agent holds {path}: stop it first (it puts the original limits back itself)"
            ) from error
        yield
    finally:
        os.close(descriptor)

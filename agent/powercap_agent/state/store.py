"""JSON files in the state folder: written whole or not at all, and synced to disk."""

import json
import os
from collections.abc import Callable
from typing import Any, TypeVar

from ..json_text import decode
from ..logs import Log

T = TypeVar("T")


class StateError(Exception):
    """The state folder cannot be used. No limit may be written then."""


def read_state(folder: str, name: str) -> Any:
    """The content of a file of the state folder; None where there is no such file.

    Raises:
        StateError: the file cannot be read or is not JSON.
    """
    path = os.path.join(folder, name)
    try:
        with open(path, "rb") as file:
            return decode(file.read())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StateError(f"{path} cannot be read: {error!r}") from error


def write_state(folder: str, name: str, content: object) -> None:
    """Replace a file of the state folder by ``content`` as JSON. File and folder are synced on return.

    Raises:
        StateError: the file could not be written; the one before is still there.
    """
    path = os.path.join(folder, name)
    draft = f"{path}.tmp"
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        with open(draft, "w", encoding="utf-8") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
        _sync_folder(folder)
    except OSError as error:
        raise StateError(f"{path} cannot be written: {error}") from error


def remove_state(folder: str, name: str) -> None:
    """Remove a file of the state folder, if it exists.

    Raises:
        StateError: the file could not be removed.
    """
    path = os.path.join(folder, name)
    try:
        os.unlink(path)
        _sync_folder(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StateError(f"{path} cannot be removed: {error}") from error


def _sync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class KeptFile:
    """Something that is kept for a restart, and not needed: failures are logged and otherwise ignored."""

    def __init__(self, folder: str, name: str, what: str, log: Log) -> None:
        """``what`` is kept, for people."""
        self._folder, self._name, self._what, self._log = folder, name, what, log

    def keep(self, content: object) -> None:
        """Replace what is kept. Of failures in a row the first one is logged."""
        try:
            write_state(self._folder, self._name, content)
        except StateError as error:
            if self._log.changed(self._name, "not kept"):
                self._log.warning(f"{self._what} could not be kept for a restart", error=str(error))
        else:
            self._log.changed(self._name, None)

    def forget(self) -> None:
        """Remove what is kept."""
        try:
            remove_state(self._folder, self._name)
        except StateError as error:
            self._log.warning(f"{self._what} kept for a restart could not be removed", error=str(error))

    def recall(self, read: Callable[[Any], T]) -> T | None:
        """What ``read`` makes of what is kept; None where there is nothing that it can read."""
        try:
            content = read_state(self._folder, self._name)
        except StateError as error:
            self._refuse(error)
            return None
        return None if content is None else self.understand(content, read)

    def understand(self, content: Any, read: Callable[[Any], T]) -> T | None:
        """What ``read`` makes of what an earlier agent wrote; None where that fails."""
        try:
            return read(content)
        except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            self._refuse(error)
            return None

    def _refuse(self, error: Exception) -> None:
        self._log.warning(f"{self._what} kept from before cannot be read", error=repr(error))

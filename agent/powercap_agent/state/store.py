"""JSON files in the state folder: written whole or not at all, and synced to disk."""

import json
import os
from typing import Any

from ..json_text import decode


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

"""The limits found before the first write, kept so that they can be put back whatever happens to the agent.

Guarantees: a limit's original is on disk (file and folder synced) before that limit is first written; a saved
original is never overwritten, only dropped once it is proven to be in force again; a reader sees the file whole.
The folder belongs under the host's /run, which ends with the limits themselves at a reboot; the boot id in the
file covers folders that do not.
"""

import json
import os
from collections.abc import Iterable, Mapping
from typing import Final

_FILE: Final = "originals.json"


class StateError(Exception):
    """The state folder cannot be used; nothing may be written to the hardware then."""


class OriginalsStore:
    """The saved originals of this boot, in microwatts by ``limit_key``."""

    def __init__(self, folder: str, boot_id: str) -> None:
        """Take up what an earlier agent of this boot left; what another boot left is discarded.

        Raises:
            StateError: the file is there and cannot be read. It is left as it is, for a person to look at.
        """
        self._folder = folder
        self._boot_id = boot_id
        self._limits = self._load()

    @property
    def limits(self) -> Mapping[str, int]:
        """What stands, in microwatts."""
        return self._limits

    def add(self, limits: Mapping[str, int]) -> None:
        """Save the originals that are not saved yet.

        Raises:
            StateError: they are not safely on disk.
        """
        new = {key: limit for key, limit in limits.items() if key not in self._limits}
        if new:
            self._store(self._limits | new)

    def drop(self, keys: Iterable[str]) -> None:
        """Forget originals that are in force again. The file goes with the last one.

        Raises:
            StateError: the change is not safely on disk.
        """
        gone = set(keys)
        kept = {key: limit for key, limit in self._limits.items() if key not in gone}
        if kept != self._limits:
            self._store(kept)

    def _load(self) -> dict[str, int]:
        path = os.path.join(self._folder, _FILE)
        try:
            with open(path, encoding="utf-8") as file:
                saved = json.load(file)
            if saved["bootId"] != self._boot_id:
                return {}
            return {str(key): int(limit) for key, limit in saved["limits"].items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise StateError(f"{path} cannot be read: {error!r}") from error

    def _store(self, limits: dict[str, int]) -> None:
        if limits:
            write_state(self._folder, _FILE, {"bootId": self._boot_id, "limits": limits})
        else:
            remove_state(self._folder, _FILE)
        self._limits = limits


def write_state(folder: str, name: str, content: object) -> None:
    """Put ``content`` as JSON into a file of the state folder: whole or not at all, and lasting.

    Raises:
        StateError: it did not work.
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
    """Remove a file of the state folder; one that is not there is fine.

    Raises:
        StateError: it did not work.
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

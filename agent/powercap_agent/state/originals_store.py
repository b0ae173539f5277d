"""The limits and disabled zones found before the first write, on disk, so that they can be put back even after a crash.

Guarantees: a limit's original is synced to disk before that limit is first written; a saved original is never
overwritten, and dropped only once it is in force again. The folder belongs under the host's ``/run``, which is
emptied by a reboot as the limits are; the boot id in the file covers folders that are not.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from .store import StateError, read_state, remove_state, write_state

_FILE: Final = "originals.json"
_LARGEST_UW: Final = 2**63 - 1
"""Firmware's "no limit" is far below it."""


class OriginalsStore:
    """The saved originals of this boot, in microwatts by ``limit_key``."""

    def __init__(self, folder: str, boot_id: str) -> None:
        """Read what an earlier agent saved in this boot; the originals of another boot are discarded.

        Raises:
            StateError: the file exists and cannot be read. It is left as it is, for a person to look at.
        """
        self._folder = folder
        self.boot_id = boot_id
        """The kernel's id of this boot."""
        self.limits: Mapping[str, int] = {}
        """The saved originals, in microwatts."""
        self.disabled: frozenset[str] = frozenset()
        """Keys of the zones that were found disabled."""
        self._written: dict[str, list[int]] = {}
        self._load()

    def written(self, key: str) -> Sequence[int]:
        """What agents of this boot wrote last to the limit, in microwatts: what they found in force before that, and
        what they then asked for."""
        return self._written.get(key, ())

    def note(self, written: Mapping[str, Sequence[int]]) -> None:
        """Save what is about to be written to limits with a saved original, and what is in force before.

        Raises:
            StateError: it is not safely on disk.
        """
        known = {key: list(values) for key, values in written.items() if key in self.limits}
        self._store(self.limits, self.disabled, self._written | known)

    def add(self, limits: Mapping[str, int], disabled: Iterable[str] = ()) -> None:
        """Save the originals that are not saved yet, and the keys of zones found disabled.

        Raises:
            StateError: they are not safely on disk.
        """
        added = {key: limit for key, limit in limits.items() if key not in self.limits}
        self._store({**self.limits, **added}, self.disabled | frozenset(disabled), self._written)

    def drop(self, keys: Iterable[str], disabled: Iterable[str] = ()) -> None:
        """Forget originals that are in force again, and zones that are disabled again. The file is removed with
        the last one.

        Raises:
            StateError: the change is not safely on disk.
        """
        gone = set(keys)
        kept = {key: limit for key, limit in self.limits.items() if key not in gone}
        written = {key: values for key, values in self._written.items() if key in kept}
        self._store(kept, self.disabled - frozenset(disabled), written)

    def _load(self) -> None:
        saved = read_state(self._folder, _FILE)
        if saved is None:
            return
        try:
            if saved["bootId"] != self.boot_id:
                return
            self.limits = {str(key): _microwatts(limit) for key, limit in saved["limits"].items()}
            self.disabled = frozenset(str(key) for key in saved.get("disabled", ()))
            written = saved.get("written", {})
            self._written = {str(key): [_microwatts(uw) for uw in values] for key, values in written.items()}
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            path = os.path.join(self._folder, _FILE)
            raise StateError(f"{path} cannot be read: {error!r}") from error

    def _store(
        self, limits: Mapping[str, int], disabled: frozenset[str], written: dict[str, list[int]]
    ) -> None:
        if (limits, disabled, written) == (self.limits, self.disabled, self._written):
            return
        if limits or disabled:
            content: dict[str, object] = {"bootId": self.boot_id, "limits": limits}
            if disabled:
                content["disabled"] = sorted(disabled)
            if written:
                content["written"] = written
            write_state(self._folder, _FILE, content)
        else:
            remove_state(self._folder, _FILE)
        self.limits, self.disabled, self._written = limits, disabled, written


def _microwatts(value: object) -> int:
    """A power as this store writes it.

    Raises:
        ValueError: it is none, and must not be put into a limit.
    """
    if type(value) is not int or not 0 <= value <= _LARGEST_UW:
        raise ValueError(f"{str(value)[:40]!r} is no power in microwatts")
    return value

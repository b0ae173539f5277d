"""The energy counted so far, on disk: an agent that is restarted goes on from there."""

from collections.abc import Mapping
from typing import Any, Final

from ..logs import Log
from .store import StateError, read_state, write_state

_FILE: Final = "energy.json"


class EnergyStore:
    """A JSON object in a file of the state folder. Failures are logged and otherwise ignored: limits come first."""

    def __init__(self, folder: str, boot_id: str, log: Log) -> None:
        self._folder = folder
        self._boot_id = boot_id
        self._log = log
        self._failed = False

    def save(self, account: Mapping[str, Any]) -> None:
        """Replace what is kept."""
        try:
            write_state(self._folder, _FILE, {"bootId": self._boot_id, "account": account})
        except StateError as error:
            if not self._failed:
                self._log.warning("the energy counted could not be kept for a restart", error=str(error))
            self._failed = True
        else:
            self._failed = False

    def recall(self) -> tuple[Mapping[str, Any], bool] | None:
        """What is kept, and whether it was kept in this boot; None where there is nothing that can be read."""
        try:
            kept = read_state(self._folder, _FILE)
            return None if kept is None else (kept["account"], kept["bootId"] == self._boot_id)
        except (StateError, KeyError, TypeError) as error:
            self.refuse(error)
            return None

    def refuse(self, error: Exception) -> None:
        """Log that what is kept is of no use."""
        self._log.warning(
            "the energy kept from before cannot be read: counting begins anew", error=repr(error)
        )

"""The budget last followed, kept so that an agent that is restarted while the API is down goes on by it."""

import json
import os
from typing import Any, Final

from ..enforce.originals import StateError, remove_state, write_state
from ..logs import Log

_FILE: Final = "budget.json"


class BudgetCache:
    """A PowerBudget without its status in a file of the state folder. Losing it costs little: failures are told."""

    def __init__(self, folder: str, node_name: str, log: Log) -> None:
        self._folder = folder
        self._node_name = node_name
        self._log = log

    def keep(self, body: dict[str, Any]) -> None:
        """Keep the budget in place of the one kept before."""
        metadata = body["metadata"]
        kept = {name: metadata[name] for name in ("name", "uid", "generation") if name in metadata}
        try:
            write_state(self._folder, _FILE, {"metadata": kept, "spec": body["spec"]})
        except StateError as error:
            self._log.warning("the budget could not be kept for a restart", error=str(error))

    def forget(self) -> None:
        """There is no budget any more."""
        try:
            remove_state(self._folder, _FILE)
        except StateError as error:
            self._log.warning("the budget kept for a restart could not be removed", error=str(error))

    def recall(self) -> dict[str, Any] | None:
        """The budget kept for this node, if there is one."""
        try:
            with open(os.path.join(self._folder, _FILE), encoding="utf-8") as file:
                body = json.load(file)
            if isinstance(body, dict) and body["metadata"]["name"] == self._node_name:
                return body
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            self._log.warning("the budget kept for a restart cannot be read", error=repr(error))
        return None

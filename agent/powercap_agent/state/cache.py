"""The last budget followed, on disk: an agent that restarts while the API server is down follows it."""

from typing import Any, Final

from ..logs import Log
from .store import StateError, read_state, remove_state, write_state

_FILE: Final = "budget.json"


class BudgetCache:
    """A PowerBudget without its status in a file of the state folder. Failures are logged and otherwise ignored."""

    def __init__(self, folder: str, node_name: str, log: Log) -> None:
        self._folder = folder
        self._node_name = node_name
        self._log = log

    def keep(self, body: dict[str, Any]) -> None:
        """Keep the budget; it replaces the one kept before."""
        metadata = body["metadata"]
        kept = {name: metadata[name] for name in ("name", "uid", "generation") if name in metadata}
        try:
            write_state(self._folder, _FILE, {"metadata": kept, "spec": body["spec"]})
        except StateError as error:
            self._log.warning("the budget could not be kept for a restart", error=str(error))

    def forget(self) -> None:
        """Remove the kept budget."""
        try:
            remove_state(self._folder, _FILE)
        except StateError as error:
            self._log.warning("the budget kept for a restart could not be removed", error=str(error))

    def recall(self) -> dict[str, Any] | None:
        """The budget kept for this node; None where there is none that can be read."""
        try:
            body = read_state(self._folder, _FILE)
            if isinstance(body, dict) and body["metadata"]["name"] == self._node_name:
                return body
        except (StateError, KeyError, TypeError) as error:
            self._log.warning("the budget kept for a restart cannot be read", error=str(error))
        return None

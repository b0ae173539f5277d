"""The node's PowerBudget as far as it is known: from the API server, else as an earlier agent kept it.

A spec that cannot be read only changes the status: the last good one is followed, but for what must be obeyed whatever
else a newer version wrote beside it (``OBEYED``).
"""

from collections.abc import Mapping
from typing import Any, Final

from ..logs import Log
from ..schedule.budget import Budget, read_budget
from ..schedule.fields import InvalidBudgetError
from .store import KeptFile

OBEYED: Final = ("suspend", "dryRun", "floor", "overrides", "liftUntil")
"""Fields that give a node its limits back, or raise them: each is taken over where it can be read by itself."""


class KnownBudget:
    """The budget to follow, and whether a newer one was refused."""

    def __init__(self, folder: str, node_name: str, log: Log) -> None:
        self._kept = KeptFile(folder, "budget.json", "the budget", log)
        self._node_name = node_name
        self._log = log
        self._body: dict[str, Any] | None = None
        self._unsaved: dict[str, Any] | None = None
        self.settled = False
        """Whether the API server has answered, or the wait for its answer is over."""
        self.budget: Budget | None = None
        self.invalid: str | None = None
        """Why the newest spec is not followed, where it is not."""
        self.generation: int | None = None
        """Generation of the newest spec, followed or not."""

    def learn(self, body: dict[str, Any] | None) -> bool:
        """Take in the object as the API server has it, or None where there is none; whether that changes anything."""
        first, self.settled = not self.settled, True
        if body is None:
            if self.budget is not None or first:
                self._log.info("there is no PowerBudget for this node: the original limits are in force")
            self._kept.forget()
            self.budget = self._body = self._unsaved = self.invalid = self.generation = None
            return True
        try:
            budget = read_budget(body)
        except InvalidBudgetError as error:
            return self._refuse(str(error), body)
        changed = budget != self.budget or self.invalid is not None
        if changed:
            self.budget, self._body, self._unsaved = budget, body, body
        self.invalid, self.generation = None, budget.generation
        return changed

    def give_up_waiting(self) -> None:
        """Follow the budget that an earlier agent kept, if there is one: the API server does not answer."""
        self.settled = True
        self._recall()
        if self.budget is None:
            self._log.warning(
                "the API server does not answer: the original limits are in force until it does"
            )
        else:
            self._log.warning("the API server does not answer: following the budget kept from before")

    def keep(self) -> None:
        """Keep the budget for an agent that is restarted while the API server is down."""
        if self._unsaved is not None:
            metadata = self._unsaved["metadata"]
            kept = {name: metadata[name] for name in ("name", "uid", "generation") if name in metadata}
            self._kept.keep({"metadata": kept, "spec": self._unsaved["spec"]})
            self._unsaved = None

    def _refuse(self, why: str, body: dict[str, Any]) -> bool:
        if self.budget is None:
            self._recall()
        obeyed = self._obey(body)
        metadata = body.get("metadata")
        generation = metadata.get("generation") if isinstance(metadata, dict) else None
        number = generation if isinstance(generation, int) else 0
        if self.invalid == why and self.generation == number:
            return obeyed
        self.invalid, self.generation = why, number
        self._log.error("the PowerBudget's spec cannot be followed", error=why)
        return True

    def _obey(self, body: dict[str, Any]) -> bool:
        """Take over from a spec that cannot be read what must be obeyed; whether that changes anything."""
        spec = body.get("spec")
        if self._body is None or not isinstance(spec, dict):
            return False
        merged, before = self._body, self.budget
        for name in OBEYED:
            candidate = {**merged, "spec": _with(merged["spec"], name, spec)}
            try:
                self.budget = read_budget(candidate)
            except InvalidBudgetError:
                continue
            merged = candidate
        if self.budget != before:
            self._body = self._unsaved = merged
        return self.budget != before

    def _recall(self) -> None:
        def follow(body: dict[str, Any]) -> None:
            if body["metadata"]["name"] == self._node_name:
                self.budget, self._body = read_budget(body), body

        self._kept.recall(follow)


def _with(good: Mapping[str, Any], name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """The ``good`` spec with one field as ``spec`` has it."""
    rest = {key: value for key, value in good.items() if key != name}
    return rest | {name: spec[name]} if name in spec else rest

"""Objects with which work fails though each of them can be read: found, left out, and told. Pure but for its memory.

Stages of a pass contain faults that they can foresee, object by object. This is for the others: where work on the whole
cluster raises, it is tried without ever more objects until it does not, and the first without which it succeeds is left
out from then on, until it changes. What it governs stays as it is.
"""

import logging
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from powercap_api.names import MARKET_DAY, NODE, POWER_OVERRIDE, POWER_POLICY, POWER_REPORT, WAIT_POLICY
from powercap_api.schema.model import KubeObject

from .snapshot import World
from .unreadable import Unreadable, what_is_wrong

logger = logging.getLogger(__name__)

POD: Final = "Pod"
_FIELDS: Final = {
    POD: "pods",
    POWER_OVERRIDE: "overrides",
    POWER_REPORT: "reports",
    MARKET_DAY: "days",
    NODE: "nodes",
    POWER_POLICY: "policies",
    WAIT_POLICY: "wait_policies",
}
"""The world's objects by kind, in the order in which they are suspected: first those that most people may write."""
MOST: Final = 32
"""Most objects that are left out; with more of them the fault is elsewhere."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An object that work fails with."""

    seen: object
    """As it was then: another state of it is given another try."""
    why: str


class Containment:
    """Does work on the cluster without the objects that it fails with."""

    def __init__(self, what: str) -> None:
        """``what`` is done, for the log."""
        self._what = what
        self.left_out: Mapping[tuple[str, str], LeftOut] = {}
        """By kind and name; replaced as a whole."""

    def run(self, world: World, work: Callable[[World], Result]) -> Result:
        """What the work gives, of all objects but those that it fails with.

        Raises:
            Exception: whatever the work raises, where no object is to blame, or more than ``MOST`` are.
        """
        self.left_out = {key: one for key, one in self.left_out.items() if _state(world, key) == one.seen}
        while True:
            try:
                return work(_without(world, self.left_out))
            except Exception as error:
                key = self._culprit(world, work)
                if key is None or len(self.left_out) >= MOST:
                    raise
                found = LeftOut(_state(world, key), what_is_wrong(error))
                logger.exception("%s left out of %s: %s", " ".join(key), self._what, found.why)
                self.left_out = {**self.left_out, key: found}

    def known(self, world: World) -> World:
        """The world in which what is left out cannot be read."""
        return _without(world, self.left_out)

    def _culprit(self, world: World, work: Callable[[World], Result]) -> tuple[str, str] | None:
        """An object without which work succeeds, or would but for others; None: it fails without any of them."""
        suspected = dict(self.left_out)
        for kind in _FIELDS:
            names = [(kind, name) for name in sorted(_named(world, kind)) if (kind, name) not in suspected]
            if not _succeeds(work, _without(world, suspected | _as_left_out(names))):
                suspected |= _as_left_out(names)
                continue
            few, enough = 0, len(names)  # it fails without so few of them, and succeeds without enough
            while enough - few > 1:
                middle = (few + enough) // 2
                if _succeeds(work, _without(world, suspected | _as_left_out(names[:middle]))):
                    enough = middle
                else:
                    few = middle
            return names[enough - 1] if names else None
        return None


def _succeeds(work: Callable[[World], Result], world: World) -> bool:
    try:
        work(world)
    except Exception:  # noqa: BLE001 - the first time it was logged: now only whether it happens again counts
        return False
    return True


def _as_left_out(keys: list[tuple[str, str]]) -> dict[tuple[str, str], LeftOut]:
    return dict.fromkeys(keys, LeftOut(None, "on trial"))


def _named(world: World, kind: str) -> Set[str]:
    """Names of the kind's objects; a budget without a node counts as one."""
    found: Set[str] = getattr(world, _FIELDS[kind]).keys()
    return found | world.budgets.keys() if kind == NODE else found


def _state(world: World, key: tuple[str, str]) -> object:
    """The object, and of a node its budget too."""
    kind, name = key
    found = getattr(world, _FIELDS[kind]).get(name)
    return (found, world.budgets.get(name)) if kind == NODE else found


def _without(world: World, left_out: Mapping[tuple[str, str], LeftOut]) -> World:
    """The world in which these cannot be read; a node goes with its budget, which stays as it is."""
    if not left_out:
        return world
    stores: dict[str, Any] = {field: dict(getattr(world, field)) for field in _FIELDS.values()}
    budgets, unreadable = dict(world.budgets), dict(world.unreadable)
    for (kind, name), one in left_out.items():
        found = stores[_FIELDS[kind]].pop(name, None)
        if kind == NODE:
            budgets.pop(name, None)
        unreadable[kind, name] = (
            Unreadable.of(kind, found, one.why)
            if isinstance(found, KubeObject)
            else Unreadable(kind, name, uid="", generation=None, suspend=None, why=one.why, status={})
        )
    return replace(world, **stores, budgets=budgets, unreadable=unreadable)

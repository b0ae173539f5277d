"""Holds the newest known state of the cluster between watch events, lists and our own writes.

Three sources feed it: watch events; lists, which tell what was deleted while nothing was watched; and the answers to
our own writes, so that the next decision sees them although their watch event is still on its way. The resource version
decides which of two states of an object is newer, and one that is known already is not read again.
"""

import logging
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final

from powercap_api.marketday import MarketDay
from powercap_api.names import (
    EXEMPT_LABEL,
    FLOOR_LABEL,
    MARKET_DAY,
    NODE,
    POWER_BUDGET,
    POWER_OVERRIDE,
    POWER_POLICY,
    POWER_REPORT,
    WAIT_POLICY,
)
from powercap_api.poweroverride import PowerOverride
from powercap_api.powerpolicy import PowerPolicy
from powercap_api.powerreport import PowerReport
from powercap_api.waitpolicy import WaitPolicy

from ..planning.overrides.pod_floors import view_pod
from ..world.job import view_job
from ..world.node_match import EVERYWHERE, AgentPlacement
from ..world.silence import GRACE, Passage
from ..world.snapshot import (
    BudgetView,
    KnownSpec,
    KnownSpecs,
    World,
    view_budget,
    view_node,
)
from ..world.unreadable import FAULTS, Unreadable, read_object, unreadable

logger = logging.getLogger(__name__)

EDITED: Final = (POWER_POLICY, POWER_OVERRIDE, MARKET_DAY, POWER_REPORT, WAIT_POLICY)
"""What people edit or read, of which there are few."""
KINDS: Final = (NODE, POWER_BUDGET, *EDITED)
"""What decisions are always made from."""
FLOOR_POD: Final = f"Pod with {FLOOR_LABEL}"
EXEMPT_POD: Final = f"Pod with {EXEMPT_LABEL}"
"""Pods that ask for something, apart by the label, as a pod that loses one of the two may have the other."""
JOB: Final = "Job"
"""Those that may wait for cheap hours."""


@dataclass(slots=True)
class _Objects:
    """What is known of a kind, by name; of objects in a namespace ``namespace/name``."""

    read: Callable[[Mapping[str, Any]], Any]
    """What decisions see of an object; None where they need not know of it."""
    views: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    gone: dict[str, int] = field(default_factory=dict)
    """Versions of deletions, for what is late."""
    told: int = 0
    """Version of the last bookmark."""

    def version(self, name: str) -> int:
        """The newest that was heard of; 0 where nothing was."""
        return self.versions.get(name, 0) or self.gone.get(name, 0)


class WorldCache:
    """The newest known state, by kind and name."""

    def __init__(self, agents: AgentPlacement = EVERYWHERE, follows_jobs: bool = False) -> None:
        """Begin with an empty cluster, whose agents can run on such nodes."""
        self._agents = agents
        self._follows_jobs = follows_jobs
        self._specs = KnownSpecs()
        self.latest = 0
        """The highest resource version seen, of an object or of a list."""
        self._kinds = {
            POWER_POLICY: _Objects(partial(read_object, PowerPolicy)),
            MARKET_DAY: _Objects(partial(read_object, MarketDay)),
            POWER_OVERRIDE: _Objects(partial(read_object, PowerOverride)),
            POWER_REPORT: _Objects(partial(read_object, PowerReport)),
            POWER_BUDGET: _Objects(partial(view_budget, specs=self._specs)),
            NODE: _Objects(view_node),
            FLOOR_POD: _Objects(view_pod),
            EXEMPT_POD: _Objects(view_pod),
            WAIT_POLICY: _Objects(partial(read_object, WaitPolicy)),
            JOB: _Objects(view_job),
        }
        self._unreadable: dict[tuple[str, str], Unreadable] = {}
        self._kept_as: dict[KnownSpec, KnownSpec] = {}
        self._passage = Passage()

    def world(self) -> World:
        """The state now, as a value that later changes do not touch."""
        kinds = self._kinds
        return World(
            policies=kinds[POWER_POLICY].views.copy(),
            days=kinds[MARKET_DAY].views.copy(),
            nodes=kinds[NODE].views.copy(),
            budgets=kinds[POWER_BUDGET].views.copy(),
            unreadable=self._unreadable.copy(),
            kept_as=self._kept_as.copy(),
            overrides=kinds[POWER_OVERRIDE].views.copy(),
            reports=kinds[POWER_REPORT].views.copy(),
            pods=kinds[FLOOR_POD].views | kinds[EXEMPT_POD].views,
            wait_policies=kinds[WAIT_POLICY].views.copy(),
            jobs=kinds[JOB].views.copy() if self._follows_jobs else None,
            agents=self._agents,
            jump=self._passage.jump,
        )

    def look(self, now: datetime) -> None:
        """Note the time. Called about once a second, so that time that was skipped is noticed."""
        if self._passage.look(now):
            logger.warning(
                "the clock was set ahead, or this process stood still: agents are given %.0f s to report",
                GRACE.total_seconds(),
            )

    def version(self, kind: str, name: str) -> int | None:
        """Resource version of the object as last known; None where there is none."""
        return self._kinds[kind].versions.get(name)

    def find(self, kind: str, name: str) -> Any:
        """The object as decisions see it, or what is known of one that cannot be read; None where there is none."""
        return self._kinds[kind].views.get(name) or self._unreadable.get((kind, name))

    def take(self, kind: str, event: Mapping[str, Any]) -> bool:
        """Take a watch event. Whether anything that decisions see has changed."""
        body = event["object"]
        if event["type"] == "DELETED":
            return self.drop(kind, name_of(body), body["metadata"]["resourceVersion"])
        if event["type"] == "BOOKMARK":
            self._told(kind, int(body["metadata"]["resourceVersion"]))
            return False
        return self.put(kind, body)

    def put(self, kind: str, body: Mapping[str, Any], list_version: str = "0") -> bool:
        """Take an object's state, unless that or a newer one is known. Whether anything that decisions see has changed.

        An object that cannot be read is known as such, and said in the log; a node is left as it was last known. A list
        of ``list_version`` is right where it has an older state than one that is known and not newer than the list:
        the API server's data went back.
        """
        objects, name, version = self._kinds[kind], name_of(body), int(body["metadata"]["resourceVersion"])
        self.latest = max(self.latest, version)
        known = objects.version(name)
        if version == known or (version < known and known > int(list_version)):
            return False
        objects.versions[name] = version
        objects.gone.pop(name, None)
        try:
            view = objects.read(body)
        except FAULTS as error:
            found = unreadable(kind, body, error)
            changed = self._unreadable.get((kind, name)) != found
            if changed:
                logger.error("%s %s cannot be read: %s", kind, name, found.why)
            if kind != NODE:
                objects.views.pop(name, None)
            self._unreadable[kind, name] = found
            return changed
        before = objects.views.get(name)
        changed = self._unreadable.pop((kind, name), None) is not None or before != view
        if isinstance(view, BudgetView) and view.left_out != getattr(before, "left_out", ()):
            fields = ", ".join(view.left_out) or "nothing any more"
            logger.warning("what node %s reports is impossible, and left out: %s", name, fields)
        if view is None:
            objects.views.pop(name, None)
        else:
            objects.views[name] = view
        return changed

    def learn(self, sent: Mapping[str, Any], body: Mapping[str, Any]) -> None:
        """Take note of what the API server made of a budget's spec, where that is not what it was sent."""
        key, written = self._specs.known(sent), self._kinds[POWER_BUDGET].views.get(body["metadata"]["name"])
        if written is None or written.spec == key:
            self._kept_as.pop(key, None)
        else:
            self._kept_as[key] = written.spec

    def drop(self, kind: str, name: str, version: str | None = None) -> bool:
        """Forget an object that was deleted. Whether it was known.

        With the ``version`` of the deletion, an event from before it that comes late does not bring the object back,
        and a deletion that comes late does not take away an object that was made again since.
        """
        objects = self._kinds[kind]
        if version is not None:
            self.latest = max(self.latest, int(version))
            if int(version) < objects.version(name):
                return False
        objects.gone[name] = objects.version(name) if version is None else int(version)
        objects.versions.pop(name, None)
        was_there = self._unreadable.pop((kind, name), None) is not None
        return objects.views.pop(name, None) is not None or was_there

    def drop_unlisted(self, kind: str, listed: Set[str], list_version: str) -> bool:
        """Forget the objects that a full list does not name and that are not newer than it. Whether there were any."""
        objects, newest = self._kinds[kind], int(list_version)
        self.latest = max(self.latest, newest)
        old = [name for name, version in objects.versions.items() if name not in listed and version <= newest]
        changed = [self.drop(kind, name, list_version) for name in old]
        self._told(kind, newest)
        return any(changed)

    def _told(self, kind: str, version: int) -> None:
        """Every change up to this version has been heard of. What is late is not later than the one before it."""
        objects = self._kinds[kind]
        for name in [name for name, gone in objects.gone.items() if gone <= objects.told]:
            del objects.gone[name]
        objects.told = version
        if kind == POWER_BUDGET and self._kept_as:
            used = {budget.spec for budget in objects.views.values()}
            self._kept_as = {sent: kept for sent, kept in self._kept_as.items() if kept in used}


def name_of(body: Mapping[str, Any]) -> str:
    """What an object is known by within its kind."""
    metadata = body["metadata"]
    name: str = metadata["name"]
    return f"{metadata['namespace']}/{name}" if "namespace" in metadata else name

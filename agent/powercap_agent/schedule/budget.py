"""A PowerBudget's spec as the agent reads it: plain data, read without pydantic.

The wire format is defined by ``powercap_api.powerbudget``; a test holds the two readings together. What the API
server's schema refuses is refused here too: the cached copy and a changed CRD are no better than any other input.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Self

from powercap_api.reasons import DeviceDriver, Fallback, Split, ZoneName
from powercap_api.schedule import (
    FULL_SHARE,
    MAX_SEGMENTS,
    MAX_WINDOWS,
    Segment,
    Slot,
    Window,
    read_segments,
    unpack_shares,
)

from ..planning.limits import BESIDE, Rule
from .fields import (
    InvalidBudgetError,
    flag,
    mapping,
    one_of,
    optional_whole,
    required_text,
    text,
    time,
    whole,
)

MAX_CAP_UW: Final = 100_000_000_000
_LONGEST_STEP_SECONDS: Final = 691_200
_LATEST_START: Final = datetime(9000, 1, 1, tzinfo=UTC)
"""No step of a segment that starts before it ends after the last year that there is."""


@dataclass(frozen=True, slots=True)
class PressureRule:
    """When to lift, and for how long."""

    some_percent: int = 98
    for_seconds: int = 900
    lift_seconds: int = 300


@dataclass(frozen=True, slots=True)
class Budget:
    """The node's caps over the day. Fields are those of PowerBudgetSpec; powers in microwatts, times in UTC.

    A power that is a percentage is ``MAX_CAP_UW``, which caps nothing, until ``on_node`` has made microwatts of it.
    """

    uid: str
    generation: int
    policy: str
    max_source_uw: int
    min_power_uw: int
    """Never above ``max_source_uw`` after ``on_node``."""
    valid_until: datetime
    max_source_percent: int | None = None
    min_power_percent: int | None = None
    node_uw: int | None = None
    """What the node's original limits add up to, after ``on_node`` of a budget with a percentage."""
    no_reference: bool = False
    """Whether a power is a percentage of what is not known on this node: no cap can be worked out."""
    slots: tuple[Slot, ...] = ()
    """The schedule: equal neighbours are one slot."""
    overrides: tuple[Window, ...] = ()
    """What PowerOverrides ask for, in order of time."""
    floor_uw: int | None = None
    """What pods raise the node's floor to: ``min_power_uw`` is never below it, and may be above ``max_source_uw``."""
    exempt: bool = False
    """Whether a pod asks for the original limits."""
    floor_basis: str = ""
    """The pod that asks."""
    on_expiry: Fallback = Fallback.MIN_POWER
    stabilisation_seconds: int = 300
    split: Split = Split.PROPORTIONAL
    zones: tuple[Rule, ...] = ()
    devices: tuple[Rule, ...] = ()
    ramp_uw_per_second: int | None = None
    dwell_seconds: int = 0
    pressure: PressureRule | None = None
    lift_until: datetime | None = None
    suspend: bool = False
    dry_run: bool = False

    @property
    def in_percent(self) -> bool:
        """Whether a power is a percentage of what the node's original limits add up to."""
        return self.max_source_percent is not None or self.min_power_percent is not None

    def on_node(self, node_uw: int | None) -> Self:
        """The budget on a node whose original limits add up to ``node_uw`` (None: that is not known): with all powers
        in microwatts."""
        if node_uw is None:
            return replace(self, no_reference=True)
        most, least = self.max_source_percent, self.min_power_percent
        max_uw = self.max_source_uw if most is None else node_uw * most // 100
        min_uw = self.min_power_uw if least is None else node_uw * least // 100
        min_uw = max(min(min_uw, max_uw), self.floor_uw or 0)
        return replace(self, max_source_uw=max_uw, min_power_uw=min_uw, node_uw=node_uw)


def read_budget(body: object) -> Budget:
    """The budget in a PowerBudget object as the API gives it.

    Raises:
        InvalidBudgetError: with the first field that is wrong, and how.
    """
    root = mapping(body, "the object")
    metadata = mapping(root.get("metadata"), "metadata")
    spec = mapping(root.get("spec"), "spec")
    zones = _rules(spec, "zones", "zone", ZoneName)
    devices = _rules(spec, "devices", "driver", DeviceDriver)
    taken = [rule.share_percent or 0 for rule in (*zones, *devices) if rule.name in BESIDE or rule in devices]
    if sum(taken) >= 100:
        raise InvalidBudgetError(
            f"zones and devices take {sum(taken)} % of the cap: nothing is left for packages"
        )
    max_source_uw, max_source_percent = _power(spec, "maxSource")
    min_power_uw, min_power_percent = _power(spec, "minPower")
    floor_uw, exempt, floor_basis = _floor(spec.get("floor"))
    return Budget(
        uid=text(metadata, "uid") or "",
        generation=whole(metadata, "generation", 0, 2**63, default=0),
        policy=required_text(spec, "policy"),
        max_source_uw=max_source_uw,
        min_power_uw=max(min_power_uw, floor_uw or 0),
        max_source_percent=max_source_percent,
        min_power_percent=min_power_percent,
        valid_until=time(spec.get("validUntil"), "spec.validUntil"),
        slots=tuple(read_segments(_segments(spec))),
        floor_uw=floor_uw,
        exempt=exempt,
        floor_basis=floor_basis,
        overrides=_windows(spec),
        on_expiry=one_of(Fallback, spec, "onExpiry", Fallback.MIN_POWER),
        stabilisation_seconds=whole(spec, "stabilisationSeconds", 1, 86_400, default=300),
        split=one_of(Split, spec, "split", Split.PROPORTIONAL),
        zones=zones,
        devices=devices,
        ramp_uw_per_second=optional_whole(spec, "rampMicrowattsPerSecond", 1, MAX_CAP_UW),
        dwell_seconds=whole(spec, "dwellSeconds", 0, 86_400, default=0),
        pressure=_pressure(spec.get("pressure")),
        lift_until=None if spec.get("liftUntil") is None else time(spec["liftUntil"], "spec.liftUntil"),
        suspend=flag(spec, "suspend"),
        dry_run=flag(spec, "dryRun"),
    )


def _power(spec: Mapping[str, object], name: str) -> tuple[int, int | None]:
    """A power in microwatts and in percent: of the two fields for it exactly one is there."""
    percent = optional_whole(spec, f"{name}Percent", 1, 100)
    if percent is None:
        return whole(spec, f"{name}Microwatts", 1, MAX_CAP_UW), None
    if spec.get(f"{name}Microwatts") is not None:
        raise InvalidBudgetError(f"{name}Microwatts and {name}Percent are both there")
    return MAX_CAP_UW, percent


def _items(
    spec: Mapping[str, object], name: str, most: int, what: str
) -> Iterator[tuple[str, Mapping[str, object]]]:
    """The objects in a list, each with where it is."""
    value = spec.get(name, [])
    if not isinstance(value, list) or len(value) > most:
        raise InvalidBudgetError(f"spec.{name} is no list of at most {most} {what}")
    for index, item in enumerate(value):
        where = f"spec.{name}[{index}]"
        yield where, mapping(item, where)


def _segments(spec: Mapping[str, object]) -> list[Segment]:
    segments: list[Segment] = []
    for where, fields in _items(spec, "schedule", MAX_SEGMENTS, "segments"):
        segment = Segment(
            start=time(fields.get("start"), f"{where}.start"),
            step_seconds=whole(fields, "stepSeconds", 1, _LONGEST_STEP_SECONDS),
            shares=_shares(fields.get("shares"), f"{where}.shares"),
            basis=text(fields, "basis"),
        )
        if segments and segments[-1].start >= segment.start:
            raise InvalidBudgetError(f"{where} does not start after the segment before it")
        if segment.start > _LATEST_START:
            raise InvalidBudgetError(f"{where}.start is {fields.get('start')!r}, too far ahead")
        segments.append(segment)
    return segments


def _floor(value: object) -> tuple[int | None, bool, str]:
    """What pods raise the floor to, whether one asks for the original limits, and which."""
    if value is None:
        return None, False, ""
    fields = mapping(value, "spec.floor")
    floor_uw = optional_whole(fields, "microwatts", 1, MAX_CAP_UW)
    return floor_uw, floor_uw is None, required_text(fields, "basis")


def _windows(spec: Mapping[str, object]) -> tuple[Window, ...]:
    windows: list[Window] = []
    for where, fields in _items(spec, "overrides", MAX_WINDOWS, "windows"):
        window = Window(
            start=time(fields.get("start"), f"{where}.start"),
            end=time(fields.get("end"), f"{where}.end"),
            share=optional_whole(fields, "share", 0, FULL_SHARE),
            cap_uw=optional_whole(fields, "capMicrowatts", 1, MAX_CAP_UW),
            basis=text(fields, "basis"),
        )
        if window.end <= window.start or (windows and windows[-1].end > window.start):
            raise InvalidBudgetError(f"{where} does not end after its start, or starts in the one before it")
        windows.append(window)
    return tuple(windows)


def _shares(value: object, where: str) -> tuple[int, ...]:
    if not isinstance(value, str):
        raise InvalidBudgetError(f"{where} is no text")
    try:
        return unpack_shares(value)
    except ValueError as error:
        raise InvalidBudgetError(f"{where} {error}") from error


def _rules(
    spec: Mapping[str, object], name: str, key: str, words: type[ZoneName] | type[DeviceDriver]
) -> tuple[Rule, ...]:
    rules: list[Rule] = []
    for where, fields in _items(spec, name, len(words), "rules"):
        if fields.get(key) not in list(words) or any(fields[key] == rule.name for rule in rules):
            raise InvalidBudgetError(
                f"{where}.{key} is {fields.get(key)!r}, none of {', '.join(words)}, once each"
            )
        rule = Rule(
            str(fields[key]),
            optional_whole(fields, "sharePercent", 1, 100),
            optional_whole(fields, "capMicrowatts", 1, MAX_CAP_UW),
        )
        if (rule.share_percent is None) == (rule.cap_uw is None):
            raise InvalidBudgetError(f"{where} has not exactly one of sharePercent and capMicrowatts")
        rules.append(rule)
    return tuple(rules)


def _pressure(value: object) -> PressureRule | None:
    if value is None:
        return None
    fields = mapping(value, "spec.pressure")
    usual = PressureRule()
    return PressureRule(
        some_percent=whole(fields, "somePercent", 1, 100, default=usual.some_percent),
        for_seconds=whole(fields, "forSeconds", 10, 86_400, default=usual.for_seconds),
        lift_seconds=whole(fields, "liftSeconds", 10, 86_400, default=usual.lift_seconds),
    )

"""The matrix: how processors are found, by the parameters of their registers, and what the agent says of each."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.kernel import registers


@dataclass(frozen=True)
class Configuration:
    """One kind of node."""

    name: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    firmware: Mapping[str, int] = field(default_factory=dict)
    """Registers that firmware set otherwise after power-up."""
    lock_late: tuple[int, ...] = ()
    """Packages whose limits firmware locks after the driver was loaded."""
    capped: frozenset[int] = frozenset({0, 1})
    """Packages whose limits follow the cap; the others keep what they had, or do not enforce it."""
    ready: bool = True
    reason: str = "Applied"
    """Reason of the condition Ready."""
    limit_reason: str | None = None
    """Reason of the limits of packages that do not follow the cap; None: they have no limits."""
    most_w: int = 105
    """Reference of floors: what a package may draw."""


WATTS_105 = {"watts": 105}
_NO_LIMIT = 0x7FFF
_FIRST = 105 * 8 | registers.PL1_ENABLE | 0x6E << 17 | (126 * 8 | 1 << 15 | 0x42 << 17) << 32
"""What the module sets at power-up for 105 W: PL1 with 28 s, PL2 of 126 W."""

LOCKED = "FirmwareLocked"
SOCKETS = (
    Configuration("two-packages"),
    Configuration("no-pl4", {"pl4": 0}),
    Configuration("no-dram", {"dram": 0}),
    Configuration("psys", {"psys": 1}),
    Configuration("disabled", {"disabled": 1}),
    Configuration(
        "clamped-already", firmware={"package-0/limit": _FIRST | registers.PL1_CLAMP | registers.PL2_CLAMP}
    ),
    Configuration("no-info", {"max_known": 0}),
    Configuration(
        "no-limit",
        firmware={f"package-{n}/limit": registers.with_pl1(_FIRST, _NO_LIMIT) for n in (0, 1)},
    ),
    Configuration(
        "no-limit-at-all",
        firmware={
            f"package-{n}/limit": registers.with_pl1(_FIRST, _NO_LIMIT) & ~(_NO_LIMIT << 32) | _NO_LIMIT << 32
            for n in (0, 1)
        },
    ),
    Configuration(
        "low-original",
        firmware={f"package-{n}/limit": registers.with_pl1(_FIRST, 40 * 8) for n in (0, 1)},
        reason="LowOriginal",
        most_w=40,
    ),
    Configuration(
        "energy-only", {"capping": 0, "dram": 0}, capped=frozenset(), ready=False, reason="Unsupported"
    ),
    Configuration(
        "one-locked",
        lock_late=(1,),
        capped=frozenset({0}),
        ready=False,
        reason="PartlyApplied",
        limit_reason=LOCKED,
    ),
    Configuration(
        "one-locked-with-faults",
        {"fault": 1},
        lock_late=(1,),
        capped=frozenset({0}),
        ready=False,
        reason="PartlyApplied",
        limit_reason=LOCKED,
    ),
    Configuration(
        "all-locked",
        lock_late=(0, 1),
        capped=frozenset(),
        ready=False,
        reason="WriteFailed",
        limit_reason=LOCKED,
    ),
    Configuration(
        "locked-at-registration",
        {"locked": 3},
        capped=frozenset(),
        ready=False,
        reason="WriteFailed",
        limit_reason=LOCKED,
    ),
    Configuration(
        "locked-at-registration-with-faults",
        {"locked": 3, "fault": 1},
        capped=frozenset(),
        ready=False,
        reason="WriteFailed",
        limit_reason=LOCKED,
    ),
    Configuration(
        "locked-at-registration-without-pl4",
        {"locked": 3, "pl4": 0},
        capped=frozenset(),
        ready=False,
        reason="WriteFailed",
        limit_reason=LOCKED,
    ),
    Configuration(
        "enable-stuck",
        {"disabled": 1, "stuck": 1},
        capped=frozenset(),
        ready=False,
        reason="WriteFailed",
        limit_reason=LOCKED,
    ),
)
"""For machines of two packages."""

DIES = (Configuration("dies", capped=frozenset({0, 1, 2, 3})),)
"""For a machine of two packages with two dies each."""


def prepare(configuration: Configuration) -> None:
    """Load the driver over such registers."""
    registers.load(WATTS_105 | dict(configuration.parameters))
    for name, value in configuration.firmware.items():
        registers.put(name, value)
    for package in configuration.lock_late:
        name = f"package-{package}/limit"
        registers.put(name, registers.read(name) | registers.LOCK)

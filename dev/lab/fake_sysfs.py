"""A powercap folder as the kernel shows it, in plain files, and a kernel that answers as real ones do.

``build_tree`` makes the folder: enough for the agent as a process, and for the demo. ``FakeKernel`` stands in for
the file access itself (``KernelFiles``) and does with a limit what the RAPL driver does, by the same table of answers
as the real one (tests/support/driver_answers.py): truncates it to the power unit, wraps it, refuses what is no number.
Faults are added to it: errno, drift, stale or short reads.
"""

import errno
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from powercap_agent.hardware.files import DriverError, Handle, KernelFiles

POWER_UNIT_UW = 125_000
"""1/8 W, the power unit of nearly all processors."""
PACKAGE = "intel-rapl/intel-rapl:0/long_term"
BURST = "intel-rapl/intel-rapl:0/short_term"
"""The limits of the first package, as ``read_limits`` names them."""
_READS = 100
_WRAP_UW = 0x8000 * POWER_UNIT_UW
_WRAPS_AT_UW = {"peak_power": 0x2000 * POWER_UNIT_UW}
"""Where a limit no longer fits into its register: 15 bits, or 13."""
_NUMBER = re.compile(r"\d+\n?")


@dataclass(frozen=True)
class Limit:
    """One constraint, in microwatts and microseconds; None for a ``max_power_uw`` that is not there."""

    name: str
    power_uw: int
    max_power_uw: int | None = None
    time_window_us: int = 999_424
    min_power_uw: int | None = None


@dataclass(frozen=True)
class FakeZone:
    """One zone's folder and what is in it."""

    path: str
    name: str
    limits: Sequence[Limit] = ()
    enabled: bool = True
    energy_uj: int = 1_000_000
    max_energy_range_uj: int = 262_143_328_850


@dataclass(frozen=True)
class Layout:
    """A node's zones."""

    zones: Sequence[FakeZone] = ()
    control_types: Sequence[str] = field(default=("intel-rapl",))


def _package(path: str, number: int, watts: int, *, burst: float = 1.25, peak: bool = True) -> FakeZone:
    limits = [
        Limit("long_term", watts * 1_000_000, watts * 1_000_000, 27_983_872),
        Limit("short_term", int(watts * burst * 1_000_000), 0, 2_440),
    ]
    if peak:
        limits.append(Limit("peak_power", watts * 2_000_000, 0))
    return FakeZone(path, f"package-{number}", limits)


ONE_SOCKET = Layout(
    [
        _package("intel-rapl/intel-rapl:0", 0, 65),
        FakeZone("intel-rapl/intel-rapl:0/intel-rapl:0:0", "core", [Limit("long_term", 0)], enabled=False),
        FakeZone("intel-rapl/intel-rapl:0/intel-rapl:0:1", "uncore", [Limit("long_term", 0)], enabled=False),
    ]
)
"""A desktop: one package of 65 W with core and uncore."""

TWO_SOCKETS = Layout(
    [
        _package("intel-rapl/intel-rapl:0", 0, 105, burst=1.2),
        FakeZone(
            "intel-rapl/intel-rapl:0/intel-rapl:0:0", "dram", [Limit("long_term", 40_000_000, 45_000_000)]
        ),
        _package("intel-rapl/intel-rapl:1", 1, 85, burst=1.2),
        FakeZone("intel-rapl/intel-rapl:1/intel-rapl:1:0", "dram", [Limit("long_term", 40_000_000)]),
        FakeZone(
            "intel-rapl/intel-rapl:2",
            "psys",
            [Limit("long_term", 300_000_000, 0), Limit("short_term", 350_000_000, 0)],
        ),
        _package("intel-rapl-mmio/intel-rapl-mmio:0", 0, 105, burst=1.2, peak=False),
    ],
    ("intel-rapl", "intel-rapl-mmio"),
)
"""A server: packages of 105 W and 85 W with dram, psys over all, and a second interface to package-0."""

PSYS_BETWEEN = Layout(
    [
        _package("intel-rapl/intel-rapl:0", 0, 105, burst=1.2),
        FakeZone("intel-rapl/intel-rapl:1", "psys", [Limit("long_term", 300_000_000, 0)]),
        _package("intel-rapl/intel-rapl:2", 1, 105, burst=1.2),
        FakeZone("intel-rapl/intel-rapl:3", "psys-1", [Limit("long_term", 300_000_000, 0)]),
    ]
)
"""Two packages as the driver numbers them where the machine has psys: each package brings one."""

SWAPPED_SOCKETS = Layout(
    [_package("intel-rapl/intel-rapl:0", 1, 85), _package("intel-rapl/intel-rapl:1", 0, 105)]
)
"""Two packages that the kernel found in the other order: index 0 is package-1."""

DIES = Layout(
    [
        replace(
            _package(f"intel-rapl/intel-rapl:{index}", 0, 100), name=f"package-{index // 2}-die-{index % 2}"
        )
        for index in range(4)
    ]
)
"""Two packages of two dies each, every die with limits of its own."""

LOWERED = Layout(
    [
        FakeZone(
            "intel-rapl/intel-rapl:0",
            "package-0",
            [Limit("long_term", 40_000_000, 105_000_000), Limit("short_term", 48_000_000, 0)],
        )
    ]
)
"""A package whose limit something had lowered before the agent first came."""

ENERGY_ONLY = Layout([FakeZone("intel-rapl/intel-rapl:0", "package-0")])
"""An AMD machine: energy, no limits."""

NO_POWERCAP = Layout((), ())
"""A virtual machine: the folder is there and empty."""


def many_packages(count: int, watts: int = 100) -> Layout:
    """A node with ``count`` packages."""
    return Layout([_package(f"intel-rapl/intel-rapl:{index}", index, watts) for index in range(count)])


def build_tree(root: Path, layout: Layout) -> None:
    """Make the folder ``root`` with the layout's files in it, each limit with an index of its own as kernels do."""
    root.mkdir(parents=True, exist_ok=True)
    for control_type in layout.control_types:
        _write(root / control_type, "enabled", 1)
    for zone in layout.zones:
        folder = root / zone.path
        _write(folder, "name", zone.name)
        _write(folder, "enabled", int(zone.enabled))
        _write(folder, "uevent", "")
        _write(folder / "power", "control", "auto")
        for link, target in (("subsystem", root), ("device", folder.parent)):
            if not (folder / link).is_symlink():
                (folder / link).symlink_to(target)
        _write(folder, "energy_uj", zone.energy_uj)
        _write(folder, "max_energy_range_uj", zone.max_energy_range_uj)
        for index, limit in enumerate(zone.limits):
            _write(folder, f"constraint_{index}_name", limit.name)
            _write(folder, f"constraint_{index}_power_limit_uw", limit.power_uw)
            _write(folder, f"constraint_{index}_time_window_us", limit.time_window_us)
            if limit.min_power_uw is not None:
                _write(folder, f"constraint_{index}_min_power_uw", limit.min_power_uw)
            if limit.max_power_uw is not None:
                _write(folder, f"constraint_{index}_max_power_uw", limit.max_power_uw)


def read_limits(root: Path) -> dict[str, int]:
    """Every limit below ``root`` in microwatts, as ``intel-rapl/intel-rapl:0/long_term``.

    A file that is just being rewritten (empty for a moment, which sysfs files never are) is read again; one that
    stays empty, because its writer was killed at that very moment, is -1.
    """
    limits = {}
    for file in sorted(root.rglob("constraint_*_power_limit_uw")):
        index = file.name.split("_")[1]
        name = (file.parent / f"constraint_{index}_name").read_text(encoding="ascii").strip()
        texts = (file.read_text(encoding="ascii") for _ in range(_READS))
        limits[f"{file.parent.relative_to(root)}/{name}"] = int(next(filter(None, texts), "-1"))
    return limits


def set_limit(root: Path, name: str, power_uw: int) -> None:
    """Change a limit behind the agent's back; ``name`` as ``read_limits`` gives it."""
    file = limit_file(root, name)
    draft = file.with_suffix(".tmp")
    draft.write_text(f"{power_uw}\n", encoding="ascii")
    draft.replace(file)


def limit_file(root: Path, name: str) -> Path:
    """The file of a limit; ``name`` as ``read_limits`` gives it."""
    zone, constraint = name.rsplit("/", 1)
    for file in (root / zone).glob("constraint_*_name"):
        if file.read_text(encoding="ascii").strip() == constraint:
            return file.with_name(file.name.replace("_name", "_power_limit_uw"))
    raise LookupError(name)


def _write(folder: Path, name: str, value: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"{value}\n", encoding="ascii")


@dataclass
class FakeKernel(KernelFiles):
    """File access as kernels and containers do it, on a tree made by ``build_tree``.

    Faults are functions that are asked before each access and raise, or change what comes back.
    """

    unit_uw: int = POWER_UNIT_UW
    """Limits are truncated to a multiple of this, and wrap where the register's field ends."""
    refuse_write: Callable[[str], int | None] = lambda _: None
    """Gives the errno with which ``write()`` to the path fails, or None."""
    refuse_open: Callable[[str], int | None] = lambda _: None
    """The same for opening it to write."""
    refuse_read: Callable[[str], int | None] = lambda _: None
    """The same for reading."""
    distort_read: Callable[[str, str], str] = lambda _, text: text
    """Gives what a read of the path returns in place of the text."""
    ignore_write: Callable[[str], bool] = lambda _: False
    """True where writing the path succeeds without any effect, as older kernels do on locked registers."""
    before_write: Callable[[str, str], None] = lambda *_: None
    """Sees every write before it happens."""
    on_enable: Mapping[str, str] = field(default_factory=dict)
    """What else writing 1 to a zone's ``enabled`` changes: file below the zone -> text."""
    written: list[tuple[str, str]] = field(default_factory=list)
    """Every write that reached a file, in order."""

    def read(self, path: str, folder: Handle | None = None) -> str:
        """The file's text."""
        where = _where(path, folder)
        _fail(self.refuse_read(where), where)
        return self.distort_read(where, super().read(path, folder))

    def write(self, path: str, text: str, folder: Handle | None = None) -> None:
        """Write as the kernel would."""
        where = _where(path, folder)
        self.before_write(where, text)
        _fail(self.refuse_open(where), where)
        number = self.refuse_write(where)
        if number is not None:
            raise DriverError(number, errno.errorcode[number], where)
        if self.ignore_write(where):
            return
        if path.endswith("_power_limit_uw"):
            text = f"{self._in_register(path, text, folder)}\n"
        self.written.append((where, text))
        super().write(path, text, folder)
        if path.endswith("enabled"):
            for name, value in self.on_enable.items():
                super().write(name, value, folder)

    def _in_register(self, path: str, text: str, folder: Handle | None) -> int:
        """What the driver makes of a limit; a text that is no number of 64 bits it refuses."""
        if not (_NUMBER.fullmatch(text) and int(text) < 2**64):
            raise DriverError(errno.EINVAL, "EINVAL", path)
        name = super().read(path.replace("_power_limit_uw", "_name"), folder).strip()
        return int(text) % _WRAPS_AT_UW.get(name, _WRAP_UW) // self.unit_uw * self.unit_uw


def _where(path: str, folder: Handle | None) -> str:
    return path if folder is None else f"{folder.path}/{path}"


def _fail(number: int | None, path: str) -> None:
    if number is not None:
        raise OSError(number, errno.errorcode[number], path)

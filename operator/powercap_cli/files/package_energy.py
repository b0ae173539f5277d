"""Energy counters and limits of this machine's packages, read from the kernel's powercap folder. Nothing is written."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from powercap_operator.market.errors import MarketError

_FOLDER: Final = re.compile(r"intel-rapl:[0-9]+")
_ABSURD_UJ: Final = 10**12
"""More between two readings is a counter that was set back."""


class PackageError(MarketError):
    """The packages' files cannot be used; the message says why."""

    title = "no measurement"


@dataclass(frozen=True, slots=True)
class Package:
    """One package's folder."""

    folder: Path

    def energy_uj(self) -> int:
        return _number(self.folder / "energy_uj")

    def range_uj(self) -> int:
        """Where the counter wraps around."""
        return _number(self.folder / "max_energy_range_uj")

    def limit_uw(self) -> int:
        """The long-term limit in force."""
        for name in sorted(self.folder.glob("constraint_*_name")):
            if name.read_text(encoding="ascii").strip() == "long_term":
                return _number(name.with_name(name.name.replace("_name", "_power_limit_uw")))
        raise PackageError(f"{self.folder} has no long_term limit: say the cap with --cap")


def find_packages(root: Path) -> list[Package]:
    """The packages below the powercap folder.

    Raises:
        PackageError: there is none.
    """
    folders = [*root.glob("intel-rapl:*"), *root.glob("intel-rapl/intel-rapl:*")]
    found = [
        Package(folder)
        for folder in sorted(folders)
        if _FOLDER.fullmatch(folder.name)
        and (folder / "name").read_text(encoding="ascii").startswith("package-")
        and (folder / "energy_uj").exists()
    ]
    if not found:
        raise PackageError(f"{root} has no package with an energy counter")
    return found


class EnergyMeter:
    """Counts the energy of packages up, over wraps; read it more often than they wrap (minutes)."""

    def __init__(self, packages: Sequence[Package]) -> None:
        self._packages = packages
        self._before = [package.energy_uj() for package in packages]
        self._ranges = [package.range_uj() for package in packages]
        self.total_uj = 0

    def read(self) -> None:
        """Add what was drawn since the last time.

        Raises:
            PackageError: a counter was set back.
        """
        after = [package.energy_uj() for package in self._packages]
        for before_uj, after_uj, range_uj in zip(self._before, after, self._ranges, strict=True):
            delta_uj = after_uj - before_uj if after_uj >= before_uj else after_uj - before_uj + range_uj
            if not 0 <= delta_uj < _ABSURD_UJ:
                raise PackageError("an energy counter was set back while the command ran: run it again")
            self.total_uj += delta_uj
        self._before = after


def _number(path: Path) -> int:
    try:
        return int(path.read_text(encoding="ascii"))
    except PermissionError as error:
        raise PackageError(f"{path} cannot be read: run this as root") from error
    except (OSError, ValueError) as error:
        raise PackageError(f"{path} cannot be read: {error}") from error

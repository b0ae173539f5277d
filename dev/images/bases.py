"""What images stand on where no image registry is reachable: a Debian made from its packages.

Its Python is Debian's own, or one in /usr/local as on the public python images: that is made from Python's release on
the same Debian, by the steps in `python.sh`. Debian's source package has that release unchanged.
"""

import hashlib
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dev.cluster.locks import exclusive
from dev.images.roots import inside, run
from dev.lab.debian import program

_PYTHON_SCRIPT: Final = Path(__file__).parent / "python.sh"
_PACKAGES: Final = "python3,python3-pip,ca-certificates"
_LIBRARIES: Final = (
    "ca-certificates,netbase,tzdata,libbz2-1.0,libdb5.3t64,libffi8,libgdbm6t64,liblzma5,libncursesw6,libreadline8t64,"
    "libsqlite3-0,libssl3t64,libuuid1,zlib1g"
)
"""Those of Debian 13 that Python's modules are linked with."""
_PRUNED: Final = (
    "var/cache/apt",
    "var/lib/apt/lists",
    "usr/share/doc",
    "usr/share/locale",
    "usr/share/man",
    "var/log",
)
_MACHINES: Final = {"x86_64": "amd64", "aarch64": "arm64"}
"""Machine, as the kernel names it, to the architecture, as Debian and image registries name it."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Base:
    """One to choose from."""

    name: str
    suite: str
    """Debian's release."""
    python: str
    """Python's minor version."""
    built: bool = False
    """Whether it is built from its source, into /usr/local."""
    architecture: str = ""
    """Empty: this machine's."""

    @property
    def machine(self) -> str:
        """As the kernel names it."""
        machines = {architecture: machine for machine, architecture in _MACHINES.items()}
        return machines[self.architecture] if self.architecture else platform.machine()

    @property
    def foreign(self) -> bool:
        """Whether this machine's processor cannot run its programs."""
        return self.machine != platform.machine()

    @property
    def file_name(self) -> str:
        """Of its archive in the cache, with a hash over what goes into it."""
        if self.built:
            inputs = [_LIBRARIES, *_PRUNED, _PYTHON_SCRIPT.read_text(encoding="utf-8")]
        else:
            inputs = [_PACKAGES, *_PRUNED]
        names = [self.suite, self.architecture, f"python{self.python}" if self.built else ""]
        return f"base-{'-'.join(filter(None, names))}-{digest(*inputs)}.tar"


DEBIAN: Final = Base("debian", "bookworm", "3.11")
"""What CI builds on."""
BASES: Final = {
    base.name: base
    for base in (
        DEBIAN,
        Base("python-3.13", "trixie", "3.13", built=True),
        Base("python-3.14", "testing", "3.14"),
        Base("arm64", "trixie", "3.13", architecture="arm64"),
    )
}


def digest(*texts: str) -> str:
    """Twelve characters that stand for the texts."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]


def archive(base: Base, folder: Path, say: Say) -> Path:
    """The base as a tar archive in the folder, made now where it is missing. One process at a time.

    Raises:
        PreparationError: it cannot be made.
    """
    made = folder / base.file_name
    if not made.exists():
        _make(base, made, say)
    return made


@contextmanager
def unpacked(base: Base, folder: Path, say: Say) -> Iterator[Path]:
    """The base as a root folder for ``inside``, while this lasts. ``folder`` is where the archives are.

    Raises:
        PreparationError: it cannot be made.
    """
    with exclusive(folder / "lock"):
        made = archive(base, folder, say)
    with tempfile.TemporaryDirectory(prefix="powercap-root-", dir="/var/tmp") as root:
        run([program("tar"), "-C", root, "-xf", str(made)], os.environ)
        yield Path(root)


def _make(base: Base, made: Path, say: Say) -> None:
    how = f"and Python {base.python} from its source, some minutes" if base.built else "about a minute"
    say(f"making the images' base from Debian's packages once, {how}; cached as {made}")
    with tempfile.TemporaryDirectory(prefix="powercap-base-", dir="/var/tmp") as folder:
        root = Path(folder) / "root"
        command = [
            # It mounts /proc in there: what it has mounted ends with it, however it ends.
            *(program("unshare"), "--mount", program("debootstrap")),
            *([f"--arch={base.architecture}"] if base.architecture else []),
            "--variant=minbase",
            f"--include={_LIBRARIES if base.built else _PACKAGES}",
            base.suite,
            str(root),
        ]
        run(command, os.environ)
        if base.built:
            shutil.copy(_PYTHON_SCRIPT, root / "python.sh")
            run(inside(root, ["sh", "/python.sh", base.python]), os.environ)
            (root / "python.sh").unlink()
        for pruned in _PRUNED:
            shutil.rmtree(root / pruned, ignore_errors=True)
            (root / pruned).mkdir(parents=True)
        draft = made.with_suffix(".half-done")
        run([program("tar"), "-C", str(root), "--exclude=./dev/*", "-cf", str(draft), "."], os.environ)
        draft.rename(made)

"""Kernels and the programs to run them, from Debian 12's packages.

The programs are installed. Kernels are only downloaded and unpacked, and take no part in how this machine boots. The
newest of each series is taken that apt offers: 6.1 from this machine's own package lists, 6.12 from bookworm-backports
of the same mirror, with lists in a folder of their own, so that nothing changes for this machine's packages.
"""

import os
import platform
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

from dev.lab import debian
from dev.lab.debian import PreparationError

SERIES: Final = ("6.1", "6.12")
_RELEASE: Final = "bookworm"
_BACKPORTED: Final = frozenset({"6.12"})
_PROGRAMS: Final = {
    "qemu-system-x86_64": "qemu-system-x86",
    "busybox": "busybox-static",
    "cpio": "cpio",
    "modprobe": "kmod",
    "make": "make",
    "gcc-12": "gcc-12",
    "xz": "xz-utils",
}
"""Program to the package that has it."""


class Apt:
    """apt with the package lists of one kernel series. ``folder`` is for lists of its own."""

    def __init__(self, series: str, folder: Path) -> None:
        self._folder = folder
        self._options: list[str] = []
        self._series = series

    def refresh(self) -> None:
        """Get the package lists.

        Raises:
            PreparationError: they cannot be had.
        """
        if self._series in _BACKPORTED:
            uri = _mirror()
            sources = self._folder / "sources"
            for folder in (sources, self._folder / "lists" / "partial", self._folder / "cache"):
                folder.mkdir(parents=True, exist_ok=True)
            (sources / "kernel.sources").write_text(
                f"Types: deb\nURIs: {uri}\nSuites: {_RELEASE}-backports\nComponents: main\n"
                "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n",
                encoding="ascii",
            )
            self._options = [
                "-o=Dir::Etc::SourceList=/dev/null",
                f"-o=Dir::Etc::SourceParts={sources}",
                f"-o=Dir::State::Lists={self._folder / 'lists'}",
                f"-o=Dir::Cache={self._folder / 'cache'}",
            ]
        _run(["apt-get", *self._options, "update", "-q"])

    def newest(self) -> str:
        """The newest version of the series, as it is in the packages' names: ``6.1.0-56``.

        Raises:
            PreparationError: apt has none.
        """
        shown = _run(["apt-cache", *self._options, "depends", "linux-image-amd64"])
        for found in re.finditer(r"Depends: linux-image-(\S+)-amd64$", shown, re.MULTILINE):
            version = str(found[1])
            if version.startswith(f"{self._series}."):
                return version
        raise PreparationError(
            f"apt offers no kernel {self._series}: linux-image-amd64 is {shown.split()} here."
            f" Kernel {self._series} is in Debian 12's {'backports' if self._series in _BACKPORTED else 'own'} packages"
        )

    def unpack(self, version: str, into: Path) -> None:
        """Download image, headers and build programs of the version and unpack them into the folder.

        Raises:
            PreparationError: a package cannot be had.
        """
        kbuild = f"linux-kbuild-{version if self._series in _BACKPORTED else self._series}"
        names = [
            f"linux-image-{version}-amd64",
            f"linux-headers-{version}-amd64",
            f"linux-headers-{version}-common",
        ]
        into.mkdir(parents=True)
        _run(["apt-get", *self._options, "download", "-q", *names, kbuild], cwd=into)
        for package in into.glob("*.deb"):
            _run(["dpkg-deb", "-x", str(package), str(into)])
            package.unlink()


def require_programs(say: Callable[[str], None]) -> None:
    """See to it that every program is there.

    Raises:
        PreparationError: this is no Debian 12 on x86, not root, or something cannot be installed.
    """
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        raise PreparationError(
            "the machines are made from Debian 12's kernels for x86: run this on Linux on x86"
        )
    if os.geteuid() != 0:
        raise PreparationError(
            "packages are installed, and the tests in the machine are root's: run `sudo make kernel`"
        )
    release = platform.freedesktop_os_release()
    if release.get("VERSION_CODENAME") != _RELEASE:
        raise PreparationError(
            f"kernels 6.1 and 6.12 are taken from Debian 12's packages, and this is {release.get('PRETTY_NAME')}:"
            " run it on Debian 12, or in a container of it"
        )
    debian.require_programs(_PROGRAMS, say)


def _mirror() -> str:
    """The mirror from which this machine has its release."""
    listed = _run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages"])
    for line in listed.splitlines():
        uri, _, release = line.partition(" ")
        if release == _RELEASE:
            return uri
    raise PreparationError(
        f"kernel 6.12 is in {_RELEASE}-backports, and apt on this machine knows no mirror of {_RELEASE}:"
        f" its sources are {listed.split() or 'empty'}"
    )


def _run(command: list[str], *, cwd: Path | None = None) -> str:
    environ = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PreparationError(f"`{' '.join(command)}` failed:\n{(done.stdout + done.stderr)[-2000:]}")
    return done.stdout

"""A virtual machine that runs one script and ends: QEMU without KVM, so that it is the same everywhere.

The machine's root is this machine's, read-only, so that the script has its Python and this checkout; the folder ``out``
is shared, and is /mnt/out there; /mnt/tmp is for temporary files.
"""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dev.kernel.images import Image
from dev.lab.debian import PreparationError

_MEMORY_MB: Final = 768
_CPU: Final = "Skylake-Server"
"""One that the driver knows."""
_ACCELERATOR: Final = "tcg,thread=single"
"""All CPUs in one thread: with one each, a CPU may run code that the kernel has changed meanwhile, and panic."""


@dataclass(frozen=True)
class Topology:
    """Packages of a machine; a package is a socket, and each die has one CPU."""

    packages: int = 2
    dies: int = 1

    @property
    def cpus(self) -> int:
        """CPUs in all."""
        return self.packages * self.dies


class Machine:
    """A running machine."""

    def __init__(self, process: subprocess.Popen[bytes], out: Path) -> None:
        self._process = process
        self._out = out

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def console(self) -> str:
        """What was printed on its console."""
        return (self._out / "console").read_text(encoding="utf-8", errors="replace")

    def wait(self, seconds: float) -> int:
        """The script's exit status.

        Raises:
            PreparationError: the machine did not end in time, or ended without one.
        """
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise PreparationError(
                f"the machine did not end within {seconds:.0f} s:\n{self.console()}"
            ) from error
        status = self._out / "status"
        if not status.exists():
            raise PreparationError(f"the machine ended without having run its script:\n{self.console()}")
        return int(status.read_text(encoding="ascii"))


@contextlib.contextmanager
def booted(image: Image, topology: Topology, out: Path, script: str) -> Iterator[Machine]:
    """Boot a machine that runs the shell script ``script``. Ends it when left."""
    qemu = shutil.which("qemu-system-x86_64")
    if qemu is None:
        raise PreparationError("qemu-system-x86_64 is missing: `make kernel` installs it")
    (out / "script").write_text(script, encoding="utf-8")
    (out / "status").unlink(missing_ok=True)
    smp = f"{topology.cpus},sockets={topology.packages},dies={topology.dies},cores=1,threads=1"
    command = [qemu, "-accel", _ACCELERATOR, "-machine", "q35", "-cpu", _CPU, "-smp", smp]
    command += ["-m", str(_MEMORY_MB), "-nographic", "-no-reboot", "-nic", "none"]
    command += ["-kernel", str(image.kernel), "-initrd", str(image.initramfs)]
    command += ["-append", "console=ttyS0 quiet panic=-1 mitigations=off psi=1 run=script"]
    for name, shared in (("root", "path=/,readonly=on"), ("out", f"path={out}")):
        command += ["-fsdev", f"local,id={name},{shared},security_model=none,multidevs=remap"]
        command += ["-device", f"virtio-9p-pci,fsdev={name},mount_tag={name}"]
    with (out / "console").open("wb") as console, (out / "qemu").open("wb") as warnings:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=console, stderr=warnings)
    try:
        yield Machine(process, out)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()

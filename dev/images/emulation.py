"""Programs of another processor architecture on this machine: the kernel hands them to qemu.

qemu's binary comes from Debian's package qemu-user-static, and so does the rule by which the kernel knows the programs.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from dev.images.roots import run
from dev.lab.debian import PreparationError, program

_RULES: Final = Path("/usr/lib/binfmt.d")


@contextmanager
def emulated(machine: str, say: Callable[[str], None]) -> Iterator[None]:
    """Let the kernel run the machine's programs, also within other roots, while this lasts.

    A rule that is there already is left alone. For root.

    Raises:
        PreparationError: the kernel has no binfmt_misc, or refuses the rule.
    """
    name = f"qemu-{machine}"
    with TemporaryDirectory(prefix="powercap-binfmt-") as folder:
        mounted = Path(folder)
        run([program("mount"), "-t", "binfmt_misc", "binfmt_misc", folder], {})
        try:
            if (mounted / name).exists():
                yield
                return
            rule = (_RULES / f"{name}.conf").read_text(encoding="ascii").strip()
            try:
                (mounted / "register").write_text(rule, encoding="ascii")
            except OSError as error:
                raise PreparationError(
                    f"the kernel takes no rule for {machine}'s programs: {error}"
                ) from error
            say(f"{machine}'s programs run by qemu")
            try:
                yield
            finally:
                (mounted / name).write_text("-1", encoding="ascii")
        finally:
            run([program("umount"), folder], {})

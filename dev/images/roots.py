"""Programs within another Linux's root folder."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from dev.lab.debian import PreparationError, program

_ENTER: Final = """\
root=$1; count=$2; shift 2
mount -t proc proc "$root/proc"
while [ "$count" -gt 0 ]; do
  if [ -d "$1" ]; then mkdir -p "$root$1"; else mkdir -p "$root${1%/*}"; rm -f "$root$1"; touch "$root$1"; fi
  mount --rbind "$1" "$root$1"
  shift; count=$((count - 1))
done
exec chroot "$root" "$@"
"""


def inside(root: Path, command: Sequence[str], shared: Sequence[Path] = ()) -> list[str]:
    """The command as it is run within ``root``, where the ``shared`` files and folders of this machine are seen too.

    Everything that it starts ends with it, and so do the mounts. For root.
    """
    enter = [program("unshare"), "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", _ENTER, "sh"]
    return [*enter, str(root), str(len(shared)), *map(str, shared), *command]


def run(command: Sequence[str], environ: Mapping[str, str]) -> str:
    """Run a program; what it writes.

    Raises:
        PreparationError: it failed.
    """
    done = subprocess.run(command, env=dict(environ), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PreparationError(f"`{' '.join(command)}` failed:\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout

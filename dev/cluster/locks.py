"""One process at a time, across processes, and where they keep what they made.

Built on flock: the kernel lets go of it however the holder ends, so that there are no stale lock files.
"""

import fcntl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_POLL_SECONDS = 0.2


@contextmanager
def exclusive(path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Holds the lock file `path`, calling `waiting` a few times a second while another process has it.

    The file is never deleted: removing it would let a second holder in through a new file of the same name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                waiting()
                time.sleep(_POLL_SECONDS)
        yield


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Where powercap keeps what takes minutes to make."""
    base = environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME") or Path.home()) / ".cache"
    return Path(base) / "powercap"

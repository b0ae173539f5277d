"""Says when files were written, by inotify: nothing is read, and nothing runs until a write has come."""

import ctypes
import os
import select
import struct
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_CLOSE_WRITE: Final = 0x8
_EVENT: Final = struct.Struct("iIII")
_BUFFER_BYTES: Final = 1 << 16


class FileWrites:
    """Watches files while it is entered."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._files = list(files)

    def __enter__(self) -> Self:
        libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = libc.inotify_init1(os.O_CLOEXEC)
        if self._descriptor < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        for file in self._files:
            if libc.inotify_add_watch(self._descriptor, os.fsencode(file), _CLOSE_WRITE) < 0:
                raise OSError(ctypes.get_errno(), "inotify_add_watch", str(file))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def until_each(self, seconds: float) -> float | None:
        """Wait until each file was written once more; the wall clock's time when the last one had been.

        None where that did not come within ``seconds``.
        """
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        written: set[int] = set()
        until = time.monotonic() + seconds
        while poll.poll(max(until - time.monotonic(), 0) * 1000):
            data, at = os.read(self._descriptor, _BUFFER_BYTES), time.time()
            while data:
                watch, _, _, name_bytes = _EVENT.unpack_from(data)
                written.add(watch)
                data = data[_EVENT.size + name_bytes :]
            if len(written) == len(self._files):
                return at
        return None

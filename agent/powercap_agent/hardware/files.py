"""Access to small text files of the kernel.

Everything that reads or writes hardware files goes through ``KernelFiles``, which tests replace by a kernel that
rounds, refuses or answers wrongly.
"""

import os
from typing import Final

MAX_BYTES: Final = 4096
"""A sysfs attribute is at most a page; nothing longer is read from anywhere."""


class DriverError(OSError):
    """The kernel's driver refused a value: the file could be opened, and writing to it failed."""


class Handle:
    """A folder that is held open: it never becomes another device's folder, whatever its path leads to later.

    Once sysfs has removed the folder, everything in it answers ENOENT or ENODEV for ever.
    """

    def __init__(self, path: str) -> None:
        """Open ``path``.

        Raises:
            OSError: it is no folder.
        """
        self.path = path
        self.descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.identity = _identity(os.fstat(self.descriptor))
        """What tells the folder from every other one while it is open."""

    def is_there(self) -> bool:
        """Whether the path still leads to this folder."""
        try:
            return _identity(os.stat(self.path)) == self.identity
        except OSError:
            return False

    def __del__(self) -> None:
        if hasattr(self, "descriptor"):
            os.close(self.descriptor)


class KernelFiles:
    """The machine's own files, by paths or by names in a folder that is held open. Every method raises OSError as the
    kernel does, and waits for no other process."""

    def hold(self, path: str) -> Handle:
        """The folder, opened."""
        return Handle(path)

    def read(self, path: str, folder: Handle | None = None) -> str:
        """The file's text, up to ``MAX_BYTES``: reads go on until the kernel says that it is the end."""
        descriptor = _open(path, os.O_RDONLY, folder)
        try:
            data = b""
            while len(data) < MAX_BYTES and (chunk := os.read(descriptor, MAX_BYTES - len(data))):
                data += chunk
        finally:
            os.close(descriptor)
        return data.decode("ascii", errors="replace")

    def write(self, path: str, text: str, folder: Handle | None = None) -> None:
        """Write ``text`` to an existing file with one system call.

        Raises:
            DriverError: the file was opened and the write failed.
            OSError: the file could not be opened.
        """
        descriptor = _open(path, os.O_WRONLY | os.O_TRUNC, folder)
        try:
            os.write(descriptor, text.encode("ascii"))
        except OSError as error:
            raise DriverError(error.errno, error.strerror, path) from error
        finally:
            os.close(descriptor)

    def entries(self, path: str) -> list[str]:
        """Names in a folder, sorted."""
        return sorted(os.listdir(path))

    def real_path(self, path: str) -> str:
        """The path with every symbolic link resolved."""
        return os.path.realpath(path)


def _open(path: str, flags: int, folder: Handle | None) -> int:
    """Opened without waiting, should it be a pipe; sysfs knows no difference."""
    at = None if folder is None else folder.descriptor
    return os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=at)


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino

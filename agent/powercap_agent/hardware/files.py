"""Access to small text files of the kernel.

Everything that reads or writes hardware files goes through ``Files``, which tests replace by a kernel that rounds,
refuses or answers wrongly.
"""

import os
from typing import Final, Protocol

MAX_BYTES: Final = 4096
"""A sysfs attribute is at most a page; nothing longer is read from anywhere."""


class DriverError(OSError):
    """The kernel's driver refused a value: the file could be opened, and writing to it failed."""


class Files(Protocol):
    """Access to the kernel's files. Every method raises OSError as the kernel does."""

    def read(self, path: str) -> str:
        """The file's text."""
        ...

    def write(self, path: str, text: str) -> None:
        """Write ``text`` to an existing file.

        Raises:
            DriverError: the file was opened and the write failed.
            OSError: the file could not be opened.
        """
        ...

    def entries(self, path: str) -> list[str]:
        """Names in a folder, sorted."""
        ...

    def real_path(self, path: str) -> str:
        """The path with every symbolic link resolved."""
        ...


class KernelFiles:
    """The machine's own files."""

    def read(self, path: str) -> str:
        """The file's text, up to ``MAX_BYTES``: reads go on until the kernel says that it is the end."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            data = b""
            while len(data) < MAX_BYTES and (chunk := os.read(descriptor, MAX_BYTES - len(data))):
                data += chunk
        finally:
            os.close(descriptor)
        return data.decode("ascii", errors="replace")

    def write(self, path: str, text: str) -> None:
        """Write ``text`` with one system call. The file is never created."""
        descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
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

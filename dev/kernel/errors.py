"""What can go wrong here, in words for the person at the terminal."""


class KernelTestError(Exception):
    """The machines cannot be prepared or run; the message says what to do."""

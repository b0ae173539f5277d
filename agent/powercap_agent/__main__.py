"""``python -m powercap_agent``, and the command ``powercap-agent``."""

import signal
import sys

# Before anything else is imported or read: a signal that comes from now on waits until the agent takes it, so that what
# an earlier agent left is put back however soon it comes.
signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT))

from .main import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())

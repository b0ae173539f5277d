"""Becomes the command given, such that it is killed when the process that started it ends, however it ends.

Usage: launch.py PARENT_PID PROGRAM [ARGUMENT...]; Linux only.

A program of its own and not Popen's preexec_fn, which is unsafe where there are threads, and not setpriv,
whose busybox version cannot do it. What prctl sets here lives on through exec.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, *command = sys.argv[1:]
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    # It may have ended before the line above, and then nothing would come any more.
    if os.getppid() != int(parent):
        sys.exit("the process that started this one has ended")
    os.execv(command[0], command)  # noqa: S606 (becomes that program)


if __name__ == "__main__":
    main()

"""A loop that does not turn any more ends the process, so that the kubelet starts another agent."""

import subprocess
import sys

import pytest

PROGRAM = """
import time
from powercap_agent.watchdog import Watchdog
dog = Watchdog(1.0)
ends = time.monotonic() + {turning}
dog.beat()
while time.monotonic() < ends:
    dog.beat()
    time.sleep(0.02)
time.sleep({stalled})
"""


@pytest.mark.parametrize(
    ("turning", "stalled", "code"),
    [(0.0, 20.0, 1), (2.5, 0.0, 0), (1.5, 20.0, 1)],
    ids=["never turned", "kept turning", "turned, then stalled"],
)
def test_only_a_stalled_loop_ends_the_process(turning: float, stalled: float, code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(turning=turning, stalled=stalled)],
        capture_output=True,
        text=True,
        timeout=15,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert ("Timeout" in done.stderr) is bool(code), "the traceback says where it stalled"

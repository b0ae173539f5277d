"""The command ``powercap-agent``: builds the parts and starts the threads."""

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from powercap_api.clock import open_clock

from .enforce.enforcer import Enforcer
from .follower import Floors, Follower
from .hardware.absence import Absence
from .hardware.files import KernelFiles
from .hardware.hwmon import Hwmon
from .hardware.inventory import Inventory
from .hardware.powercap import PowercapTree
from .hardware.pressure import read_cpu_pressure
from .hardware.worker import Worker
from .kube.client import ApiClient, Endpoint
from .kube.reporter import Reporter
from .kube.watcher import Watcher
from .logs import Log
from .loop import Loop, Times
from .mailbox import Mailbox
from .measuring import Measuring
from .options import Options, OptionsError, read_options
from .state.known_budget import KnownBudget
from .state.lock import AlreadyRunningError, lock_state
from .state.originals_store import OriginalsStore
from .state.store import KeptFile, StateError
from .status.publisher import StatusPublisher
from .supervisor import ENDINGS, Supervisor

USER_AGENT: Final = "powercap-agent"
CLOCK_READ_SECONDS: Final = 1.0
REHEARSAL_CLOCK_READ_SECONDS: Final = 0.1
"""With a clock that can be set by hand, people and tests wait for what it does."""
_THREAD_STACK_BYTES: Final = 512 * 1024


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code."""
    try:
        options = read_options(sys.argv[1:] if arguments is None else arguments, os.environ)
    except OptionsError as error:
        print(f"powercap-agent: {error}", file=sys.stderr)
        return 2
    log = Log(options.log_format)
    if options.command == "restore":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDINGS)
    try:
        with lock_state(options.state_dir):
            enforcer = _enforcer(options, log)
            return _restore(enforcer) if options.command == "restore" else _run(options, enforcer, log)
    except (AlreadyRunningError, StateError) as error:
        log.error("cannot start", error=str(error))
        return 1


def _enforcer(options: Options, log: Log) -> Enforcer:
    try:
        with open(options.boot_id_file, encoding="ascii") as file:
            boot_id = file.read().strip()
    except (OSError, ValueError) as error:
        raise StateError(f"the boot's id cannot be read: {error}") from error
    files = KernelFiles()
    drivers = [PowercapTree(files, options.powercap_root).discover, Hwmon(files, options.hwmon_root).discover]
    troubles: Callable[[], Mapping[str, str]] = dict
    if options.nvml_library:
        # Only here: ctypes and the library cost memory on every node, and few have these cards.
        from .hardware.nvml import Nvml, load_library  # noqa: PLC0415

        nvml = Nvml(lambda: load_library(options.nvml_library), Worker("nvml"))
        drivers.append(nvml.discover)
        troubles = nvml.troubles
    explain = Absence(files, options.powercap_root).explain
    store = OriginalsStore(options.state_dir, boot_id)
    return Enforcer(Inventory(drivers, explain, troubles), store, time.monotonic, log, options.original_uw)


def _restore(enforcer: Enforcer) -> int:
    """Put the originals back and print them; 0 where all of them read back."""
    report = enforcer.release(last=True)
    left = enforcer.store.limits
    for result in report.results:
        if not result.failed:
            print(f"{result.zone.path} {result.constraint}: {result.read_back_uw} µW")
    for key, limit_uw in left.items():
        print(f"{key}: could not be put back to {limit_uw} µW", file=sys.stderr)
    return 1 if left else 0


def _run(options: Options, enforcer: Enforcer, log: Log) -> int:
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)  # in all threads: the main one waits for them
    mailbox = Mailbox()
    threading.excepthook = lambda failure: _thread_died(failure, mailbox, log)
    threading.stack_size(_THREAD_STACK_BYTES)
    endpoint = options.endpoint or Endpoint("")
    client = ApiClient(endpoint, USER_AGENT)
    reporter = Reporter(client, options.node_name, log)
    watcher = Watcher(client, options.node_name, mailbox.see, log)
    longest_wait = CLOCK_READ_SECONDS if options.clock_file is None else REHEARSAL_CLOCK_READ_SECONDS
    clock = open_clock(options.clock_file)
    supervisor = Supervisor(mailbox, log)
    loop = Loop(
        Times(clock, time.monotonic, longest_wait),
        mailbox,
        KnownBudget(options.state_dir, options.node_name, log),
        Follower(
            enforcer,
            Floors(options.hard_floor_uw, options.floor_percent),
            lambda: read_cpu_pressure(KernelFiles(), options.pressure_file),
            KeptFile(options.state_dir, "energy.json", "the energy", log),
            Measuring(clock.now, time.monotonic, Worker("measuring")),
        ),
        StatusPublisher(reporter),
        log,
        supervisor.beat,
    )
    log.info("starting", node=options.node_name, server=endpoint.server, root=options.powercap_root)
    for name, run in (("watcher", watcher.run), ("reporter", reporter.run)):
        threading.Thread(target=run, name=name, daemon=True).start()
    keep_collections_short()
    return supervisor.run(loop)


def keep_collections_short() -> None:
    """Have the garbage collector leave alone what is there now: modules and the agent's parts stay to the end.

    It stops all threads: a look through all of that takes 2 to 3 ms, and may come after a slot's begin.
    """
    gc.collect()
    gc.freeze()


def _thread_died(failure: Any, mailbox: Mailbox, log: Log) -> None:
    """End the agent in good order after the death of a thread, which is a defect: the kubelet starts another."""
    name = failure.thread.name if failure.thread is not None else "thread"
    log.error("a thread died", thread=name, error=repr(failure.exc_value))
    mailbox.stop(f"{name} died", exit_code=1)

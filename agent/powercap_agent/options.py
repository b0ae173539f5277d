"""The command's options. Each has an environment variable, which the chart sets."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from powercap_api.units import PowerFormatError, format_watts, parse_watts

from .kube.client import Endpoint, EndpointError
from .logs import LogFormat

DEFAULT_FLOOR_UW: Final = 5_000_000
DEFAULT_FLOOR_PERCENT: Final = 5
"""No policy caps a node below so much, nor a package below this percentage of its original."""
_EPILOG = """\
examples:
  powercap-agent                                    in a pod, NODE_NAME from the downward API
  powercap-agent --node-name n1 --server https://127.0.0.1:6443 \\
      --token-file token --ca-file ca.crt           outside a cluster
  powercap-agent restore                            put the original limits back by hand

Every option can be set by the environment variable named beside it; the option wins.
"""


class OptionsError(ValueError):
    """The agent cannot be started with these options."""


@dataclass(frozen=True, slots=True)
class Options:
    """Checked options. Paths are those seen by the agent, in its container."""

    command: str
    node_name: str
    powercap_root: str
    hwmon_root: str
    nvml_library: str
    pressure_file: str
    state_dir: str
    boot_id_file: str
    endpoint: Endpoint | None
    clock_file: Path | None
    hard_floor_uw: int
    floor_percent: int
    original_uw: int | None
    """Original long_term of each package, where less is found at first."""
    log_format: LogFormat


_AS_GIVEN: Final = tuple(Options.__annotations__)[:8]
_OPTIONS: Final = f"""\
node_name      NODE_NAME               -  name of this node, required by run
powercap_root  POWERCAP_ROOT           /sys/devices/virtual/powercap  the host's powercap folder; mounted, in containers
hwmon_root     POWERCAP_HWMON_ROOT     /sys/class/hwmon  the host's hwmon folder
nvml_library   POWERCAP_NVML_LIBRARY   -  NVIDIA's management library (libnvidia-ml.so.1), where its cards may be capped
pressure_file  POWERCAP_PRESSURE_FILE  /proc/pressure/cpu  the host's CPU pressure
state_dir      POWERCAP_STATE_DIR      /run/powercap  folder for the original limits: the host's /run ends with them
server         POWERCAP_SERVER         -  URL of the API server, outside a cluster
token_file     POWERCAP_TOKEN_FILE     -  file with the bearer token, with --server
ca_file        POWERCAP_CA_FILE        -  PEM file of the API server's authority, with --server
min_watts      POWERCAP_MIN_WATTS      {format_watts(DEFAULT_FLOOR_UW)}  no policy caps this node below so many watts
min_percent    POWERCAP_MIN_PERCENT    {DEFAULT_FLOOR_PERCENT}  least limit of a package, in percent of its reference
original_watts POWERCAP_ORIGINAL_WATTS -  the original long_term of each package, where less is found at first
clock_file     POWERCAP_CLOCK_FILE     -  file with seconds to add to the clock, for rehearsals
boot_id_file   POWERCAP_BOOT_ID_FILE   /proc/sys/kernel/random/boot_id  file that names this boot of the machine
log_format     POWERCAP_LOG_FORMAT     text  text or json
"""
"""Name, environment variable, default (- for none), help."""


def read_options(arguments: Sequence[str], environment: Mapping[str, str]) -> Options:
    """The options that the command line and the environment give.

    Raises:
        OptionsError: something is missing or wrong; the message says what to set.
        SystemExit: ``--help`` was asked for, or an option does not exist.
    """
    given = _parser(environment).parse_args(arguments)
    runs = given.command == "run"
    if runs and not given.node_name:
        raise OptionsError(
            "the node's name is missing: set NODE_NAME (in a pod from fieldRef spec.nodeName) or --node-name"
        )
    if not given.min_percent.isdecimal() or not 0 <= int(given.min_percent) <= 100:
        raise OptionsError(f"--min-percent: {given.min_percent!r} is no whole number from 0 to 100")
    if given.log_format not in list(LogFormat):
        raise OptionsError(f"--log-format: {given.log_format!r} is neither text nor json")
    return Options(
        **{name: getattr(given, name) for name in _AS_GIVEN},
        endpoint=_endpoint(given, environment) if runs else None,
        clock_file=Path(given.clock_file) if given.clock_file else None,
        hard_floor_uw=_watts("--min-watts", given.min_watts),
        floor_percent=int(given.min_percent),
        original_uw=_watts("--original-watts", given.original_watts) if given.original_watts else None,
        log_format=LogFormat(given.log_format),
    )


def _watts(flag: str, text: str) -> int:
    try:
        return parse_watts(text)
    except PowerFormatError as error:
        raise OptionsError(f"{flag}: {error}") from error


def _endpoint(given: argparse.Namespace, environment: Mapping[str, str]) -> Endpoint:
    if given.server:
        return Endpoint(given.server, given.token_file or None, given.ca_file or None)
    try:
        return Endpoint.in_cluster(
            environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT")
        )
    except EndpointError as error:
        raise OptionsError(str(error)) from error


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="powercap-agent",
        description="Follows the node's PowerBudget: writes its caps into the kernel's power-capping files, and puts"
        " back what was there when it ends.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "command",
        nargs="?",
        choices=["run", "restore"],
        default="run",
        help="run: follow the budget (the default); restore: put the original limits back and end",
    )
    for line in _OPTIONS.splitlines():
        name, variable, usual, text = line.split(maxsplit=3)
        default = "" if usual == "-" else usual
        shown = f" (default: {default})" if default else ""
        flag, value = "--" + name.replace("_", "-"), environment.get(variable) or default
        parser.add_argument(flag, default=value, help=f"{text}; {variable}{shown}")
    return parser

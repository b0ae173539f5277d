"""``powercap``: the command for people. Every command's ``--help`` teaches by example."""

import argparse
import io
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn, Protocol

_EXAMPLES = """\
examples:
  powercap demo
  powercap market fetch --area FR --auction IDA1 --date tomorrow
  powercap market show ida1_FR_2025-10-09.csv
  powercap plan --policy policy.yaml --csv ida1_FR_2025-10-09.csv
  powercap backtest --policy policy.yaml --history results/
  powercap override node-a --limit 60 --for 2h --reason "cooling is being repaired"
  powercap market parse --help
"""


class _Module(NamedTuple):
    """A module of commands, which is imported when one of them is called."""

    name: str
    adder: str
    """The function in it that adds its commands."""
    commands: Mapping[str, str]
    """Their names, and what each is for."""


_MODULES: Final = (
    _Module(
        "files.market", "add_market_parser", {"market": "read, fetch and show electricity market results"}
    ),
    _Module("files.plan", "add_plan_parser", {"plan": "the day of caps that a policy gives a node"}),
    _Module(
        "files.backtest",
        "add_backtest_parser",
        {"backtest": "what a policy would have saved, and cost in work"},
    ),
    _Module("files.demo", "add_demo_parser", {"demo": "a made-up day and simulated nodes that follow it"}),
    _Module("files.curve", "add_curve_parser", {"curve": "measure how fast work runs under caps"}),
    _Module(
        "files.jobs", "add_jobs_parser", {"jobs": "which jobs wait for cheap hours, and when one would start"}
    ),
    _Module("cluster.report", "add_report_parser", {"report": "what policies' nodes drew, cost and saved"}),
    _Module(
        "cluster.override",
        "add_override_parser",
        {"override": "limit nodes, or give them their original limits, for a while"},
    ),
    _Module(
        "cluster.status",
        "add_status_parsers",
        {
            "status": "policies, markets, and nodes that do not follow",
            "node": "one node's caps with their reasons, its limits, and what it draws",
        },
    ),
    _Module(
        "cluster.steer",
        "add_steer_parsers",
        {
            "suspend": "put the original limits back on the nodes of policies, and keep them",
            "resume": "cap the nodes of suspended policies again",
            "exempt": "keep nodes out of every policy, with their original limits",
        },
    ),
    _Module(
        "cluster.completion", "add_completion_parser", {"completion": "print a shell's completion script"}
    ),
)


class Commands(Protocol):
    """Where a module adds its commands."""

    def add_parser(self, name: str, **described: Any) -> argparse.ArgumentParser: ...


class _Described:
    """Adds commands with what each is for."""

    def __init__(self, subparsers: Commands, what: Mapping[str, str]) -> None:
        self._subparsers = subparsers
        self._what = what

    def add_parser(self, name: str, **described: Any) -> argparse.ArgumentParser:
        return self._subparsers.add_parser(name, help=self._what[name], **described)


class _Version(argparse.Action):
    """Prints the version, which takes a look at what is installed."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        print(f"powercap {version('powercap')}")
        parser.exit()


def make_parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """All commands; of that which ``words`` call, its options too, and ``run``: a function of the parsed arguments that
    returns the exit code. Only that command's module is imported."""
    parser = argparse.ArgumentParser(
        prog="kubectl powercap" if Path(sys.argv[0]).name.startswith("kubectl-") else "powercap",
        description="Work with market results and power policies: on files, and on a cluster with your own rights.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    called = next((word for word in words if not word.startswith("-")), None)
    for module in _MODULES:
        commands = _Described(subparsers, module.commands)
        if called in module.commands:
            getattr(import_module(f".{module.name}", __package__), module.adder)(commands)
        else:
            for name in module.commands:
                commands.add_parser(name)
    return parser


@contextmanager
def _missing_told() -> Iterator[None]:
    """Ends the process with a sentence where what a command needs was not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("powercap"):
            raise
        sys.exit(f"powercap: this command needs {error.name}: in a checkout, pipx install '.[kubectl,plot]'")


def main(argv: Sequence[str] | None = None) -> int:
    """The entry point; the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")  # € and bars, whatever the locale
    words = sys.argv[1:] if argv is None else argv
    if "_ARGCOMPLETE" in os.environ:  # a shell asks, and not a person: the last word is being typed
        words = os.environ.get("COMP_LINE", "")[: int(os.environ.get("COMP_POINT", "0"))].split(" ")[1:-1]
    try:
        with _missing_told():
            parser = make_parser(words)
            if "_ARGCOMPLETE" in os.environ:
                import argcomplete  # noqa: PLC0415 - set by its own scripts only

                argcomplete.autocomplete(parser)
            arguments = parser.parse_args(argv)
            code = int(arguments.run(arguments))
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # the reader has had enough, as in | head
        return 1
    except KeyboardInterrupt:
        return 130
    return code


def complete_kubectl() -> int:
    """The entry point ``kubectl_complete-powercap``, which kubectl runs; the exit code."""
    from .cluster.completion import print_completions  # noqa: PLC0415 - of the extra

    words = sys.argv[1:] or [""]
    with _missing_told():
        parser = make_parser(words[:-1])
    print_completions(parser, words)
    return 0

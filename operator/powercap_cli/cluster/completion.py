"""Completion in shells: of ``powercap`` by argcomplete, and of ``kubectl powercap`` as kubectl asks its plugins for it.

kubectl runs a program ``kubectl_complete-powercap`` with the words typed so far, the last one perhaps empty, and reads
a completion for each line; the last line is a directive, of which ``:4`` says that files are no completions (cobra's
ShellCompDirectiveNoFileComp).
"""

import argparse
import io
import os
import shlex
from collections.abc import Callable, Sequence
from typing import Any, Final

import argcomplete
from argcomplete.io import warn
from argcomplete.shell_integration import shellcode

from powercap_api.names import API_VERSION, PLURALS

_NO_FILES: Final = ":4"
_SECONDS: Final = 3.0
"""Somebody waits at the keyboard."""
_SHELLS: Final = ("bash", "zsh", "fish")

Completer = Callable[..., list[str]]


def add_completion_parser(subparsers: Any) -> None:
    """Add ``completion`` to the commands of ``powercap``."""
    parser = subparsers.add_parser(
        "completion",
        description='Print a completion script: eval "$(powercap completion bash)" in ~/.bashrc, and so for zsh;'
        " powercap completion fish > ~/.config/fish/completions/powercap.fish.",
    )
    parser.add_argument("shell", choices=_SHELLS)
    parser.set_defaults(run=_print_script)


def _print_script(arguments: argparse.Namespace) -> int:
    print(shellcode(["powercap"], shell=arguments.shell))
    return 0


def names_of(kind: str) -> Completer:
    """Completes the names of a kind's objects in the cluster that the options name; none where it cannot be asked."""

    def complete(prefix: str, parsed_args: argparse.Namespace, **_others: object) -> list[str]:
        from .access import acting_as, cluster_of  # noqa: PLC0415 - with httpx, which words without names do without
        from .client import ClusterError  # noqa: PLC0415
        from .kubeconfig import KubeconfigError  # noqa: PLC0415

        try:
            file = getattr(parsed_args, "kubeconfig", None)
            with cluster_of(file, parsed_args.context, acting_as(parsed_args)) as cluster:
                path = f"/apis/{API_VERSION}/{PLURALS[kind]}"
                found = cluster.request("GET", path, seconds=_SECONDS)["items"]
        except (ClusterError, KubeconfigError, OSError) as error:
            warn(f"powercap: {error}")
            return []
        names = (item["metadata"]["name"] for item in found)
        return [name for name in names if name.startswith(prefix)]

    return complete


def completions(parser: argparse.ArgumentParser, words: Sequence[str]) -> list[str]:
    """What may stand in place of the last of ``words``, which follow the program's name."""
    line = " ".join(["powercap", *(shlex.quote(word) for word in words[:-1]), words[-1] if words else ""])
    os.environ.update(
        {"_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n", "_ARGCOMPLETE_SUPPRESS_SPACE": "1"},
        COMP_LINE=line,
        COMP_POINT=str(len(line)),
    )
    found = io.StringIO()

    def stay(_code: int) -> None:
        """Go on where argcomplete would end the process."""

    argcomplete.autocomplete(parser, exit_method=stay, output_stream=found)
    return [one.strip() for one in found.getvalue().split("\n") if one.strip()]


def print_completions(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    """As kubectl reads them."""
    for one in completions(parser, words):
        print(one)
    print(_NO_FILES)

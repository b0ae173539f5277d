"""Completion in shells: of ``powercap`` by argcomplete, and of ``kubectl powercap`` as kubectl asks its plugins for it.

kubectl runs a program ``kubectl_complete-powercap`` with the words typed so far, the last one perhaps empty, and reads
a completion for each line; the last line is a directive, of which ``:4`` says that files are no completions (cobra's
ShellCompDirectiveNoFileComp).
"""

import argparse
import io
import os
import shlex
from collections.abc import Sequence
from typing import Any, Final

import argcomplete
from argcomplete.shell_integration import shellcode

_NO_FILES: Final = ":4"
_SHELLS: Final = ("bash", "zsh", "fish")


def add_completion_parser(subparsers: Any) -> None:
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

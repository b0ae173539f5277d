"""What the command imports before it does anything: each module takes time that a person waits."""

import json
import os
import subprocess
import sys

import pytest

HEAVY = ("pydantic", "kubernetes_asyncio", "aiohttp", "kopf", "matplotlib", "selectolax")


def imported(code: str, **environ: str) -> set[str]:
    """Top-level packages that a fresh interpreter has imported when the code has run."""
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            f"{code}\nimport json, sys; sys.stderr.write('\\n' + json.dumps(sorted(sys.modules)))",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env={**os.environ, **environ},
    )
    found: list[str] = json.loads(ended.stderr.splitlines()[-1])
    return {name.partition(".")[0] for name in found}


def called(*words: str) -> str:
    return f"""
from powercap_cli.main import main
try:
    main({list(words)!r})
except SystemExit as end:
    assert end.code in (0, None), end.code
"""


@pytest.mark.parametrize("words", [("--help",), ("--version",)])
def test_help_and_version_import_nothing_that_they_do_not_need(words: tuple[str, ...]) -> None:
    assert not imported(called(*words)) & {*HEAVY, "httpx", "rich", "yaml", "argcomplete"}


def test_status_is_read_without_the_operators_client_and_models() -> None:
    assert not imported(called("status", "--help")) & set(HEAVY)


def test_completion_of_commands_and_of_a_commands_options() -> None:
    code = """
import sys
from powercap_cli.main import complete_kubectl
sys.argv = ["kubectl_complete-powercap", "sta"]
complete_kubectl()
"""
    assert not imported(code) & {*HEAVY, "httpx"}


def completions(*words: str) -> list[str]:
    code = "import sys; from powercap_cli.main import complete_kubectl; sys.exit(complete_kubectl())"
    ended = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=120, check=True
    )
    return ended.stdout.split()


def test_what_is_completed() -> None:
    assert completions("sta") == ["status", ":4"]
    assert "--watch" in completions("status", "--")
    assert {"suspend", "resume", "exempt", "jobs", "node"} <= set(completions(""))


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    from powercap_cli.main import main  # noqa: PLC0415 - the others look at fresh interpreters

    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith("powercap 0.")

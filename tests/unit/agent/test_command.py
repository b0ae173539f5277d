"""The command powercap-agent: its options, and restoring by hand."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dev.lab.fake_sysfs import ONE_SOCKET, limit_file
from powercap_agent.logs import Log, LogFormat
from powercap_agent.main import main
from powercap_agent.options import OptionsError, read_options
from powercap_agent.state.lock import lock_state
from tests.support.agent_parts import BOUNDS, Machine

POD = {"NODE_NAME": "node-1", "KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}


def test_in_a_pod_nothing_else_is_needed() -> None:
    options = read_options([], POD)
    assert (options.node_name, options.command, options.hard_floor_uw) == ("node-1", "run", 5_000_000)
    assert options.endpoint is not None
    assert options.endpoint.server == "https://10.0.0.1:443"


def test_an_option_wins_over_its_variable() -> None:
    environment = POD | {"POWERCAP_ROOT": "/host/powercap", "POWERCAP_MIN_WATTS": "20"}
    assert read_options([], environment).powercap_root == "/host/powercap"
    options = read_options(["--powercap-root=/elsewhere", "--min-watts=7.5"], environment)
    assert (options.powercap_root, options.hard_floor_uw) == ("/elsewhere", 7_500_000)


@pytest.mark.parametrize(
    ("arguments", "environment", "complaint"),
    [
        ([], {}, "NODE_NAME"),
        ([], {"NODE_NAME": "n"}, "--server"),
        (["--min-watts=lots"], POD, "--min-watts"),
        (["--min-watts=5000000"], POD, "microwatts"),
        (["--min-percent=101"], POD, "--min-percent"),
        (["--log-format=xml"], POD, "--log-format"),
    ],
)
def test_what_is_missing_or_wrong_is_named(
    arguments: list[str], environment: dict[str, str], complaint: str
) -> None:
    with pytest.raises(OptionsError, match=complaint):
        read_options(arguments, environment)


def test_a_wrong_option_ends_with_2_and_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NODE_NAME", raising=False)
    assert main([]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.fixture
def capped(tmp_path: Path) -> Machine:
    """A node whose agent was killed while a cap was in force."""
    machine = Machine(tmp_path, ONE_SOCKET)
    machine.enforcer().enforce(40_000_000, BOUNDS)
    (tmp_path / "boot_id").write_text("boot-1\n", encoding="ascii")
    return machine


def restore(machine: Machine) -> int:
    return main(
        [
            "restore",
            f"--powercap-root={machine.root}",
            f"--state-dir={machine.state}",
            f"--boot-id-file={machine.folder / 'boot_id'}",
        ]
    )


def test_restore_puts_the_originals_back_by_hand(capped: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    assert restore(capped) == 0
    assert capped.limits() == capped.original
    assert "intel-rapl/intel-rapl:0 long_term: 65000000 µW" in capsys.readouterr().out


def test_restore_says_what_could_not_be_put_back(capped: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    limit_file(capped.root, "intel-rapl/intel-rapl:0/long_term").unlink()
    assert restore(capped) == 1
    assert "intel-rapl/package-0:long_term: could not be put back" in capsys.readouterr().err


def test_restore_does_not_run_beside_an_agent(capped: Machine, capfd: pytest.CaptureFixture[str]) -> None:
    with lock_state(str(capped.state)):
        assert restore(capped) == 1
    assert capped.limits() != capped.original
    assert "another agent" in capfd.readouterr().err


def test_logs_are_lines_of_text_or_json(capfd: pytest.CaptureFixture[str]) -> None:
    Log(LogFormat.JSON).warning("limit changed", zone="package-0", found_uw=5)
    entry = json.loads(capfd.readouterr().err)
    assert (entry["level"], entry["message"], entry["zone"], entry["found_uw"]) == (
        "WARNING",
        "limit changed",
        "package-0",
        5,
    )
    Log(LogFormat.TEXT).info("limit changed", zone="package-0")
    assert capfd.readouterr().err.endswith(" INFO limit changed zone=package-0\n")


def test_a_message_of_several_lines_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    Log(LogFormat.TEXT).error("refused", why="first\nsecond\x1b[2J, 5 µW")
    assert capfd.readouterr().err.endswith(" ERROR refused why=first second [2J, 5 µW\n")


def test_a_boot_id_that_cannot_be_read_ends_with_a_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["restore", f"--state-dir={tmp_path}", f"--boot-id-file={tmp_path / 'none'}"]) == 1
    assert "the boot's id cannot be read" in capfd.readouterr().err


def test_the_garbage_collector_does_not_look_through_what_stays() -> None:
    program = (
        "import gc; from powercap_agent.main import keep_collections_short; before = len(gc.get_objects());"
        "keep_collections_short(); print(before, len(gc.get_objects()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    assert after < before / 20

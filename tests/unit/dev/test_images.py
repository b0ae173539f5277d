"""Which bases images are tried on, and what an archive's name says."""

import dataclasses
import platform
import re
from pathlib import Path

import pytest

from dev.images.__main__ import main
from dev.images.bases import BASES, DEBIAN
from dev.images.roots import inside
from dev.pythons import shipped, supported


def test_every_base_has_a_python_that_is_supported() -> None:
    assert {base.python for base in BASES.values()} <= set(supported())
    assert {"3.11", "3.13", "3.14"} <= {base.python for base in BASES.values()}


@pytest.mark.parametrize("component", ["operator", "agent"])
def test_an_image_holds_its_program_and_the_api_alone(component: str) -> None:
    text = (Path(__file__).parents[3] / f"Dockerfile.{component}").read_text(encoding="utf-8")
    copied = {
        Path(line.split()[0]).name
        for line in re.findall(r"^COPY ((?:crds|operator|agent)\S* .*)$", text, re.M)
    }
    assert copied == {"powercap_api", f"powercap_{component}"}


def test_no_two_bases_share_an_archive() -> None:
    assert len({base.file_name for base in BASES.values()}) == len(BASES)
    built = BASES["python-3.13"]
    assert built.file_name.startswith("base-trixie-python3.13-")
    assert dataclasses.replace(built, built=False).file_name != built.file_name
    assert BASES["arm64"].file_name.startswith("base-trixie-arm64-")


def test_a_base_is_foreign_where_this_processor_cannot_run_it() -> None:
    assert not DEBIAN.foreign
    assert BASES["arm64"].foreign == (platform.machine() != "aarch64")


def test_a_base_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["try", "python-3.9"])
    assert (
        "there is no base python-3.9, only debian, python-3.13, python-3.14, arm64" in capsys.readouterr().err
    )


def test_a_command_in_another_root_sees_what_is_shared() -> None:
    command = inside(Path("/other"), ["python3", "-V"], [Path("/dev"), Path("/etc/resolv.conf")])
    assert command[-6:] == ["/other", "2", "/dev", "/etc/resolv.conf", "python3", "-V"]
    assert "--mount" in command
    assert "--kill-child" in command


def test_the_agents_tests_run_on_the_python_of_its_image() -> None:
    assert shipped() == "3.13"
    assert shipped() in supported()

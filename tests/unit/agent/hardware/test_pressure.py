"""Reading CPU pressure."""

from pathlib import Path

import pytest

from powercap_agent.hardware.files import KernelFiles
from powercap_agent.hardware.pressure import read_cpu_pressure


@pytest.mark.parametrize(
    ("text", "percent"),
    [
        ("some avg10=0.00 avg60=12.50 avg300=8.08 total=214264499\nfull avg10=0.00 avg60=99.00\n", 12.5),
        ("full avg10=0.00 avg60=99.00\n", None),
        ("some avg60=lots\n", None),
        ("", None),
    ],
)
def test_reading_the_kernels_figure(tmp_path: Path, text: str, percent: float | None) -> None:
    (tmp_path / "cpu").write_text(text, encoding="ascii")
    assert read_cpu_pressure(KernelFiles(), str(tmp_path / "cpu")) == percent


def test_no_file_no_figure(tmp_path: Path) -> None:
    assert read_cpu_pressure(KernelFiles(), str(tmp_path / "cpu")) is None

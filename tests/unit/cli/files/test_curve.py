"""``powercap curve``: runs measured on a fake powercap folder, and a curve made of them."""

import sys
from pathlib import Path

import pytest

from dev.lab.fake_sysfs import ONE_SOCKET, FakeZone, Layout, Limit, build_tree
from powercap_cli.files.package_energy import EnergyMeter, PackageError, find_packages
from powercap_cli.main import main

Captured = pytest.CaptureFixture[str]
RANGE = 262_143_328_850

_WORK = """\
import pathlib, sys, time
folder = pathlib.Path(sys.argv[1])
def add(joules):
    counter = folder / "energy_uj"
    whole = folder / "energy.new"
    whole.write_text(str((int(counter.read_text()) + joules * 1_000_000) % {range}))
    whole.replace(counter)
add(30)
time.sleep(1.2)
add(40)
for line in sys.argv[2:]:
    exec(line)
print("the work's own output")
""".replace("{range}", str(RANGE))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    build_tree(tmp_path / "powercap", ONE_SOCKET)
    return tmp_path / "powercap"


def measure(root: Path, *more: str, options: tuple[str, ...] = ()) -> int:
    work = root.parent / "work.py"
    work.write_text(_WORK, encoding="utf-8")
    command = [sys.executable, str(work), str(root / "intel-rapl/intel-rapl:0"), *more]
    return main(["curve", "run", "--powercap-root", str(root), *options, "--", *command])


def test_a_run_is_a_line_of_cap_seconds_and_joules(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert measure(root) == 0
    out, err = capfd.readouterr()
    head, line = out.splitlines()
    cap, seconds, joules = line.split(",")
    assert head == "cap,seconds,joules"
    assert (cap, joules) == ("65", "70.000")
    assert float(seconds) >= 1.2
    assert "the work's own output" in err


def test_the_cap_may_be_said_and_the_run_repeated(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert measure(root, options=("--cap", "47.5", "--repeat", "2")) == 0
    lines = capfd.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["cap", "47.5", "47.5"]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("sys.exit(3)", "ended with 3: nothing was measured"),
        (
            "(folder / 'constraint_0_power_limit_uw').write_text('40000000')",
            "the cap changed from 65 to 40 W while the command ran",
        ),
    ],
)
def test_what_is_no_measurement_is_refused(
    root: Path, capfd: pytest.CaptureFixture[str], line: str, why: str
) -> None:
    assert measure(root, line) == 1
    out, err = capfd.readouterr()
    assert why in err
    assert out == ""


def test_counters_that_stand_still_are_no_measurement(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    idle = [sys.executable, "-c", "import time; time.sleep(1.1)"]
    assert main(["curve", "run", "--powercap-root", str(root), "--", *idle]) == 1
    assert "the energy counters did not move: this machine does not count" in capfd.readouterr().err


def test_a_short_run_and_an_unknown_command_are_refused(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["curve", "run", "--powercap-root", str(root), "--", "true"]) == 1
    assert "take some minutes of work" in capfd.readouterr().err
    assert main(["curve", "run", "--powercap-root", str(root), "--", "no-such-command-here"]) == 1
    assert "no-such-command-here cannot be run" in capfd.readouterr().err


def test_without_packages_there_is_nothing_to_measure(tmp_path: Path, capsys: Captured) -> None:
    assert main(["curve", "run", "--powercap-root", str(tmp_path), "--", "true"]) == 1
    assert "has no package with an energy counter" in capsys.readouterr().err


def test_all_packages_count_and_wraps_do_not(tmp_path: Path) -> None:
    zones = [
        FakeZone(
            f"intel-rapl/intel-rapl:{number}",
            f"package-{number}",
            [Limit("long_term", 95_000_000)],
            energy_uj=RANGE - 5,
        )
        for number in range(2)
    ]
    build_tree(tmp_path, Layout([*zones, FakeZone("intel-rapl/intel-rapl:2", "psys", energy_uj=7)]))
    packages = find_packages(tmp_path)
    assert [package.limit_uw() for package in packages] == [95_000_000, 95_000_000]
    meter = EnergyMeter(packages)
    for package in packages:
        (package.folder / "energy_uj").write_text("95\n", encoding="ascii")
    meter.read()
    assert meter.total_uj == 200


def test_a_counter_that_cannot_be_read_says_so(root: Path) -> None:
    (root / "intel-rapl/intel-rapl:0/energy_uj").write_text("soon\n", encoding="ascii")
    with pytest.raises(PackageError, match="energy_uj cannot be read"):
        EnergyMeter(find_packages(root))


def test_runs_become_a_curve(tmp_path: Path, capsys: Captured) -> None:
    runs = tmp_path / "runs.csv"
    runs.write_text("cap,seconds,joules\n140,10,1400\n70,18,1200\n70,22,1400\n", encoding="utf-8")
    assert main(["curve", "fit", str(runs)]) == 0
    out, err = capsys.readouterr()
    assert out == "cap,seconds,joules\n70,20.000,1300.000\n140,10.000,1400.000\n"
    assert [line.split() for line in err.splitlines()[1:]] == [
        ["100", "%", "100", "%", "100", "%"],
        ["50", "%", "50", "%", "93", "%"],
    ]


def test_runs_that_make_no_curve_are_refused(tmp_path: Path, capsys: Captured) -> None:
    runs = tmp_path / "runs.csv"
    runs.write_text("cap,seconds,joules\n140,10,1400\n", encoding="utf-8")
    assert main(["curve", "fit", str(runs)]) == 1
    assert "runs under two caps at least" in capsys.readouterr().err
    assert main(["curve", "fit", str(tmp_path / "none.csv")]) == 1
    assert "none.csv" in capsys.readouterr().err

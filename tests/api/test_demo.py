"""``make demo`` as people run it: it checks what it shows, so its exit code is the test."""

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from dev.cluster.binaries import Binaries
from dev.lab.exchange.pages import market_page, sample_periods
from powercap_api.markets import Auction, Market
from powercap_operator.market.results import Query

ROOT = Path(__file__).parents[2]


def demo(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dev.demo", *arguments],
        cwd=ROOT,
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def processes_with(text: str) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has just ended
            continue
        if text in line:
            found.append(line)
    return found


@pytest.mark.long
@pytest.mark.usefixtures("binaries")
def test_the_demo_ends_well_and_leaves_nothing(tmp_path: Path) -> None:
    done = demo(TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    shown, _, rest = done.stdout.partition("A control plane")
    assert "cap = volume / largest volume of the day x 60 W" in shown, (
        "the day is shown before anything starts"
    )
    assert "12:00" in shown
    assert rest
    for claim in (
        "every file holds its cap",
        "every file had followed",
        "with nobody to ask",
        "no process is left",
    ):
        assert claim in done.stdout
    assert "\x1b[" not in done.stdout, "no colours where there is no terminal"
    assert not processes_with(str(tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.mark.long
@pytest.mark.usefixtures("binaries")
def test_a_saved_page_is_served_as_todays(tmp_path: Path) -> None:
    query = Query(Market("DE-LU", Auction.SDAC, 60), date(2025, 10, 26))
    page = tmp_path / "page.html"
    page.write_text(market_page(query, sample_periods(query)), encoding="utf-8")
    done = demo("--page", str(page))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "results of DE-LU SDAC 60min of 2025-10-26 as today's" in done.stdout
    assert "epex-de-lu-sdac-60min-" in done.stdout


def test_a_page_that_is_none_is_refused_before_anything_starts(tmp_path: Path, binaries: Binaries) -> None:
    assert binaries.has("etcd")
    page = tmp_path / "page.html"
    page.write_text("<html><body>403 Forbidden</body></html>", encoding="utf-8")
    done = demo("--page", str(page))
    assert done.returncode == 2
    assert "cannot serve" in done.stdout
    assert "etcd" not in done.stdout

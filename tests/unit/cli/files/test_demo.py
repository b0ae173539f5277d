"""``powercap demo``: what a stranger sees first is true of the nodes' files, on days of 23, 24 and 25 hours."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from powercap_api.clock import write_offset
from powercap_cli.main import main


@pytest.mark.parametrize(
    ("moment", "hours"), [("2025-10-09T10:00", 24), ("2025-10-26T10:00", 25), ("2026-03-29T10:00", 23)]
)
def test_every_node_follows_the_day(
    moment: str,
    hours: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_offset(tmp_path / "clock", datetime.fromisoformat(moment).replace(tzinfo=UTC) - datetime.now(UTC))
    monkeypatch.setenv("POWERCAP_CLOCK_FILE", str(tmp_path / "clock"))
    assert main(["demo"]) == 0
    out = capsys.readouterr().out
    assert moment[:10] in out
    rows = [
        (float(price), *map(float, re.findall(r"([0-9.]+) W", rest)))
        for price, rest in re.findall(r"^\d\d:\d\d +(-?[0-9.]+) (.*)$", out, re.MULTILINE)
    ]
    assert len(rows) == hours
    for _, cap, one, two, small in rows:
        assert (one, two, small) == (cap, cap, min(cap, 65))
    assert max(rows)[1] == 40
    assert min(rows)[1] == 140
    assert "Every node held every cap: yes. Every original limit is back: yes." in out

"""Every wrong input of ``wrong_inputs.txt`` is refused in a line that says what to write."""

import json
import shlex
from pathlib import Path

import pytest
import yaml

from powercap_api.names import API_VERSION
from powercap_cli.main import main

_LINES = (Path(__file__).parent / "wrong_inputs.txt").read_text(encoding="utf-8").splitlines()
CASES = [tuple(line.split(" | ", 1)) for line in _LINES if not line.startswith("#")]


def test_there_are_sixty() -> None:
    assert len(set(CASES)) >= 60


@pytest.mark.parametrize(("written", "words"), CASES, ids=[written for written, _ in CASES])
def test_a_wrong_input_is_told_what_to_write(
    written: str,
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command, brace, fields = written.partition(" {")
    spec = {"maxSource": "140", **yaml.safe_load(brace + fields or "{}")}
    policy = {"apiVersion": API_VERSION, "kind": "PowerPolicy", "metadata": {"name": "p"}, "spec": spec}
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(policy), encoding="utf-8")
    (tmp_path / "day.csv").write_text("nothing\n", encoding="utf-8")
    cluster = {"name": "a", "cluster": {"server": "http://127.0.0.1:9"}}
    context = {"name": "a", "context": {"cluster": "a"}}
    config = {"current-context": "a", "contexts": [context], "clusters": [cluster]}
    (tmp_path / "kubeconfig").write_text(json.dumps(config), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    try:
        code = main(shlex.split(command))
    except SystemExit as end:
        code = int(end.code or 0)
    out, err = capsys.readouterr()
    assert code in (1, 2)
    assert out == ""
    assert words in err.splitlines()[-1]

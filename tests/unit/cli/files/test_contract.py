"""The command refuses offline what the API server refuses, with the same words, and takes what it takes."""

import json
from pathlib import Path

import pytest

from powercap_api.generate import KINDS
from powercap_cli.files.object_files import ObjectFileError, read_objects
from powercap_cli.main import main
from tests.support.contract_cases import REFUSED, TAKEN, Body, id_of, override, policy

MODELS = {model.model_fields["kind"].default: model for model in KINDS}


def _file(folder: Path, body: Body) -> Path:
    file = folder / "object.yaml"
    file.write_text(json.dumps(body), encoding="utf-8")
    return file


@pytest.mark.parametrize("body", TAKEN, ids=id_of)
def test_good_objects_are_taken(tmp_path: Path, body: Body) -> None:
    assert len(read_objects(_file(tmp_path, body), MODELS[body["kind"]], "it")) == 1


@pytest.mark.parametrize(("body", "words"), REFUSED, ids=id_of)
def test_bad_objects_are_refused_in_the_servers_words(tmp_path: Path, body: Body, words: str) -> None:
    with pytest.raises(ObjectFileError) as refusal:
        read_objects(_file(tmp_path, body), MODELS[body["kind"]], "it")
    assert words in str(refusal.value)


def test_every_command_that_reads_objects_refuses_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = str(_file(tmp_path, policy(strategy={"type": "Solar"})))
    (tmp_path / "bad").mkdir()
    bad = str(_file(tmp_path / "bad", policy(maxSource="20", minPower="60")))
    (tmp_path / "limit").mkdir()
    limit = str(_file(tmp_path / "limit", override(limit="60W")))
    above = "minPower must not be above maxSource: lower minPower or raise maxSource"
    power = 'must be a power in watts, such as "40"'
    made = ("override", "node-a", "--limit", "60W", "--for", "2h", "--reason", "x", "--name", "x", "--print")
    for words, said in (
        (("plan", "--policy", bad), above),
        (("backtest", "--policy", bad, "--history", str(tmp_path)), above),
        (("plan", "--policy", good, "--override", limit), power),
        (made, power),
    ):
        assert main(list(words)) == 1
        out, err = capsys.readouterr()
        assert not out
        assert said in err
        assert err.count("\n") == 1


def test_plain_words_are_read_as_kubectl_reads_them(tmp_path: Path) -> None:
    """PyYAML alone makes 1320 of 22:00, a time of its own of a time, and a text of 1e2."""
    file = tmp_path / "policy.yaml"
    file.write_text(
        "apiVersion: powercap.dev/v1alpha1\nkind: PowerPolicy\nmetadata: {name: a}\n"
        "spec: {maxSource: 1e2, strategy: {type: Schedule, windows: [{start: 22:00, end: 06:00, power: 40}]}}\n",
        encoding="utf-8",
    )
    (found,) = read_objects(file, MODELS["PowerPolicy"], "the policy")
    spec = found.to_wire()["spec"]
    assert spec["maxSource"] == "100"
    (window,) = spec["strategy"]["windows"]
    assert (window["start"], window["end"], window["power"]) == ("22:00", "06:00", "40")
    file.write_text(
        "apiVersion: powercap.dev/v1alpha1\nkind: PowerOverride\nmetadata: {name: a}\n"
        "spec: {start: 2025-10-09T17:00:00Z, duration: 2h, nodes: [a], limit: 60, reason: grid}\n",
        encoding="utf-8",
    )
    (found,) = read_objects(file, MODELS["PowerOverride"], "the override")
    assert found.to_wire()["spec"]["start"] == "2025-10-09T17:00:00Z"


def test_an_object_whose_metadata_are_null_is_told_that_it_has_no_name(tmp_path: Path) -> None:
    with pytest.raises(ObjectFileError, match=r"metadata\.name: Required value"):
        read_objects(_file(tmp_path, {**policy(), "metadata": None}), MODELS["PowerPolicy"], "it")


def test_what_else_metadata_say_is_not_looked_at(tmp_path: Path) -> None:
    body = {**policy(), "metadata": {"name": "test", "generation": 10**30}}
    assert read_objects(_file(tmp_path, body), MODELS["PowerPolicy"], "it")

"""The operator as a program: options, logs, and how patient it is with the API server."""

import asyncio
import itertools
import json
import logging
import socket
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from powercap_api.clock import OffsetClock, SystemClock
from powercap_operator.kube.follow import EndlessBackoff
from powercap_operator.kube.watches import quiet_settings
from powercap_operator.logs import JsonFormatter
from powercap_operator.loops.health import Heartbeats, probes
from powercap_operator.options import parse_options


def test_defaults_suit_a_pod() -> None:
    options = parse_options([], {})
    assert (options.log_format, options.log_level) == ("json", "info")
    assert (options.lease, options.health) == (None, None)
    assert options.history == timedelta(days=14)
    assert isinstance(options.clock, SystemClock)
    assert options.providers.epex_url.startswith("https://")


def test_options_and_environment(tmp_path: Path) -> None:
    options = parse_options(
        ["--log-format", "text", "--history-days", "30", "--clock-file", str(tmp_path / "offset")],
        {"CONTACT": "ops@example.org", "ENTSOE_TOKEN": "secret", "LOG_LEVEL": "debug"},
    )
    assert (options.log_format, options.log_level) == ("text", "debug")
    assert isinstance(options.clock, OffsetClock)
    assert options.providers.contact == "ops@example.org"
    assert options.providers.entsoe_token == "secret"
    assert "secret" not in repr(options)


def test_a_history_too_short_for_the_fallback_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_options(["--history-days", "1"], {})
    assert "yesterday's results are the fallback" in capsys.readouterr().err


CURVE = "cap,seconds,joules\n100,8.48,190.8\n40,13.73,140\n"


def test_a_machine_is_named_by_curve_and_static_power() -> None:
    assert parse_options([], {"POWER_CURVE": "", "STATIC_WATTS": ""}).machine is None
    machine = parse_options([], {"POWER_CURVE": CURVE, "STATIC_WATTS": "70"}).machine
    assert machine is not None
    assert (machine.static_watts, machine.curve.works[-1]) == (70, 1)


@pytest.mark.parametrize(
    ("curve", "watts", "why"),
    [
        (CURVE, "", "'' is no power: write watts, such as 90"),
        ("", "70", "the first line must be cap,seconds,joules"),
        ("cap,seconds,joules\n100,8.48,190.8\n", "70", "a curve needs runs under two caps at least"),
        (CURVE, "nan", "nan W is no power of a machine"),
    ],
)
def test_half_a_machine_is_refused(
    curve: str, watts: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse_options([], {"POWER_CURVE": curve, "STATIC_WATTS": watts})
    assert why in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--metrics", "--health"])
@pytest.mark.parametrize("value", ["8081", "localhost:", "localhost:http", "[::1]", "localhost:99999"])
def test_servers_need_a_port(option: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_options([option, value], {})
    assert f"{option}: {value!r} is no [HOST]:PORT" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["powercap", "/powercap", "a/b/c", "a/"])
def test_a_lease_needs_namespace_and_name(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_options(["--lease", value], {})
    assert f"--lease: {value!r} is no NAMESPACE/NAME" in capsys.readouterr().err
    assert parse_options([], {"LEASE": "powercap-system/powercap"}).lease == ("powercap-system", "powercap")


def test_metrics_are_served_only_where_asked_for() -> None:
    assert parse_options([], {}).metrics is None
    assert parse_options([], {"METRICS": "127.0.0.1:8081"}).metrics == ("127.0.0.1", 8081)
    assert parse_options([], {"METRICS": "[::1]:8081"}).metrics == ("::1", 8081)


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_without_a_host_ipv6_and_ipv4_are_answered() -> None:
    """As in a pod of an IPv6-only cluster, and of any other."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = parse_options([], {"HEALTH": f":{port}"})

    async def answers() -> list[int]:
        async with probes(options.health, Heartbeats(), lambda: True), httpx.AsyncClient() as http:
            urls = [f"http://{host}:{port}/healthz" for host in ("127.0.0.1", "[::1]")]
            return [(await http.get(url)).status_code for url in urls]

    assert asyncio.run(answers()) == [200, 200]


def test_the_pauses_grow_and_never_end() -> None:
    pauses = list(itertools.islice(EndlessBackoff(), 1000))
    assert pauses[:6] == [1, 2, 4, 8, 15, 15]
    assert max(pauses) == 15


def test_nothing_of_kopfs_own_is_written() -> None:
    settings = quiet_settings()
    assert not settings.posting.enabled
    assert settings.watching.server_timeout is not None
    assert settings.watching.client_timeout is not None
    assert settings.watching.client_timeout > settings.watching.server_timeout


def test_a_log_line_is_one_json_object_with_what_was_attached() -> None:
    record = logging.makeLogRecord(
        {"name": "x", "msg": "budget of %s\nwritten", "args": ("n1",), "levelname": "INFO"}
    )
    record.node = "n1"
    record.settings = "kopf's"
    line = JsonFormatter().format(record)
    assert "\n" not in line
    found = json.loads(line)
    assert (found["message"], found["level"], found["node"]) == ("budget of n1\nwritten", "info", "n1")
    assert "settings" not in found

"""Power as people write it, and as the files want it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from powercap_api.units import (
    MAX_NODE_WATTS,
    Power,
    PowerFormatError,
    format_watts,
    format_watts_short,
    parse_watts,
)


@pytest.mark.parametrize(
    ("text", "microwatts"),
    [
        ("40", 40_000_000),
        (40, 40_000_000),
        ("40.5", 40_500_000),
        ("40000000u", 40_000_000),
        ("40000m", 40_000_000),
        ("0.04k", 40_000_000),
        ("4e1", 40_000_000),
        ("+40", 40_000_000),
        ("1Ki", 1_024_000_000),
        ("40000000.9u", 40_000_000),
        ("1", 1_000_000),
        ("100k", 100_000_000_000),
    ],
)
def test_quantities_in_watts(text: str | int, microwatts: int) -> None:
    assert parse_watts(text) == microwatts


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("forty", "is no power"),
        ("", "is no power"),
        ("40W", "is no power"),
        ("4 0", "is no power"),
        ("١٠", "is no power"),
        ("-40", "less than 1 W"),
        ("0", "less than 1 W"),
        ("999m", "less than 1 W"),
        (40_000_000, "write 40000000u"),
        ("100001", "more than any node draws"),
        ("9e99", "more than any node draws"),
    ],
)
def test_what_is_no_power_is_refused_in_words(text: str | int, words: str) -> None:
    with pytest.raises(PowerFormatError, match=words):
        parse_watts(text)


@given(st.integers(1_000_000, MAX_NODE_WATTS * 1_000_000))
def test_printed_and_read_again_is_the_same(microwatts: int) -> None:
    assert parse_watts(format_watts(microwatts)) == microwatts
    assert parse_watts(f"{microwatts}u") == microwatts


@pytest.mark.parametrize(
    ("microwatts", "text"), [(25_236_817, "25.2 W"), (40_000_000, "40 W"), (140_000_000, "140 W"), (0, "0 W")]
)
def test_tables_show_a_tenth_of_a_watt(microwatts: int, text: str) -> None:
    assert format_watts_short(microwatts) == text


@pytest.mark.parametrize(
    ("text", "power", "shown"),
    [
        ("80%", Power(percent=80), "80 %"),
        ("1%", Power(percent=1), "1 %"),
        ("100%", Power(percent=100), "100 %"),
        ("40", Power(uw=40_000_000), "40 W"),
        (37, Power(uw=37_000_000), "37 W"),
        ("37500000u", Power(uw=37_500_000), "37.5 W"),
    ],
)
def test_a_power_in_either_form(text: str | int, power: Power, shown: str) -> None:
    assert Power.parse(text) == power
    assert str(power) == shown


@pytest.mark.parametrize("text", ["0%", "101%", "12.5%", "80 %", " 80%", "-5%", "05%", "%", "a%", "٨٠%"])
def test_no_percentage(text: str) -> None:
    with pytest.raises(PowerFormatError, match='write a whole number from 1 to 100, such as "80%"'):
        Power.parse(text)


def test_a_power_on_a_node() -> None:
    assert Power(percent=80).on(190_000_000) == 152_000_000
    assert Power(percent=33).on(1_000_001) == 330_000
    assert Power(uw=40_000_000).on(190_000_000) == 40_000_000

"""What others wrote is one bounded line in which nothing acts."""

import pytest

from powercap_api.foreign_text import shown


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("two\r\nlines\tand  more ", "two lines and more"),
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("\x9b31m red", r"\x9b31m red"),
        ("safe\u202egnp.exe", r"safe\u202egnp.exe"),
        ("zero\u200bwidth\u2066\ufeff", r"zero\u200bwidth\u2066\ufeff"),
        ("\ud800", r"\ud800"),
        ("tag \U000e0041", r"tag \U000e0041"),
        ("Grüße, 50 µW – 日本語 €", "Grüße, 50 µW – 日本語 €"),
        (7, "7"),
    ],
)
def test_nothing_in_it_acts(text: object, line: str) -> None:
    assert shown(text) == line


def test_it_is_bounded_and_says_that_there_was_more() -> None:
    assert shown("x" * 300) == "x" * 300
    assert shown("x" * 60_000) == "x" * 299 + "…"
    assert len(shown("\x1b" * 300)) == 300
    assert shown("abcdef", 4) == "abc…"


def test_secrets_are_masked_and_nothing_else() -> None:
    assert shown("no such token: s3cr3t-token", secrets=["s3cr3t-token", ""]) == "no such token: ***"
    assert shown("a secret across the end " + "y" * 280 + "s3cr3t-token", secrets=["s3cr3t-token"]).endswith(
        "…"
    )

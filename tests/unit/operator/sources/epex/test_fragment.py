"""What is cut out of a page before it is parsed, exactly."""

import pytest

from powercap_operator.market.errors import Malformed, TooLarge
from powercap_operator.sources.epex.fragment import MAX_PAGE_BYTES, decode, table_fragment, without_inert

BEGIN = '<div class="table-container">'


def test_bytes_are_utf_8_with_or_without_a_mark() -> None:
    assert decode("é".encode()) == decode("\ufeffé".encode()) == decode("é") == "é"
    assert decode(b"a\xffb") == "a\N{REPLACEMENT CHARACTER}b"


def test_a_page_of_the_largest_size_is_read_and_one_byte_more_is_not() -> None:
    assert len(decode(b" " * MAX_PAGE_BYTES)) == MAX_PAGE_BYTES
    with pytest.raises(
        TooLarge, match=r"the answer has 4\.2 MB, no market-results page has more than 4\.2 MB"
    ):
        decode(b" " * (MAX_PAGE_BYTES + 1))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("abc", "abc"),
        ("<!-- a -->b", "b"),
        ("a<!---->b<!-- c -->d", "abd"),
        ("a<!-- never closed", "a"),
        ("a<script>1</script>b", "a>b"),
        ("a<style>1</style>b<script>2</script>c", "a>b>c"),
        ("a<!-- <script> -->b</script>c", "ab</script>c"),
        ("a<!-->b-->c", "ac"),
    ],
)
def test_comments_scripts_and_styles_go(text: str, kept: str) -> None:
    assert without_inert(text) == kept


@pytest.mark.parametrize(
    ("page", "fragment"),
    [
        ("<p>nothing</p>", None),
        ('<div class="my-table-container">', None),
        (f"before{BEGIN}1<td>2</td>", f"{BEGIN}1<td>2</td>"),
        (f"{BEGIN}1<footer>2", f"{BEGIN}1"),
        (f'{BEGIN}1<div class="js-md-sidebar">2', f"{BEGIN}1"),
        (f"<footer>0{BEGIN}1", f"{BEGIN}1"),
        (f"{BEGIN}<b>1</b><svg/>2", f"{BEGIN} 1  2"),
        (f"{BEGIN}<TD>1</Td>", f"{BEGIN}<TD>1</Td>"),
        (f"{BEGIN}1 < 2", f"{BEGIN}1 &lt; 2"),
    ],
)
def test_the_tables_part_keeps_the_tags_of_a_table(page: str, fragment: str | None) -> None:
    assert table_fragment(page) == fragment


@pytest.mark.parametrize(
    ("more", "refused"),
    [
        ("<p>" * 9_999, False),
        ("<p>" * 10_000, True),
        ("x" * (1 << 20), True),
        ("x" * ((1 << 20) - 29), False),
    ],
)
def test_more_than_a_table_has_is_refused(more: str, *, refused: bool) -> None:
    if not refused:
        assert table_fragment(BEGIN + more) == BEGIN + more
        return
    with pytest.raises(Malformed, match=r"has [0-9]+ tags in [0-9.]+ MB, no such table has more than 10000"):
        table_fragment(BEGIN + more)

"""Exact division within bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from powercap_agent.planning.allocation import Party, share_out


@pytest.mark.parametrize(
    ("power", "parties", "expected"),
    [
        (100, [Party(1, 0, 1000), Party(1, 0, 1000)], [50, 50]),
        (100, [Party(1, 0, 1000), Party(3, 0, 1000)], [25, 75]),
        (101, [Party(1, 0, 1000), Party(1, 0, 1000)], [51, 50]),
        (100, [Party(1, 0, 20), Party(1, 0, 1000)], [20, 80]),
        (100, [Party(1, 0, 1000), Party(9, 0, 1000), Party(10, 60, 1000)], [4, 36, 60]),
        (1000, [Party(1, 0, 20), Party(1, 0, 30)], [20, 30]),
        (10, [Party(1, 20, 50), Party(1, 5, 50)], [20, 5]),
        (100, [Party(1, 0, 10), Party(1, 0, 45), Party(1, 0, 1000)], [10, 45, 45]),
        (40, [], []),
    ],
)
def test_examples(power: int, parties: list[Party], expected: list[int]) -> None:
    assert [share.power_uw for share in share_out(power, parties)] == expected


def test_only_shares_that_a_bound_decided_are_bound() -> None:
    shares = share_out(100, [Party(1, 0, 20), Party(1, 0, 1000)])
    assert [share.bound for share in shares] == [True, False]


@st.composite
def parties(draw: st.DrawFn) -> list[Party]:
    lows_and_highs = draw(
        st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)).map(sorted), min_size=1, max_size=8)
    )
    return [Party(draw(st.integers(1, 10**9)), low, high) for low, high in lows_and_highs]


@given(st.integers(0, 10**10), parties())
def test_the_sum_is_exact_and_bounds_hold(power: int, parties: list[Party]) -> None:
    shares = share_out(power, parties)
    lowest, highest = sum(party.low_uw for party in parties), sum(party.high_uw for party in parties)
    assert sum(share.power_uw for share in shares) == min(max(power, lowest), highest)
    for party, share in zip(parties, shares, strict=True):
        assert party.low_uw <= share.power_uw <= party.high_uw


@given(st.integers(0, 10**10), st.lists(st.integers(1, 10**6), min_size=1, max_size=8))
def test_without_binding_bounds_every_share_is_in_proportion(power: int, weights: list[int]) -> None:
    shares = share_out(power, [Party(weight, 0, 10**12) for weight in weights])
    for weight, share in zip(weights, shares, strict=True):
        assert abs(share.power_uw - power * weight / sum(weights)) < 1

"""A write that is refused waits by itself."""

from powercap_operator.loops.refusals import FIRST_SECONDS, LONGEST_SECONDS, Refusals


def test_each_waits_ever_longer_and_alone() -> None:
    now = [0.0]
    refusals = Refusals(lambda: now[0])
    waited = []
    for _ in range(9):
        refusals.refused("a")
        assert not refusals.waits("b")
        began = now[0]
        while refusals.waits("a"):
            assert not refusals.are_due()
            now[0] += 1
        assert refusals.are_due()
        waited.append(now[0] - began)
    assert waited == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    assert (FIRST_SECONDS, LONGEST_SECONDS) == (5, 300)
    refusals.taken("a")
    assert not refusals.are_due()


def test_what_nobody_wants_to_write_any_more_is_no_reason_to_look() -> None:
    now = [0.0]
    refusals = Refusals(lambda: now[0])
    refusals.refused("a")
    refusals.refused("b")
    now[0] = 60
    refusals.keep({"b"})
    assert refusals.are_due()
    refusals.keep(set())
    assert not refusals.are_due()

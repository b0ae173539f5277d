"""Work on the cluster that fails with some objects is done without them, and without no other."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dev.lab.waiting_jobs import wait_policy
from powercap_api.names import MARKET_DAY, NODE, POWER_OVERRIDE, POWER_POLICY, WAIT_POLICY
from powercap_api.waitpolicy import WaitPolicy
from powercap_operator.world.containment import Containment
from powercap_operator.world.snapshot import PodView, World
from tests.support.effort import examples
from tests.support.objects import make_day, make_node, make_override, make_policy, make_world

Key = tuple[str, str]


def cluster() -> World:
    world = make_world(
        policies=[make_policy(f"p{index}") for index in range(3)],
        days=[make_day(date(2025, 10, 7 + index)) for index in range(3)],
        nodes=[make_node(f"n{index}") for index in range(9)],
        overrides=[make_override(f"o{index}") for index in range(9)],
    )
    waiting = {name: WaitPolicy.model_validate(wait_policy(name)) for name in ("w0", "w1")}
    return replace(world, wait_policies=waiting, pods={"a/b": PodView("a", "b", "n1", None, exempt=True)})


def there(world: World) -> set[Key]:
    return {
        *((POWER_POLICY, name) for name in world.policies),
        *((MARKET_DAY, name) for name in world.days),
        *((NODE, name) for name in world.nodes),
        *((POWER_OVERRIDE, name) for name in world.overrides),
        *(("Pod", name) for name in world.pods),
        *((WAIT_POLICY, name) for name in world.wait_policies),
    }


def failing_with(bad: set[Key], tries: list[int]) -> Callable[[World], set[Key]]:
    def work(world: World) -> set[Key]:
        tries.append(1)
        found = there(world) & bad
        if found:
            raise ZeroDivisionError(f"not with {sorted(found)}")
        return there(world)

    return work


@examples(30, 300)
@given(st.sets(st.sampled_from(sorted(there(cluster()))), max_size=6))
def test_exactly_the_culprits_are_left_out(bad: set[Key]) -> None:
    world, containment = cluster(), Containment("a test")
    tries: list[int] = []
    assert containment.run(world, failing_with(bad, tries)) == there(world) - bad
    assert set(containment.left_out) == bad
    assert len(tries) <= 1 + 14 * len(bad)
    tries.clear()
    containment.run(world, failing_with(bad, tries))
    assert len(tries) == 1, "they are known"


def test_they_are_told_as_objects_that_cannot_be_worked_with() -> None:
    world, containment = cluster(), Containment("a test")

    def work(some: World) -> World:
        if "o3" in some.overrides:
            raise ValueError("an \x1b[2J override")
        return some

    found = containment.run(world, work).unreadable[POWER_OVERRIDE, "o3"]
    assert (found.name, found.uid, found.why) == ("o3", "uid-o3", r"ValueError: an \x1b[2J override")


def test_one_that_has_changed_is_given_another_try() -> None:
    world, containment = cluster(), Containment("a test")
    bad = {(POWER_OVERRIDE, "o3")}
    containment.run(world, failing_with(bad, []))
    mended = replace(world, overrides={**world.overrides, "o3": make_override("o3", limit="20")})
    assert containment.run(mended, there) == there(mended)
    assert not containment.left_out


def test_a_fault_that_is_no_objects_is_not_hidden() -> None:
    def work(_: World) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Containment("a test").run(cluster(), work)

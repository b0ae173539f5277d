"""When jobs that wait are released and why, by hand and over random days."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from powercap_api.names import RELEASED_AT
from powercap_api.powerpolicy import Provider
from powercap_api.reasons import ReleaseReason
from powercap_operator.market.known_days import KnownDays
from powercap_operator.planning.jobs.plan import JobPlan, JobPlanner, next_time
from powercap_operator.planning.jobs.release import decide_jobs
from powercap_operator.planning.jobs.status import release_sentence, wait_policy_status, wait_sentence
from powercap_operator.planning.reading import followed, read_wait_policies
from powercap_operator.planning.wanted_days import wanted_days
from powercap_operator.world.job import JobView, view_job
from powercap_operator.world.snapshot import World
from tests.support.effort import examples
from tests.support.objects import moment
from tests.support.waiting import job_body, make_job, make_wait_policy, priced, ran, waiting_world

DAY = date(2025, 10, 9)
FIRST = moment("2025-10-08T22:00Z")
"""Midnight of the day in Paris."""
HOUR = timedelta(hours=1)
PRICES = [50, 50, 40, 30, 30, 60, 60, 60, 20, 60]
PARIS = ZoneInfo("Europe/Paris")


def at(hour: float) -> datetime:
    return FIRST + hour * HOUR


def only(world: World, now: datetime, zones: dict[str, ZoneInfo] | None = None) -> JobPlan:
    [plan] = JobPlanner().plan(world, now, zones or {})
    return plan


def world_of(*jobs: JobView, **spec: Any) -> World:
    return waiting_world(jobs, [make_wait_policy(**spec)], [priced(DAY, PRICES)])


W, D, S = ReleaseReason.WINDOW, ReleaseReason.DEADLINE, ReleaseReason.NO_SAVING


@pytest.mark.parametrize(
    ("said", "now", "start", "reason"),
    [
        pytest.param({"wait": "6h", "duration": "2h"}, 0, 3, W, id="waits for the cheap hours"),
        pytest.param({"wait": "6h", "duration": "2h"}, 3, 3, W, id="they begin"),
        pytest.param({"wait": "9h", "duration": "1h"}, 0, 8, W, id="a longer wait finds cheaper ones"),
        pytest.param({"wait": "2h", "duration": "2h"}, 2.5, 2.5, D, id="overdue while nobody was there"),
        pytest.param({"wait": "1h", "duration": "1h"}, 0, 0, S, id="no later start saves anything"),
        pytest.param({"duration": "2h"}, 0, 3, W, id="the longest wait of the policy"),
        pytest.param({"wait": "90h", "duration": "2h"}, 0, 3, W, id="never longer than the policy lets"),
        pytest.param({"wait": "6h"}, 0, 3, W, id="the duration of the policy"),
        pytest.param({"finish_by": "06:00", "duration": "2h"}, 0, 3, W, id="by six in the morning"),
        pytest.param({"finish_by": "04:30", "duration": "2h"}, 0, 2.5, W, id="by half past four"),
        pytest.param({"finish_by": "01:00", "duration": "2h"}, 0, 0, D, id="too late for that"),
        pytest.param({"wait": "6h", "finish_by": "05:00", "duration": "2h"}, 0, 3, W, id="both"),
        pytest.param({"wait": "6", "duration": "2h"}, 0, 0, ReleaseReason.UNREADABLE_JOB, id="no unit"),
        pytest.param({"finish_by": "dawn"}, 0, 0, ReleaseReason.UNREADABLE_JOB, id="no time of day"),
        pytest.param(
            {"wait": "6h", "duration": "30h"}, 0, 0, ReleaseReason.NO_DATA, id="beyond what is known"
        ),
    ],
)
def test_when_a_job_starts_and_why(
    said: dict[str, str], now: float, start: float, reason: ReleaseReason
) -> None:
    plan = only(
        world_of(make_job("a", FIRST, **said), maxWait="6h" if "9h" not in said.values() else "9h"), at(now)
    )
    assert (plan.start, plan.reason) == (at(start), reason)
    assert plan.job.key == "batch/a"


def test_what_is_told() -> None:
    job = make_job("a", FIRST, wait="6h", duration="2h")
    world = world_of(job)
    assert wait_sentence(only(world, FIRST)) == "waits until Thu 03:00: 30.00 instead of 50.00 EUR/MWh"
    plan = only(world, at(3))
    assert release_sentence(plan) == "starts in its cheap hours: 30.00 instead of 50.00 EUR/MWh"
    assert plan.saved == Decimal("0.04"), "EUR for each kW: 20 EUR/MWh for two hours"
    odd = only(world_of(make_job("a", FIRST, wait="6 hours")), FIRST)
    assert "annotation powercap.dev/wait: '6 hours' is no duration" in release_sentence(odd)


@pytest.mark.parametrize(
    ("job", "seen"),
    [
        pytest.param({"labels": {"kueue.x-k8s.io/queue-name": "batch"}}, False, id="in a queue"),
        pytest.param({"spec": {"managedBy": "kueue.x-k8s.io/multikueue"}}, False, id="managed by another"),
        pytest.param({"status": {"failed": 1}}, True, id="suspended after it had run"),
        pytest.param({"released_at": "2025-10-08T21:00:00Z"}, True, id="suspended after its release"),
        pytest.param({"released_at": "yes"}, True, id="said to be released"),
        pytest.param({"status": {"conditions": [{"type": "Failed", "status": "True"}]}}, True, id="failed"),
    ],
)
def test_what_is_not_the_operators_is_never_touched(job: dict[str, Any], seen: bool) -> None:
    view = view_job(job_body("a", FIRST, wait="1h", **job))
    assert (view is not None) == seen
    world = world_of(*([] if view is None else [view]))
    decision = decide_jobs(world, JobPlanner().plan(world, at(5), {}), at(5))
    assert not decision.release
    assert not decision.mark
    assert not decision.waiting


def test_a_job_that_nobody_suspended_is_marked_so_that_who_suspends_it_later_is_obeyed() -> None:
    world = world_of(make_job("a", FIRST, spec={"suspend": False}, status={"active": 1}))
    decision = decide_jobs(world, JobPlanner().plan(world, FIRST, {}), FIRST)
    assert [plan.reason for plan in decision.mark] == [ReleaseReason.NOT_SUSPENDED]
    assert "needs spec.suspend: true" in release_sentence(decision.mark[0])


def test_which_policy_counts() -> None:
    here = make_wait_policy("here", namespaces=["batch"], maxWait="2h")
    younger = make_wait_policy("a-younger", namespaces=["batch"], created="2025-02-01T00:00:00Z")
    world = waiting_world(
        [make_job("a", FIRST), make_job("b", FIRST, namespace="other")],
        [make_wait_policy("all"), younger, here],
        [priced(DAY, PRICES)],
    )
    assert {plan.job.name: plan.policy for plan in JobPlanner().plan(world, FIRST, {})} == {
        "a": "here",
        "b": "all",
    }


def test_without_a_policy_or_results_a_job_starts_at_once_and_it_is_told() -> None:
    job = make_job("a", FIRST, wait="6h")
    nobody = only(waiting_world([job]), FIRST)
    assert "no WaitPolicy is for namespace batch" in release_sentence(nobody)
    no_results = only(waiting_world([job], [make_wait_policy()]), FIRST)
    assert "results of FR SDAC 60min are not known" in release_sentence(no_results)
    damaged = make_wait_policy("odd", market={"area": "FR", "auction": "SDAC"}, defaultDuration="1h")
    damaged = damaged.model_copy(update={"spec": damaged.spec.model_copy(update={"max_wait": "soon"})})
    faulty = only(waiting_world([job], [damaged]), FIRST)
    assert faulty.reason is ReleaseReason.UNREADABLE_POLICY
    assert "WaitPolicy odd" in release_sentence(faulty)


def test_a_cron_jobs_runs_say_how_long_it_takes() -> None:
    earlier = [
        ran(f"r{number}", FIRST - 24 * HOUR * number, HOUR * (1 if number % 2 else 3), "nightly")
        for number in range(1, 10)
    ]
    job = make_job("a", FIRST, cron_job="nightly", finish_by="07:00")
    plan = only(world_of(job, *earlier), FIRST)
    assert plan.duration == HOUR, "the median chooses the hours"
    assert plan.latest == at(4), "90 % of the runs took three hours at most: from four on it might be late"
    here = only(world_of(job, *earlier), FIRST, {"batch/nightly": ZoneInfo("UTC")})
    assert here.latest == at(6), "seven o'clock is the CronJob's"


def test_most_at_once_holds_but_for_those_at_their_last_moment() -> None:
    jobs = [make_job(f"a{number}", FIRST, wait="6h", duration="2h") for number in range(7)]
    last = [make_job(f"b{number}", FIRST, wait="3h", duration="2h") for number in range(5)]
    world = world_of(*jobs, *last, mostAtOnce=3)
    planner = JobPlanner()
    assert not decide_jobs(world, planner.plan(world, FIRST, {}), FIRST).release
    now = at(3)
    decision = decide_jobs(world, planner.plan(world, now, {}), now)
    assert {plan.job.name for plan in decision.release} == {job.name for job in last}
    released = {job.key: replace(job, released=True, suspended=False, released_at=now) for job in last}
    world = replace(world, jobs={**(world.jobs or {}), **released})
    soon = now + timedelta(seconds=9)
    decision = decide_jobs(world, planner.plan(world, soon, {}), soon)
    assert not decision.release
    assert decision.next_look is not None
    later = now + timedelta(seconds=10)
    assert len(decide_jobs(world, planner.plan(world, later, {}), later).release) == 3


def test_jobs_whose_policy_went_are_released_as_slowly() -> None:
    world = waiting_world([make_job(f"a{number}", FIRST, wait="6h") for number in range(7)])
    assert len(decide_jobs(world, JobPlanner().plan(world, FIRST, {}), FIRST, 4).release) == 4


@pytest.mark.parametrize(
    ("after", "text", "zone", "found"),
    [
        ("2025-10-09T04:59Z", "07:00", PARIS, "2025-10-09T05:00Z"),
        ("2025-10-09T05:00Z", "07:00", PARIS, "2025-10-10T05:00Z"),
        ("2025-10-25T22:00Z", "07:00", PARIS, "2025-10-26T06:00Z"),  # the clock goes back that night
        ("2025-10-25T22:00Z", "02:30", PARIS, "2025-10-26T00:30Z"),  # the first of two
        ("2026-03-28T23:00Z", "02:30", PARIS, "2026-03-29T00:30Z"),  # there is none: before the gap
        ("2026-03-28T23:00Z", "07:00", PARIS, "2026-03-29T05:00Z"),
        ("2025-10-09T04:59Z", "07:00", ZoneInfo("UTC"), "2025-10-09T07:00Z"),
    ],
)
def test_times_of_day_at_changes_of_the_clock(after: str, text: str, zone: ZoneInfo, found: str) -> None:
    assert next_time(text, moment(after), zone) == moment(found)


def test_the_status_counts_on_from_what_it_said() -> None:
    job = make_job("a", FIRST, wait="6h", duration="2h")
    world = world_of(job, make_job("b", FIRST, wait="9h", duration="1h"))
    policy, rule = world.wait_policies["default"], read_wait_policies(world)[0]["default"]
    planner = JobPlanner()
    now = at(3)
    decision = decide_jobs(world, planner.plan(world, now, {}), now)
    released = [plan for plan in decision.release if plan.job == job]
    status = wait_policy_status(policy, rule, decision.waiting, released, planner.known_until("default"), now)
    said = {key: value for key, value in status.items() if key != "conditions"}
    assert said == {
        "observedGeneration": 1,
        "market": "FR SDAC 60min",
        "waiting": 1,
        "nextStart": "2025-10-09T06:00:00Z",
        "released": 1,
        "releases": [{"reason": "Window", "jobs": 1}],
        "savedPerKilowatt": "0.040000",
        "saved": "0.04 EUR/kW",
    }
    again = policy.model_validate({**policy.to_wire(), "status": status})
    twice = wait_policy_status(again, rule, decision.waiting, released, planner.known_until("default"), now)
    assert (twice["released"], twice["saved"]) == (2, "0.08 EUR/kW")


def test_days_are_wanted_for_jobs_where_the_operator_follows_them() -> None:
    world = waiting_world([], [make_wait_policy(market={"area": "DE-LU", "auction": "SDAC"})])
    now = moment("2025-10-09T10:00Z")
    wanted = wanted_days(followed(world), KnownDays([]), now)
    assert {(one.area, one.provider) for one in wanted.values()} == {("DE-LU", Provider.EPEX)}
    assert not wanted_days(followed(replace(world, jobs=None)), KnownDays([]), now)


@st.composite
def cases(draw: st.DrawFn) -> tuple[World, list[datetime]]:
    """Two days, one of which may be missing, some jobs, and moments at which they are looked at: when each is made, and
    others."""
    price = st.integers(-50, 300)
    days = [
        priced(DAY + timedelta(days=ahead), draw(st.lists(price, min_size=25, max_size=25)))
        for ahead in (0, 1)
    ]
    jobs = [
        make_job(
            f"j{number}",
            at(draw(st.integers(0, 40 * 60)) / 60),
            wait=f"{draw(st.integers(1, 1000))}m",
            duration=f"{draw(st.integers(1, 400))}m",
        )
        for number in range(draw(st.integers(1, 5)))
    ]
    policy = make_wait_policy(leastSavingPercent=draw(st.integers(0, 20)), mostAtOnce=draw(st.integers(1, 3)))
    kept = [day for day in days if draw(st.integers(0, 5))]
    looks = draw(st.lists(st.integers(0, 60 * 60), max_size=6))
    moments = {job.created for job in jobs} | {at(minute / 60) for minute in looks}
    return waiting_world(jobs, [policy], kept), sorted(moments)


@given(cases())
@examples(25, 1000)
def test_no_job_waits_past_its_last_moment_or_for_a_dearer_start(case: tuple[World, list[datetime]]) -> None:
    world, looks = case
    planner, released = JobPlanner(), set()
    for now in looks:
        there = {key: job for key, job in (world.jobs or {}).items() if job.created <= now}
        current = replace(world, jobs=there)
        decision = decide_jobs(current, planner.plan(current, now, {}), now)
        for plan in decision.waiting:
            assert now < plan.latest
            assert plan.start <= plan.latest
            if plan.start > now and plan.at_once is not None:
                assert plan.cost is not None
                assert plan.cost <= plan.at_once
        for plan in decision.release:
            assert plan.job.key not in released
            released.add(plan.job.key)
            gone = replace(there[plan.job.key], suspended=False, released=True, released_at=now)
            world = replace(world, jobs={**(world.jobs or {}), plan.job.key: gone})
        assert decision.next_look is None or decision.next_look > now


def test_the_annotation_is_what_stops_a_second_release() -> None:
    body = job_body("a", FIRST)
    body["metadata"]["annotations"][RELEASED_AT] = "2025-10-08T22:00:00Z"
    view = view_job(body)
    assert view is not None
    assert not view.waits
    assert view.released_at == FIRST.replace(tzinfo=UTC)

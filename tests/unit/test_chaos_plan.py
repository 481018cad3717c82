"""A campaign's faults are known before it begins."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tests.chaos.long.plan import ClockJump, kind_of, lead_of, make_long_plan, tell_long
from tests.chaos.plan import (
    LONGEST,
    SHORTEST,
    USUAL_LONGEST,
    ChangeCompany,
    FlushRedis,
    GoLive,
    Kill,
    LoseAnswers,
    Pause,
    make_plan,
    tell_all,
)

seeds = st.integers(min_value=0, max_value=10_000)


@given(seed=seeds)
def test_the_same_seed_gives_the_same_faults(seed: int) -> None:
    assert make_plan(seed) == make_plan(seed)
    assert make_plan(seed) != make_plan(seed + 1)


@given(seed=seeds, longest=st.floats(min_value=3, max_value=LONGEST))
def test_every_kind_of_fault_is_done_and_no_stop_is_longer_than_was_asked_for(
    seed: int, longest: float
) -> None:
    plan = make_plan(seed, longest=longest)

    pauses = [fault for fault in plan if isinstance(fault, Pause)]
    assert {type(fault) for fault in plan} == {
        Kill, Pause, FlushRedis, LoseAnswers, GoLive, ChangeCompany,
    }  # fmt: skip
    assert all(SHORTEST - 0.1 <= pause.seconds <= longest + 0.1 for pause in pauses)


@given(seed=seeds)
def test_an_emitter_is_stopped_for_longer_than_its_leases_last(seed: int) -> None:
    pauses = [fault for fault in make_plan(seed) if isinstance(fault, Pause)]

    long = [p for p in pauses if p.word == "services.emitter" and p.one is not None]
    assert sum(1 for pause in long if pause.seconds > USUAL_LONGEST * 0.6) >= 2


@given(seed=seeds)
def test_the_company_changes_once_notas_are_real_and_before_the_end(seed: int) -> None:
    plan = make_plan(seed)

    kinds = [type(fault) for fault in plan]
    assert kinds.index(GoLive) < kinds.index(ChangeCompany) < len(plan) - 1


def test_a_plan_can_be_read() -> None:
    lines = tell_all(make_plan(1)).splitlines()

    assert len(lines) == len(make_plan(1))
    assert any("company changed" in line for line in lines)


@given(seed=seeds, kills=st.integers(min_value=1, max_value=200))
def test_a_long_plan_has_every_kind_of_fault_and_so_many_kills(seed: int, kills: int) -> None:
    plan = make_long_plan(seed, kills=kills)

    counted = Counter(kind_of(fault) for fault in plan)
    assert plan == make_long_plan(seed, kills=kills)
    assert counted["kill"] == kills
    assert counted.keys() == {
        "kill", "stop", "restart of postgres", "restart of redis-server", "KillBackends",
        "FlushRedis", "FullDisk", "SlowDatabase", "ClockJump", "FailOver",
    }  # fmt: skip
    assert all(tell_long(fault) for fault in plan)


@given(seed=seeds)
def test_clocks_outside_begin_as_far_ahead_as_they_go_back(seed: int) -> None:
    plan = make_long_plan(seed, kills=60)
    now = lead_of(plan)
    for fault in plan:
        now += fault.seconds if isinstance(fault, ClockJump) else 0
        assert now > -0.001

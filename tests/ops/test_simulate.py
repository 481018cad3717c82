"""The model of a month says what can be worked out by hand where it can."""

from dataclasses import replace

import pytest

from deploy.simulate import World, quantile, simulate

SMALL = World(tenants=50, sales=5_000)
# All of one tenant's month in one instant.
AT_ONCE = World(tenants=1, sales=600, renewal_share=1.0, renewal_hours=0.0, linger=0)


def test_the_same_seed_is_the_same_month_and_no_sale_is_lost() -> None:
    first, again = simulate(SMALL), simulate(SMALL)
    assert first == again
    assert first.sales == 5_000
    assert first != simulate(replace(SMALL, seed=14))


def test_sales_due_at_once_leave_at_the_pace_of_the_issuer() -> None:
    outcome = simulate(replace(AT_ONCE, issuer_parallel=100))
    assert outcome.ages[-1] == pytest.approx(599 / 5, abs=0.1)
    assert outcome.budget_waits[-1] == 0  # twelve pages of fifty bills: one minute's budget


def test_a_slow_issuer_is_bounded_by_what_may_be_under_way() -> None:
    outcome = simulate(replace(AT_ONCE, issuer_seconds=4.0))  # four under way: one a second
    assert outcome.ages[-1] == pytest.approx(600 / 1 - 4, abs=1)


def test_a_budget_that_is_spent_waits_for_the_next_minute() -> None:
    outcome = simulate(replace(AT_ONCE, requests_a_minute=8))  # 200 bills a minute of 600
    assert [quantile(outcome.budget_waits, share) for share in (0.3, 0.6, 1.0)] == [0, 60, 120]


def test_twice_the_processor_a_nota_takes_more_emitters_once_one_is_not_enough() -> None:
    crowd = replace(SMALL, sales=20_000, renewal_share=1.0, renewal_hours=0.01, age=0.5, linger=0)
    crowd = replace(crowd, requests_a_minute=100_000)
    crowd = replace(crowd, issuer_a_second=1_000, issuer_parallel=1_000, processor_seconds=0.02)
    few, many = simulate(crowd), simulate(replace(crowd, processor_seconds=0.04))
    assert 1 < few.pods < many.pods
    assert quantile(few.pod_waits, 0.99) <= 0.5

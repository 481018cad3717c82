from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.sign_in import (
    FORGOTTEN_AFTER,
    FREE_FOR_ACCOUNT,
    LONGEST_WAIT,
    Failures,
    fresh,
    wait_until,
)

NOON = datetime(2026, 11, 10, 12, tzinfo=UTC)


def after(count: int, ago: timedelta = timedelta()) -> datetime | None:
    return wait_until(Failures(count=count, last_at=NOON - ago), FREE_FOR_ACCOUNT, NOON)


def test_some_slips_cost_nothing() -> None:
    assert [after(count) for count in range(FREE_FOR_ACCOUNT)] == [None] * FREE_FOR_ACCOUNT
    assert wait_until(None, FREE_FOR_ACCOUNT, NOON) is None


def test_each_further_guess_waits_twice_as_long_up_to_a_quarter_of_an_hour() -> None:
    waits = [after(FREE_FOR_ACCOUNT + more) for more in range(12)]

    assert waits[0] == NOON + timedelta(seconds=2)
    assert waits[3] == NOON + timedelta(seconds=16)
    assert waits[-1] == NOON + LONGEST_WAIT


def test_who_waits_long_enough_may_try_again_and_is_forgotten_in_the_end() -> None:
    assert after(40, LONGEST_WAIT) is None
    assert fresh(Failures(count=40, last_at=NOON - FORGOTTEN_AFTER), NOON) == 0


@given(st.integers(0, 10**6), st.timedeltas(timedelta(), timedelta(days=400)))
def test_nobody_ever_waits_longer_than_a_quarter_of_an_hour(count: int, ago: timedelta) -> None:
    until = after(count, ago)

    assert until is None or NOON < until <= NOON + LONGEST_WAIT

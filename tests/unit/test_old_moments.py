"""How many notas of old moments a tenant's own history explains."""

import pytest

from shared.domain.brakes import OLD, STRAY, TenantLimits, Today, Wanted, brake, explained
from shared.domain.ids import BillId
from shared.domain.money import Cents


def old_today(busiest_old: int, let_through: int = 0) -> Today:
    return Today(
        notas=0,
        amount=Cents(0),
        live=0,
        history_days=30,
        busiest=10_000,
        braked=None,
        busiest_old=busiest_old,
        let_through=let_through,
    )


def olds(number: int) -> list[Wanted]:
    return [
        Wanted(bill_id=BillId(bill), amount=Cents(100), past=False, free=False, old=True)
        for bill in range(1, number + 1)
    ]


@pytest.mark.parametrize(
    ("busiest", "let_through", "most"),
    [(0, 0, 3), (3, 0, 3), (4, 0, 4), (50, 0, 50), (0, 3, 3), (3, 4, 8), (50, 50, 100), (9, 4, 9)],
)
def test_what_a_day_may_have(busiest: int, let_through: int, most: int) -> None:
    limits, today = TenantLimits(), old_today(busiest, let_through)

    assert explained(busiest, let_through) == most
    assert brake(limits, today, olds(most)).tripped is None
    assert brake(limits, today, olds(most + 1)).tripped == OLD


@pytest.mark.parametrize(("let_through", "most"), [(0, STRAY), (5, 10)])
def test_days_that_nobody_looked_at_never_allow_more_than_twice_what_a_person_did(
    let_through: int, most: int
) -> None:
    busiest = let_through
    for _ in range(30):  # each day has all that it may have
        busiest = max(busiest, explained(busiest, let_through))

    assert busiest == most

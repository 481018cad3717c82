"""How many notas of old moments a tenant's own history explains."""

import pytest

from shared.domain.brakes import OLD, STRAY, TenantLimits, Today, Wanted, brake, explained
from shared.domain.ids import BillId
from shared.domain.money import Cents


def old_today(busiest_old: int) -> Today:
    return Today(
        notas=0,
        amount=Cents(0),
        live=0,
        history_days=30,
        busiest=10_000,
        braked=None,
        busiest_old=busiest_old,
    )


def olds(number: int) -> list[Wanted]:
    return [
        Wanted(bill_id=BillId(bill), amount=Cents(100), past=False, free=False, old=True)
        for bill in range(1, number + 1)
    ]


@pytest.mark.parametrize(("busiest", "most"), [(0, 3), (1, 3), (3, 3), (4, 8), (50, 100)])
def test_what_a_day_may_have(busiest: int, most: int) -> None:
    limits, today = TenantLimits(), old_today(busiest)

    assert explained(busiest) == most
    assert brake(limits, today, olds(most)).tripped is None
    assert brake(limits, today, olds(most + 1)).tripped == OLD


def test_days_that_nobody_looked_at_never_allow_more_than_a_stray_few() -> None:
    busiest = 0
    for _ in range(30):  # each day has all that it may have
        busiest = max(busiest, explained(busiest))

    assert busiest == STRAY

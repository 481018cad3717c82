"""From when on the sales of an account are a tenant's, and when another tenant had it."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.account_lines import AccountLines, Away, going_on
from shared.domain.bill import Bill
from shared.domain.decide import decide
from shared.domain.decision import Hold, Issue
from shared.domain.moment import moment_paid
from tests.builders import NOW, a_bill, a_rule, a_sale, terms

A, B = "1:production", "2:production"
HOUR = timedelta(hours=1)
LEFT = datetime(2026, 11, 3, 12, tzinfo=UTC)
BACK = LEFT + 24 * HOUR


def there_and_back(*, elsewhere: bool) -> AccountLines:
    away = going_on(AccountLines(), A, B, LEFT)
    return going_on(away, B, A, BACK, elsewhere=elsewhere)


def test_another_account_has_a_line_of_its_own_and_who_comes_back_the_one_it_had() -> None:
    there = going_on(AccountLines(), A, B, LEFT)
    assert (there.line_from, there.before, there.left_at) == (LEFT, {A: None}, {A: LEFT})

    back = there_and_back(elsewhere=False)
    assert (back.line_from, back.before, back.left_at) == (None, {B: LEFT}, {B: BACK})
    assert back.away is None


def test_the_same_account_moves_nothing() -> None:
    lines = there_and_back(elsewhere=True)

    assert going_on(lines, A, A, BACK + HOUR, elsewhere=True) == lines


def test_an_account_that_was_another_tenants_was_away_for_that_long() -> None:
    assert there_and_back(elsewhere=True).away == Away(since=LEFT, until=BACK)


def test_one_that_was_away_twice_was_so_from_the_first_time_to_the_last() -> None:
    once = there_and_back(elsewhere=True)
    again = going_on(once, A, B, BACK + HOUR)
    twice = going_on(again, B, A, BACK + 9 * HOUR, elsewhere=True)

    assert again.away is None
    assert twice.away == Away(since=LEFT, until=BACK + 9 * HOUR)


def test_of_one_left_before_that_was_kept_nothing_is_known() -> None:
    lines = AccountLines(line_from=LEFT, before={A: None})

    assert going_on(lines, B, A, BACK, elsewhere=True).away is None


def recorded_at(bill: Bill) -> datetime:
    moment = moment_paid(bill)
    assert moment is not None
    return moment.recorded_at


@pytest.mark.parametrize(
    ("since", "until", "held"),
    [(-2, -1, False), (-1, 1, True), (0, 1, True), (-1, 0, False), (1, 2, False)],
)
def test_a_sale_of_that_time_is_a_question(since: int, until: int, held: bool) -> None:
    bill = a_bill()
    at = recorded_at(bill)
    away = Away(since=at + since * HOUR, until=at + until * HOUR)

    decision = decide(a_sale(bill), a_rule(), terms(away=away), NOW)

    assert decision == Hold(code="account_elsewhere") if held else isinstance(decision, Issue)


def test_what_a_person_asked_for_is_none() -> None:
    bill = a_bill()
    away = Away(since=recorded_at(bill), until=NOW)

    assert isinstance(decide(a_sale(bill, wish="issue"), a_rule(), terms(away=away), NOW), Issue)
    taken = a_sale(bill, backfill="original")
    assert isinstance(decide(taken, a_rule(), terms(away=away), NOW), Issue)

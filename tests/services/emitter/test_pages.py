"""On an account that is much used pages are filled, a second at most, and nothing is overdrawn."""

from datetime import timedelta

import pytest

from services.emitter.pages import LINGER, PAGE, Claim, Linger, worth_claiming
from services.emitter.room import BATCH
from shared.db.outbox.due_read import DueToRead
from shared.vindi.budget import Headroom

MOMENT = timedelta(seconds=0.2)


def room(requests: int) -> Headroom:
    return Headroom(requests=requests, wait=timedelta(seconds=9))


def due(to_read: int, for_: timedelta, others: int = 0) -> DueToRead:
    return DueToRead(to_read=to_read, to_read_for=for_, others=others)


def test_a_page_that_is_not_full_waits_for_the_rest_of_a_second() -> None:
    assert worth_claiming(BATCH, room(30), due(10, MOMENT)) == Linger(how_long=LINGER - MOMENT)


def test_notas_that_are_followed_neither_wait_for_a_page_nor_fill_it() -> None:
    claim = worth_claiming(BATCH, room(30), due(PAGE - 1, MOMENT, others=30))

    assert claim == Linger(how_long=LINGER - MOMENT, meanwhile=Claim(most=30, unread=False))


def test_what_is_due_for_another_reason_is_claimed_beside_a_full_page() -> None:
    assert worth_claiming(BATCH, room(30), due(PAGE + 3, MOMENT, others=7)) == Claim(
        most=PAGE + 7, page=True
    )


@pytest.mark.parametrize(
    ("number", "due_for", "most"),
    [(PAGE, MOMENT, PAGE), (1, LINGER, PAGE), (PAGE + 9, LINGER, PAGE), (BATCH, MOMENT, BATCH)],
)
def test_full_pages_and_one_that_waited_are_claimed(
    number: int, due_for: timedelta, most: int
) -> None:
    assert worth_claiming(BATCH, room(30), due(number, due_for)) == Claim(most=most, page=True)


@pytest.mark.parametrize(("requests", "most"), [(2, PAGE), (3, PAGE), (4, 2 * PAGE), (99, BATCH)])
def test_no_more_is_claimed_than_the_budget_reads(requests: int, most: int) -> None:
    assert worth_claiming(BATCH, room(requests), due(BATCH, LINGER)) == Claim(most=most, page=True)


def test_without_budget_only_what_needs_no_reading_is_claimed() -> None:
    claim = worth_claiming(BATCH, room(1), due(PAGE, LINGER))

    assert claim == Claim(most=BATCH, unread=False)


def test_where_the_budget_is_not_known_it_is_asked_by_the_reads_themselves() -> None:
    assert worth_claiming(7, None, due(PAGE, LINGER)) == Claim(most=7, page=True)

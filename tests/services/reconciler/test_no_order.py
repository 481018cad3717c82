"""Accounts whose lists have neither a filter of changes nor an order: nothing old is forgotten."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

import pytest

from services.reconciler.accounts import read_newest as newest
from services.reconciler.accounts.read_newest import read_newest
from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from shared.vindi.client import BILLS, Page, Unreadable, VindiClient
from tests.services.reconciler.conftest import Watch

DISORDERED: Final[dict[str, Any]] = {"ignored_filters": {"all"}, "unordered": {"all"}}
LONG_AGO: Final = timedelta(days=10)


def some_sales(watch: Watch, number: int = 5) -> list[Bill]:
    """Sales of different minutes, so that their order shows."""
    made = [datetime.now(UTC) - timedelta(minutes=ago) for ago in range(number)]
    days = [at.replace(microsecond=0).isoformat() for at in made]
    return [watch.desk.sell(created_at=at, paid_at=at) for at in days]


async def connected_for(watch: Watch, days: int) -> None:
    async with watch.desk.pool.acquire() as conn:
        await conn.execute(
            "UPDATE vindi_connections SET connected_at = now() - $1::interval", timedelta(days=days)
        )


async def test_an_old_bill_that_is_paid_now_is_found_without_an_event(watch: Watch) -> None:
    """It was open when the tenant began, so that nobody ever read it."""
    then = (datetime.now(UTC) - LONG_AGO).timestamp()
    old = watch.desk.sell(created_at=then, paid=False)
    watch.desk.account.faults.change(DISORDERED)
    new = some_sales(watch)
    await watch.pass_once()
    operations.pay_bill(watch.desk.account, bill_id=old.id, events=False)

    state = await watch.pass_once()
    await watch.desk.work()

    assert state.error == "order_ignored"
    assert [len(watch.desk.notas_of(bill)) for bill in (old, *new)] == [1] * 6


async def test_bills_at_rest_since_before_are_no_news(watch: Watch) -> None:
    then = (datetime.now(UTC) - LONG_AGO).timestamp()
    old = watch.desk.sell(created_at=then, paid_at=then)
    watch.desk.account.faults.change(DISORDERED)
    some_sales(watch)

    await watch.pass_once()

    assert await watch.stored(old) is None


async def test_open_bills_beyond_what_is_read_are_looked_at_by_their_ids(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [datetime.now(UTC) - timedelta(minutes=ago) for ago in range(6)]
    opened = [watch.desk.sell(created_at=at.timestamp(), paid=False) for at in made]
    await watch.pass_once()
    await watch.desk.work()
    monkeypatch.setattr(newest, "MOST_UNORDERED", 0)  # one page
    watch.desk.account.faults.change(
        DISORDERED | {"per_page_cap": 2, "refused_filters": {"updated_at"}}
    )
    for bill in opened:
        operations.pay_bill(watch.desk.account, bill_id=bill.id, events=False)
    async with watch.desk.pool.acquire() as conn:
        await conn.execute("UPDATE bills SET read_at = read_at - interval '2 h'")

    state = await watch.pass_once()
    await watch.desk.work()

    assert state.error == "order_ignored"
    assert [len(watch.desk.notas_of(bill)) for bill in opened] == [1] * 6


async def test_its_nights_are_not_put_off_for_ever(watch: Watch) -> None:
    await watch.pass_once()
    lost = (datetime.now(UTC) - LONG_AGO).timestamp()
    old = watch.desk.sell(created_at=lost, paid_at=lost)
    some_sales(watch)
    watch.desk.account.faults.change(DISORDERED)
    await connected_for(watch, 30)
    async with watch.desk.pool.acquire() as conn:
        await conn.execute("UPDATE reconciler_passes SET nightly_day = nightly_day - 8")
    before = await watch.state()

    state = await watch.pass_once()

    assert state.error == "order_ignored"
    assert before.nightly_day is not None
    assert state.nightly_day is not None
    assert state.nightly_day > before.nightly_day
    assert await watch.stored(old) is not None


class Listed:
    """A client whose list is one page of rows that were created at these instants."""

    def __init__(self, *created: str) -> None:
        self.created = created

    async def read_page(self, *_: object, **__: object) -> Page[Any]:
        rows = tuple(
            Unreadable(raw={"id": number, "created_at": at}, id=number, problem="amount")
            for number, at in enumerate(self.created, 1)
        )
        return Page(rows=rows, number=1, per_page=50, total=len(rows))


async def test_rows_of_one_second_are_in_order_whichever_shows_its_thousandths() -> None:
    client = Listed("2026-11-09T12:00:00.000-03:00", "2026-11-09T12:00:00.718-03:00")
    back_to = datetime(2026, 11, 9, tzinfo=UTC)

    rows = read_newest(cast("VindiClient", client), BILLS, back_to=back_to)
    pages = [page async for page in rows]

    assert [len(page) for page in pages] == [2]

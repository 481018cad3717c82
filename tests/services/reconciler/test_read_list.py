"""A list that ends without an error was read whole, whatever happened to it meanwhile."""

import random
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from aiohttp import ClientSession

from services.reconciler.accounts import read_list as reading
from services.reconciler.accounts import read_newest as newest
from services.reconciler.accounts.read_list import IncompletePass, ListRead, read_list
from services.reconciler.accounts.read_newest import read_newest
from services.sandbox.run import running_sandbox
from services.sandbox.vindi import lists, operations
from services.sandbox.vindi.account import Account
from shared.domain.bill import Bill
from shared.net.http import open_session
from shared.vindi.budget import AccountKey, Budget, BudgetShare
from shared.vindi.client import BILLS, Read, VindiClient
from shared.vindi.query import where


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PAUSES", (0.001, 0.001, 0.001))


@pytest_asyncio.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with open_session() as opened:
        yield opened


@pytest_asyncio.fixture
async def shop(session: ClientSession) -> AsyncIterator[tuple[Account, VindiClient]]:
    """An account with 23 paid bills of one second, five rows a page."""
    async with running_sandbox() as sandbox:
        account = sandbox.vindi.create_account()
        account.rate.limit = None
        account.faults.change({"per_page_cap": 5})
        at = datetime.now(UTC).timestamp()
        for _ in range(23):
            operations.sale(account, events=False, created_at=at, paid_at=at)
        yield (
            account,
            VindiClient(
                session,
                base_url=sandbox.vindi_url,
                api_key=account.keys[0].key,
                account=AccountKey("tabcdefghij:production"),
                budget=Budget(None, per_window=100_000),
                share=BudgetShare.RECONCILE,
            ),
        )


def ids(rows: Iterable[object]) -> set[int]:
    return {row.value.id for row in rows if isinstance(row, Read)}


PAID: ListRead[Bill] = ListRead(resource=BILLS, query=where("status", "=", "paid"))


@pytest.mark.parametrize("inserted", [0, 1, 3])
@pytest.mark.parametrize("touched", [0, 4])
async def test_rows_that_come_in_while_reading_hide_none(
    shop: tuple[Account, VindiClient], inserted: int, touched: int
) -> None:
    account, client = shop
    account.faults.change({"insert_between_pages": inserted, "touch_between_pages": touched})
    at_first = set(account.bills.rows)

    seen = {number async for page in read_list(client, PAID) for number in ids(page)}

    assert at_first <= seen


async def test_rows_that_leave_while_reading_hide_none_of_those_that_stay(
    shop: tuple[Account, VindiClient],
) -> None:
    account, client = shop
    first, *others = list(account.bills.rows)
    seen: set[int] = set()

    async for page in read_list(client, PAID):
        if not seen:
            operations.cancel_bill(account, bill_id=first)
        seen |= ids(page)

    assert set(others) <= seen


async def test_rows_of_one_second_that_change_places_between_pages_are_all_read(
    shop: tuple[Account, VindiClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    account, client = shop
    monkeypatch.setattr(lists, "CHANCE", random.Random(7))
    account.faults.change({"per_page_cap": 10, "shuffle_ties": True})

    seen = {number async for page in read_list(client, PAID) for number in ids(page)}

    assert seen == set(account.bills.rows)


async def test_the_newest_rows_of_one_second_are_all_read(
    shop: tuple[Account, VindiClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    account, client = shop
    monkeypatch.setattr(lists, "CHANCE", random.Random(7))
    account.faults.change({"per_page_cap": 10, "shuffle_ties": True})
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)

    rows = [page async for page in read_newest(client, BILLS, back_to=long_ago)]

    assert {number for page in rows for number in ids(page)} == set(account.bills.rows)


async def test_a_list_that_never_shows_all_its_newest_rows_is_not_whole(
    shop: tuple[Account, VindiClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    account, client = shop
    monkeypatch.setattr(newest, "LIST_TRIES", 1)
    account.faults.change({"shuffle_ties": True})
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)

    with pytest.raises(IncompletePass, match="rows_omitted"):
        _ = [page async for page in read_newest(client, BILLS, back_to=long_ago)]


async def test_a_list_that_grows_faster_than_it_is_read_is_given_up(
    shop: tuple[Account, VindiClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    account, client = shop
    monkeypatch.setattr(reading, "SLACK_PAGES", 0)
    account.faults.change({"insert_between_pages": 5})

    with pytest.raises(IncompletePass, match="never_ends"):
        _ = [page async for page in read_list(client, PAID)]


@pytest.mark.parametrize("fault", ["repeat_rows", "omit_rows", "total_off_by"])
async def test_a_list_that_never_adds_up_is_not_whole(
    shop: tuple[Account, VindiClient], fault: str
) -> None:
    account, client = shop
    account.faults.change({fault: 1})

    with pytest.raises(IncompletePass):
        _ = [page async for page in read_list(client, PAID)]


async def test_a_page_that_fails_now_and_then_is_asked_for_again(
    shop: tuple[Account, VindiClient],
) -> None:
    account, client = shop
    account.weather.add(every=2)

    seen = {number async for page in read_list(client, PAID) for number in ids(page)}

    assert seen == set(account.bills.rows)


async def test_the_newest_rows_come_without_any_filter(
    shop: tuple[Account, VindiClient],
) -> None:
    account, client = shop
    account.faults.change({"insert_between_pages": 1, "refused_filters": {"created_at"}})
    now = datetime.now(UTC)
    for day in range(1, 15):
        at = (now - timedelta(days=day)).timestamp()
        operations.sale(account, events=False, created_at=at, paid_at=at)
    back_to = now - timedelta(days=7, hours=1)
    wanted = {
        number
        for number, bill in account.bills.rows.items()
        if bill.created_ms >= back_to.timestamp() * 1000
    }

    rows = [page async for page in read_newest(client, BILLS, back_to=back_to)]

    seen = {number for page in rows for number in ids(page)}
    assert wanted <= seen
    too_old = {row for row in account.bills.rows if row not in wanted and row <= 37}
    assert not too_old & seen

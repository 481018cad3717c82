"""A tenant goes on to another account of Vindi: what it has stays, and nothing is billed twice."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.sandbox.vindi import operations
from services.sandbox.vindi.account import Account
from services.sandbox.vindi.records import Bill
from shared.commands.set_up import VindiConnected
from shared.config.secret import Secret
from shared.db.sales import timeline_store
from shared.db.tenants import account_lines_store
from shared.domain.ids import BillId
from shared.vindi.budget import BudgetShare
from tests.services.emitter.conftest import TENANT, a_buyer
from tests.services.reconciler.conftest import Watch, services_of

DAY = timedelta(days=1)


async def connect(watch: Watch, account: Account) -> VindiConnected:
    key = Secret.of(account.keys[0].key)
    client = watch.desk.tools.clients.vindi_account(
        TENANT, environment="production", api_key=key, share=BudgetShare.PERSON
    )
    return await services_of(watch.desk).set_up.connect_vindi(
        TENANT, client, api_key=key, environment="production", by="ana"
    )


def another(watch: Watch) -> Account:
    account = watch.desk.sandbox.vindi.create_account()
    account.rate.limit = None
    return account


def sell_at(account: Account, **details: Any) -> Bill:
    buyer = operations.create_customer(account, **{**a_buyer(), "name": "Outro Cliente"})
    values = {"customer_id": buyer.id, "amount": "50.00", "paid": True, "events": False}
    return operations.sale(account, **{**values, **details})


async def settle(watch: Watch, *heard: Bill) -> None:
    await watch.desk.heard(*(BillId(bill.id) for bill in heard))
    for _ in range(4):
        await watch.pass_once()
        await watch.desk.work()
        await watch.desk.later(timedelta(minutes=10))
        await watch.desk.work()


async def issued(watch: Watch) -> Bill:
    """A sale of the first account, with its nota."""
    await connect(watch, watch.desk.account)
    bill = watch.desk.sell()
    await settle(watch)
    assert (await watch.desk.sale(bill)).status == "issued"
    return bill


def of_the_same_number(watch: Watch, account: Account, bill: Bill, how: str) -> Bill:
    watch.desk.sandbox.clock.advance(120)
    theirs = sell_at(account, id=bill.id, paid=how != "canceled")
    if how == "canceled":
        operations.cancel_bill(account, bill_id=theirs.id)
    if how == "refunded":
        operations.refund(account, bill_id=theirs.id, events=False)
    return theirs


@pytest.mark.parametrize("how", ["paid", "canceled", "refunded"])
@pytest.mark.parametrize("heard", [True, False])
async def test_a_bill_of_the_same_number_is_no_news_of_the_sale_that_has_it(
    watch: Watch, how: str, heard: bool
) -> None:
    mine = await issued(watch)
    account = another(watch)
    await connect(watch, account)
    theirs = of_the_same_number(watch, account, mine, how)

    await settle(watch, *([theirs] if heard else []))

    sale = await watch.desk.sale(mine)
    assert (sale.status, sale.attention) == ("issued", "bill_of_another_account")
    assert [nota.status for nota in watch.desk.notas_of(mine)] == ["Autorizada"]
    async with watch.desk.pool.acquire() as conn:
        story = await timeline_store.of_bill(conn, TENANT, BillId(mine.id))
    told = [line.why for line in story if line.what == "attention"]
    assert told == ["bill_of_another_account"]

    await connect(watch, watch.desk.account)
    await settle(watch)
    assert (await watch.desk.sale(mine)).attention is None


async def test_an_unsent_sale_whose_number_is_another_bill_is_held_until_its_account_is_back(
    watch: Watch,
) -> None:
    await connect(watch, watch.desk.account)
    await watch.desk.rule(issue_when="manual")
    mine = watch.desk.sell()
    await settle(watch)
    account = another(watch)
    await connect(watch, account)

    await settle(watch, of_the_same_number(watch, account, mine, "paid"))
    held = await watch.desk.sale(mine)
    await connect(watch, watch.desk.account)
    await watch.desk.rule(issue_when="bill_paid")
    await settle(watch, mine)

    assert (held.status, held.code) == ("held", "bill_of_another_account")
    assert (await watch.desk.sale(mine)).status == "issued"
    assert [nota.body["valorTotal"] for nota in watch.desk.notas_of(mine)] == [179.9]


async def test_what_an_account_sold_before_it_was_connected_is_left_to_who_issued_then(
    watch: Watch,
) -> None:
    await connect(watch, watch.desk.account)
    account = another(watch)
    at = (datetime.now(UTC) - 20 * DAY).replace(microsecond=0).isoformat()
    old = sell_at(account, created_at=at, paid_at=at)
    warned = await connect(watch, account)
    watch.desk.sandbox.clock.advance(60)
    operations.touch(account, bill_id=old.id)
    operations.edit_bill(account, bill_id=old.id, metadata={"a": "b"})
    new = sell_at(account)

    await settle(watch)

    left = await watch.desk.sale(old)
    assert (left.status, left.code) == ("skipped", "before_activation")
    assert (await watch.desk.sale(new)).status == "issued"
    assert "vindi_account_changed" in [one.code for one in warned.warnings]


async def test_an_account_that_comes_back_has_the_line_it_had(watch: Watch) -> None:
    """A key of another account was entered by mistake, and a minute later the right one."""
    await connect(watch, watch.desk.account)
    bill = watch.desk.sell()
    account = another(watch)
    await connect(watch, account)
    async with watch.desk.pool.acquire() as conn:
        there = await account_lines_store.load(conn, TENANT)
    await connect(watch, account)  # a new key of the same account draws no other line
    async with watch.desk.pool.acquire() as conn:
        assert await account_lines_store.load(conn, TENANT) == there

    await connect(watch, watch.desk.account)
    await settle(watch)

    assert there.line_from is not None
    async with watch.desk.pool.acquire() as conn:
        back = await account_lines_store.load(conn, TENANT)
    assert back.line_from is None
    assert list(back.before.values()) == [there.line_from]
    assert (await watch.desk.sale(bill)).status == "issued"

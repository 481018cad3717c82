"""A tenant goes on to another account of Vindi: its sales stay what they are, and nobody is billed twice."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.sandbox.vindi import operations
from services.sandbox.vindi.account import Account
from services.sandbox.vindi.records import Bill
from shared.commands.set_up import SetUp
from shared.config.secret import Secret
from shared.db.sales import timeline_store
from shared.domain.ids import BillId
from shared.vindi.budget import BudgetShare
from tests.services.emitter.conftest import SEALER, TENANT, a_buyer
from tests.services.reconciler.conftest import Watch, services_of

DAY = timedelta(days=1)


async def connect(watch: Watch, account: Account, tenant: str = TENANT) -> Any:
    services = services_of(watch.desk)
    key = Secret.of(account.keys[0].key)
    client = watch.desk.tools.clients.vindi_account(
        tenant, environment="production", api_key=key, share=BudgetShare.PERSON
    )
    set_up: SetUp = services.set_up
    return await set_up.connect_vindi(
        tenant,
        client,
        api_key=key,
        environment="production",
        by="ana",
        confirmed=("vindi_account_elsewhere", "vindi_account_changed"),
    )


def other_account(watch: Watch) -> Account:
    account = watch.desk.sandbox.vindi.create_account()
    account.rate.limit = None
    return account


def sell_at(account: Account, number: int | None = None, **details: Any) -> Bill:
    buyer = operations.create_customer(account, **{**a_buyer(), "name": "Outro Cliente"})
    values = {"customer_id": buyer.id, "amount": "50.00", "paid": True, "events": False}
    return operations.sale(account, id=number, **{**values, **details})


async def settle(watch: Watch, times: int = 4) -> None:
    for _ in range(times):
        await watch.pass_once()
        await watch.desk.work()
        await watch.desk.later(timedelta(minutes=10))
        await watch.desk.work()


async def lines(watch: Watch, bill: Bill) -> list[str]:
    async with watch.desk.pool.acquire() as conn:
        story = await timeline_store.of_bill(conn, TENANT, BillId(bill.id))
    return [f"{line.what}: {line.why}" for line in story]


async def show(watch: Watch, bill: Bill) -> None:
    rows = await watch.desk.pool.fetch("SELECT bill_id, status, code, detail, attention, amount FROM sales ORDER BY 1")
    print([tuple(row) for row in rows])
    print(await lines(watch, bill))
    print([(n.external_id, n.status, n.body["valorTotal"], n.body["cliente"]["nome"]) for n in watch.desk.company.notas.values()])


async def test_1_a_bill_of_the_same_number_at_another_account(watch: Watch) -> None:
    await connect(watch, watch.desk.account)
    mine = watch.desk.sell()
    await settle(watch)
    assert (await watch.desk.sale(mine)).status == "issued"

    second = other_account(watch)
    await connect(watch, second)
    watch.desk.sandbox.clock.advance(120)
    theirs = sell_at(second, mine.id)
    await watch.desk.heard(BillId(theirs.id))
    await settle(watch)
    await show(watch, mine)


async def test_2_cancelled_there(watch: Watch) -> None:
    await connect(watch, watch.desk.account)
    mine = watch.desk.sell()
    await settle(watch)
    second = other_account(watch)
    await connect(watch, second)
    watch.desk.sandbox.clock.advance(120)
    theirs = sell_at(second, mine.id, paid=False)
    operations.cancel_bill(second, bill_id=theirs.id)
    await watch.desk.heard(BillId(theirs.id))
    await settle(watch)
    await show(watch, mine)


async def test_2b_refunded_there(watch: Watch) -> None:
    await connect(watch, watch.desk.account)
    mine = watch.desk.sell()
    await settle(watch)
    second = other_account(watch)
    await connect(watch, second)
    watch.desk.sandbox.clock.advance(120)
    theirs = sell_at(second, mine.id)
    operations.refund(second, bill_id=theirs.id, events=False)
    await watch.desk.heard(BillId(theirs.id))
    await settle(watch)
    await show(watch, mine)


async def test_3_unsent_there_and_back(watch: Watch) -> None:
    await connect(watch, watch.desk.account)
    await watch.desk.rule(issue_when="guarantee_ended", guarantee_days=7)
    mine = watch.desk.sell()
    await settle(watch)
    await show(watch, mine)
    second = other_account(watch)
    await connect(watch, second)
    await watch.desk.later(timedelta(days=20))
    await settle(watch)
    await show(watch, mine)
    await connect(watch, watch.desk.account)
    await watch.desk.rule(issue_when="bill_paid")
    await watch.desk.heard(BillId(mine.id))
    await settle(watch)
    await show(watch, mine)


async def test_4_old_bills_of_the_other_account(watch: Watch) -> None:
    """Issued by whoever issued for that account before, and touched later."""
    await connect(watch, watch.desk.account)
    second = other_account(watch)
    at = (datetime.now(UTC) - 20 * DAY).replace(microsecond=0).isoformat()
    old = sell_at(second, created_at=at, paid_at=at)
    await settle(watch)
    await connect(watch, second)
    await settle(watch)
    await show(watch, old)
    operations.touch(second, bill_id=old.id)
    await settle(watch)
    await show(watch, old)
    second.changed("bills", old)
    operations.edit_bill(second, bill_id=old.id, metadata={"a": "b"})
    await settle(watch)
    await show(watch, old)

"""Customers change without an event: the passes see it where a sale waits for it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.sandbox.enotas.records import Outcome
from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from tests.services.emitter.conftest import a_buyer
from tests.services.reconciler.conftest import Watch

LONG_AGO = timedelta(hours=1)
SELLER = "11222333000181"


async def held_for_its_customer(watch: Watch) -> Bill:
    """A sale held an hour ago, whose customer has had no address since yesterday."""
    bill = watch.desk.sell(customer={"address": {}, "created_at": yesterday()})
    await watch.pass_once()
    await watch.desk.work()
    assert (await watch.desk.sale(bill)).code == "customer_address_incomplete"
    await decided(watch, LONG_AGO)
    return bill


def yesterday() -> float:
    return (datetime.now(UTC) - timedelta(days=1)).timestamp()


async def decided(watch: Watch, ago: timedelta) -> None:
    """Every sale was decided, and every bill read, so long ago."""
    async with watch.desk.pool.acquire() as conn:
        await conn.execute("UPDATE sales SET updated_at = updated_at - $1::interval", ago)
        await conn.execute("UPDATE bills SET read_at = read_at - $1::interval", ago)


def complete(watch: Watch, bill: Bill) -> None:
    operations.edit_customer(
        watch.desk.account, customer_id=bill.customer_id, address=a_buyer()["address"]
    )


async def test_a_held_sale_is_issued_once_its_customer_is_complete(watch: Watch) -> None:
    bill = await held_for_its_customer(watch)
    complete(watch, bill)

    await watch.pass_once()
    await watch.desk.work()

    assert (await watch.desk.sale(bill)).status == "issuing"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"address": {**a_buyer()["address"], "zipcode": "20040002"}}, "denied_address"),
        ({"registry_code": SELLER}, "denied_document"),
    ],
)
async def test_a_sale_held_since_it_would_be_refused_is_issued_once_its_customer_is_mended(
    watch: Watch, wrong: dict[str, Any], code: str
) -> None:
    async with watch.desk.pool.acquire() as conn:
        await conn.execute("UPDATE issuer_connections SET company_cnpj = $1", SELLER)
    bill = watch.desk.sell(customer={**wrong, "created_at": yesterday()})
    await watch.pass_once()
    await watch.desk.work()
    held = await watch.desk.sale(bill)
    assert (held.status, held.code) == ("held", code)
    assert watch.desk.notas_of(bill) == []
    await decided(watch, LONG_AGO)
    mended = {"address": a_buyer()["address"], "registry_code": "12345678909"}
    operations.edit_customer(watch.desk.account, customer_id=bill.customer_id, **mended)

    await watch.pass_once()
    await watch.desk.work()

    assert (await watch.desk.sale(bill)).status == "issuing"
    assert len(watch.desk.notas_of(bill)) == 1


async def test_a_customer_that_did_not_change_since_costs_one_request_and_no_decision(
    watch: Watch,
) -> None:
    await held_for_its_customer(watch)
    before = watch.requests()

    await watch.pass_once()

    assert watch.requests() - before == 4
    assert await watch.due() == set()


async def test_a_change_seen_by_the_decision_does_not_make_it_due_over_and_over(
    watch: Watch,
) -> None:
    bill = await held_for_its_customer(watch)
    operations.edit_customer(watch.desk.account, customer_id=bill.customer_id, notes="ligar")
    await decided(watch, -LONG_AGO - timedelta(minutes=10))

    await watch.pass_once()

    assert await watch.due() == set()


async def test_only_the_sales_of_the_customer_that_changed_are_decided_again(watch: Watch) -> None:
    await held_for_its_customer(watch)
    bill = await held_for_its_customer(watch)
    complete(watch, bill)

    await watch.pass_once()

    assert await watch.due() == {bill.id}


@pytest.mark.parametrize("how", ["ignored_filters", "refused_filters"])
async def test_without_the_filter_each_customer_waited_for_is_read(watch: Watch, how: str) -> None:
    bill = await held_for_its_customer(watch)
    watch.desk.account.faults.change({how: {"updated_at"}})
    for _ in range(3):
        operations.create_customer(watch.desk.account, **a_buyer(), created_at=yesterday())
    complete(watch, bill)

    state = await watch.pass_once()

    assert "customers" in state.plain_lanes
    assert state.error is None
    assert await watch.due() == {bill.id}


async def denied_for_its_customer(watch: Watch, denial: str = "address") -> Bill:
    """A sale denied an hour ago for what Vindi says of its customer since yesterday."""
    bill = watch.desk.sell(customer={"created_at": yesterday()})
    key = f"p-{watch.desk.tenant}-{bill.id}-1"
    watch.desk.sandbox.enotas.decide(
        watch.desk.company, key, Outcome(kind="deny_once", denial=denial)
    )
    await watch.pass_once()
    await settle(watch)
    assert (await watch.desk.sale(bill)).status == "denied"
    await decided(watch, LONG_AGO)
    return bill


async def settle(watch: Watch) -> None:
    await watch.desk.work()
    await watch.desk.later(timedelta(hours=1))
    await watch.desk.work()


def moved_house(watch: Watch, bill: Bill, street: str = "Rua Nova") -> None:
    address = {**a_buyer()["address"], "street": street}
    operations.edit_customer(watch.desk.account, customer_id=bill.customer_id, address=address)


async def test_a_nota_denied_for_its_customers_data_is_sent_again_once_that_is_mended(
    watch: Watch,
) -> None:
    bill = await denied_for_its_customer(watch)
    moved_house(watch, bill)

    await watch.pass_once()
    await settle(watch)

    assert (await watch.desk.sale(bill)).status == "issued"
    assert [nota.external_id for nota in watch.desk.notas_of(bill)] == [
        f"p-{watch.desk.tenant}-{bill.id}-1"
    ]
    assert "o cadastro do cliente mudou" in await why_requested(watch)
    assert watch.desk.sandbox.enotas.invariants.report()["ok"]


async def test_each_change_is_one_try_however_often_it_is_denied(watch: Watch) -> None:
    bill = await denied_for_its_customer(watch)
    key = f"p-{watch.desk.tenant}-{bill.id}-1"
    always = Outcome(kind="deny", denial="address")
    watch.desk.sandbox.enotas.decide(watch.desk.company, key, always)
    sends = []
    for street in ("Rua Nova", "Rua Novíssima"):
        moved_house(watch, bill, street)
        for _ in range(3):
            await watch.pass_once()
            await settle(watch)
            sends.append((await watch.desk.nota(bill)).sends)

    assert sends == [2, 2, 2, 3, 3, 3]
    assert (await watch.desk.sale(bill)).status == "denied"


async def test_a_note_about_the_customer_sends_nothing_again(watch: Watch) -> None:
    bill = await denied_for_its_customer(watch)
    operations.edit_customer(watch.desk.account, customer_id=bill.customer_id, notes="ligar")

    await watch.pass_once()
    await settle(watch)

    sale = await watch.desk.sale(bill)
    assert (sale.status, sale.attention) == ("denied", sale.code)
    assert (await watch.desk.nota(bill)).sends == 1


async def test_a_denial_that_is_not_about_the_customer_does_not_wait_for_one(
    watch: Watch,
) -> None:
    bill = await denied_for_its_customer(watch, denial="certificate")
    moved_house(watch, bill)

    await watch.pass_once()
    await settle(watch)

    assert (await watch.desk.nota(bill)).sends == 1


async def why_requested(watch: Watch) -> str:
    sql = "SELECT why FROM timeline WHERE what = 'nota_requested' ORDER BY entry_id DESC LIMIT 1"
    async with watch.desk.pool.acquire() as conn:
        return str(await conn.fetchval(sql))

"""When a bill was first seen paid, and last seen as not."""

from datetime import UTC, datetime, timedelta
from typing import Any

from shared.db.connection import Pool
from shared.db.tenants import tenants_store
from shared.db.vindi import bills_store
from shared.db.vindi.bills_store import KnownBill, ReadBill, seen_with
from shared.domain.bill import Bill
from shared.domain.ids import BillId, TenantId
from shared.domain.stream import Sighting
from tests.builders import a_bill, an_open_bill

TENANT = TenantId("tabcdefghij")
START = datetime(2026, 11, 20, 12, tzinfo=UTC)


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


async def read(pool: Pool, bill: Bill, minute: int) -> KnownBill:
    async with pool.acquire() as conn:
        known = (await bills_store.load(conn, TENANT, [bill.id])).get(bill.id)
        row = ReadBill(bill=bill, body=b"x", read_at=at(minute))
        expected = seen_with(known, bill, at(minute))
        await bills_store.store(conn, TENANT, [row])
        stored = (await bills_store.load(conn, TENANT, [bill.id]))[bill.id]
    if stored.seen.paid_at is not None:
        assert stored.seen == expected
    return stored


async def a_tenant(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await tenants_store.add(
            conn, TENANT, name="Empresa", plan="pro", timezone="America/Sao_Paulo"
        )


PAID = a_bill(updated_at=START)


def open_bill(**changes: Any) -> Bill:
    return an_open_bill(updated_at=START, **changes)


async def test_the_first_sight_of_a_payment_is_kept_and_the_last_of_the_open_bill(
    pool: Pool,
) -> None:
    await a_tenant(pool)

    seen = [
        (await read(pool, bill, minute)).seen
        for minute, bill in enumerate((open_bill(), open_bill(), PAID, PAID, open_bill()))
    ]

    assert seen == [
        Sighting(unpaid_at=at(0)),
        Sighting(unpaid_at=at(1)),
        Sighting(unpaid_at=at(1), paid_at=at(2)),
        Sighting(unpaid_at=at(1), paid_at=at(2)),
        Sighting(unpaid_at=at(1), paid_at=at(2)),  # a read that shows less than was known
    ]


async def test_a_row_of_before_sightings_were_kept_says_them_by_its_state(pool: Pool) -> None:
    await a_tenant(pool)
    await read(pool, a_bill(), 0)
    async with pool.acquire() as conn:
        await conn.execute("UPDATE bills SET paid_seen_at = NULL, unpaid_seen_at = NULL")
        known = (await bills_store.load(conn, TENANT, [BillId(4711)]))[BillId(4711)]

    assert known.seen == Sighting(paid_at=at(0))
    assert (await read(pool, a_bill(), 5)).seen == Sighting(paid_at=at(0))

"""A failure nobody foresaw reaches one sale; its batch goes on."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

from services.emitter.one_by_one import divided
from services.sandbox.vindi.records import Bill
from shared.db.away import database_away
from shared.domain.nota import NotaStatus
from shared.domain.sale import SaleStatus
from tests.services.emitter.conftest import Desk


async def outbox_of(desk: Desk, bill: Bill) -> Any:
    async with desk.pool.acquire() as conn:
        return await conn.fetchrow(
            "SELECT state, tries, due_at > now() AS later FROM outbox WHERE bill_id = $1", bill.id
        )


async def refuse(desk: Desk, bill: Bill, *, unless: str) -> None:
    """From now on the database finds this sale's values out of range."""
    async with desk.pool.acquire() as conn:
        await conn.execute(
            f"""
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF NEW.bill_id = {bill.id} AND NOT ({unless}) THEN
                    RAISE EXCEPTION 'out of range' USING ERRCODE = '22003';
                END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON sales
                FOR EACH ROW EXECUTE FUNCTION refuse();
            """
        )


async def test_a_sale_that_cannot_be_written_is_held_for_it_and_told_once(desk: Desk) -> None:
    bills = [await desk.sold() for _ in range(6)]
    await refuse(desk, bills[2], unless="NEW.status = 'held'")

    with capture_logs() as logs:
        await desk.work()
        await desk.later(timedelta(minutes=2))
        await desk.work()

    held = await desk.sale(bills[2])
    assert (held.status, held.code) == (SaleStatus.HELD, "decision_failed")
    assert held.detail == "written: NumericValueOutOfRangeError"
    assert all(desk.notas_of(bill) for n, bill in enumerate(bills) if n != 2)
    row = await outbox_of(desk, bills[2])
    assert (row["state"], row["tries"], row["later"]) == ("due", 2, True)
    alerts = [one for one in logs if one["event"] == "sale_failed" and one["log_level"] == "error"]
    assert [one["bill_id"] for one in alerts] == [bills[2].id]

    async with desk.pool.acquire() as conn:
        await conn.execute("DROP TRIGGER refuse ON sales")
    await desk.later(timedelta(minutes=10))
    await desk.work()
    assert desk.notas_of(bills[2])


async def test_a_sale_of_which_nothing_can_be_written_is_put_off_alone(desk: Desk) -> None:
    bills = [await desk.sold() for _ in range(4)]
    await refuse(desk, bills[0], unless="false")

    await desk.work()

    assert all(desk.notas_of(bill) for bill in bills[1:])
    row = await outbox_of(desk, bills[0])
    assert (row["state"], row["tries"], row["later"]) == ("due", 1, True)


async def test_a_damaged_row_of_one_nota_stops_no_other_sale(desk: Desk) -> None:
    """The draft of a denied nota cannot be opened: it is compared with its customer's new data."""
    denied = await desk.sold(lines=[{"product_id": desk.product_id, "amount": "10.00"}])
    await desk.work()
    async with desk.pool.acquire() as conn:
        await conn.execute(
            "UPDATE notas SET status = 'denied', denial = 'denied_document', request = '\\x00'"
        )
        await conn.execute("UPDATE sales SET status = 'denied', code = 'denied_document'")
    await desk.heard(denied.id)  # type: ignore[arg-type]  # a bill's own number
    others = [await desk.sold() for _ in range(5)]

    await desk.work()

    assert all(desk.notas_of(bill) for bill in others)
    assert (await desk.sale(denied)).status is SaleStatus.DENIED
    row = await outbox_of(desk, denied)
    assert (row["state"], row["later"]) == ("due", True)


async def test_a_failure_while_one_sale_is_asked_about_cancels_no_other_request(desk: Desk) -> None:
    desk.company.weather.add(status=500, method="POST", count=1)
    lost = await desk.sold()
    await desk.work()
    async with desk.pool.acquire() as conn:
        await conn.execute("UPDATE notas SET request = '\\x00', lookups = 3")
    others = [await desk.sold() for _ in range(5)]

    await desk.later(timedelta(minutes=5))
    await desk.work()

    assert (await desk.nota(lost)).status is not NotaStatus.PENDING
    assert all(desk.notas_of(bill) for bill in others)
    assert (await outbox_of(desk, lost))["state"] == "due"


async def test_a_batch_is_divided_until_the_one_that_fails_is_found() -> None:
    worked: list[Any] = []
    failed: list[Any] = []

    async def work(entries: Any) -> int:
        if 13 in entries:
            raise KeyError("x")
        worked.extend(entries)
        return len(entries)

    async def hold(entry: Any, _error: Exception) -> None:
        failed.append(entry)

    assert await divided(work, hold, list(range(100))) == 99  # type: ignore[arg-type]  # any entries
    assert (sorted(worked), failed) == ([n for n in range(100) if n != 13], [13])


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.ConnectionDoesNotExistError("x"),
        asyncpg.AdminShutdownError("x"),
        asyncpg.UndefinedColumnError("x"),
        asyncpg.InterfaceError("x"),
        asyncpg.InternalClientError("x"),
        ConnectionResetError(),
        TimeoutError(),
        ExceptionGroup("x", [ValueError(), asyncpg.CannotConnectNowError("x")]),
    ],
)
async def test_a_database_that_is_away_is_no_sales_failure(error: Exception) -> None:
    held: list[Any] = []

    async def work(_entries: Any) -> int:
        raise error

    async def hold(entry: Any, _error: Exception) -> None:
        held.append(entry)

    with pytest.raises(type(error)):
        await divided(work, hold, [1, 2])  # type: ignore[list-item]  # any entries
    assert (held, database_away(error)) == ([], True)
    assert not database_away(asyncpg.NumericValueOutOfRangeError("x"))

"""A boleto's day is one day, of its sale's month and its nota's competência: west of Brasília."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.sandbox.vindi.records import Bill
from shared.domain.closing import Month
from shared.domain.ids import BillId
from shared.domain.moment import start_of_day
from tests.services.emitter.stopping.test_duplicates import services_of
from tests.services.reconciler.closing.conftest import Books

BRASILIA = ZoneInfo("America/Sao_Paulo")
WEST = ["America/Manaus", "America/Rio_Branco"]


async def lives_in(books: Books, zone: str) -> None:
    books.zone = zone
    async with books.desk.pool.acquire() as conn:
        await conn.execute("UPDATE tenants SET timezone = $1", zone)


async def goes_to(books: Books, zone: str) -> None:
    books.zone = zone
    set_up = services_of(books.desk).set_up
    await set_up.change_tenant(books.desk.tenant, name=None, plan=None, timezone=zone, by="ana")


def dated(books: Books, method: str) -> dict[str, Any]:
    """A payment at the midnight of Brasília at which the month begins."""
    midnight = start_of_day(books.month.first_day, BRASILIA)
    made = (midnight - timedelta(days=4)).isoformat()
    return {"paid_at": midnight.timestamp(), "method": method, "created_at": made}


def before(month: Month) -> Month:
    day = month.first_day - timedelta(days=1)
    return Month(year=day.year, month=day.month)


async def kept_moment(books: Books, bill: Bill) -> tuple[datetime, datetime]:
    """The moment of a sale, and that of its bill."""
    row = await books.desk.pool.fetchrow(
        "SELECT moment_at, paid_moment FROM sales JOIN bills USING (tenant_id, bill_id)"
        " WHERE bill_id = $1",
        bill.id,
    )
    assert row is not None
    return row["moment_at"], row["paid_moment"]


async def counted(books: Books, month: Month) -> tuple[int, int, int, int]:
    """Bills and missing sales of a month, and of the one before."""
    this, last = await books.close(month), await books.close(before(month))
    assert this.missing is not None
    assert last.missing is not None
    return this.figures.vindi.bills, this.missing, last.figures.vindi.bills, last.missing


@pytest.mark.parametrize("zone", [*WEST, "America/Sao_Paulo", "America/Noronha"])
async def test_a_boleto_of_the_first_is_of_the_month_of_its_competencia(
    books: Books, zone: str
) -> None:
    await lives_in(books, zone)
    bill = await books.sold(**dated(books, "bank_slip"))
    await books.settle()

    sale = await books.desk.sale(bill)
    begins = start_of_day(books.month.first_day, ZoneInfo(zone))
    assert sale.competencia == books.month.first_day
    assert await kept_moment(books, bill) == (begins, begins)
    assert await counted(books, books.month) == (1, 0, 0, 0)
    closing = await books.close()
    assert closing.figures.difference == 0
    assert closing.figures.notas.bills == 1


async def test_a_card_of_that_very_second_is_of_the_month_before(books: Books) -> None:
    await lives_in(books, "America/Manaus")
    bill = await books.sold(**dated(books, "credit_card"))
    await books.settle()

    assert (await books.desk.sale(bill)).competencia == before(books.month).last_day
    assert (await counted(books, books.month))[0::2] == (0, 1)


@pytest.mark.parametrize("zone", WEST)
async def test_a_boleto_of_the_first_that_nobody_heard_of_is_missing_in_its_month(
    books: Books, zone: str
) -> None:
    await lives_in(books, zone)
    books.hidden(**dated(books, "bank_slip"))

    assert (await books.close()).missing == 1


async def test_a_boleto_keeps_its_day_when_the_company_says_where_it_is(books: Books) -> None:
    month = books.month
    boleto = await books.sold(**dated(books, "bank_slip"))
    card = await books.sold(**dated(books, "credit_card"))
    await books.settle()
    at = start_of_day(month.first_day, BRASILIA)
    assert await kept_moment(books, boleto) == (at, at)

    await goes_to(books, "America/Manaus")

    begins = start_of_day(month.first_day, ZoneInfo("America/Manaus"))
    assert await kept_moment(books, boleto) == (begins, begins)
    assert await kept_moment(books, card) == (at, at)
    assert (await counted(books, month))[0::2] == (1, 1)

    await goes_to(books, "America/Rio_Branco")
    await goes_to(books, "America/Sao_Paulo")

    assert await kept_moment(books, boleto) == (at, at)
    assert await kept_moment(books, card) == (at, at)


async def test_what_was_left_out_for_a_boleto_stays_out_however_its_moment_is_kept(
    books: Books,
) -> None:
    await lives_in(books, "America/Manaus")
    bill = books.hidden(**dated(books, "bank_slip"))
    async with books.desk.pool.acquire() as conn:
        await conn.execute("UPDATE tenants SET active_from = now()")
    await books.desk.heard(BillId(bill.id))
    await books.desk.work()
    async with books.desk.pool.acquire() as conn:
        code = await conn.fetchval("SELECT code FROM sales WHERE bill_id = $1", bill.id)
    assert code in ("before_activation", "activation_unclear")
    as_counted, _ = await kept_moment(books, bill)
    for moment in (as_counted, start_of_day(books.month.first_day, BRASILIA)):
        await books.desk.pool.execute(
            "UPDATE sales SET moment_at = $1, code = 'before_activation', status = 'skipped'",
            moment,
        )
        books.desk.sandbox.clock.advance(60)
        books.desk.account.changed("bills", bill)
        await books.desk.heard(BillId(bill.id))
        await books.desk.work()
        assert await books.desk.pool.fetchval("SELECT code FROM sales") == "before_activation"

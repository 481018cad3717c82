from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.sandbox.enotas.records import Outcome
from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from shared.domain.closing import Month
from shared.domain.ids import BillId
from tests.services.reconciler.closing.conftest import Books, reasons


async def test_a_month_of_issued_sales_balances(books: Books) -> None:
    for _ in range(3):
        await books.sold()
    await books.settle()

    closing = await books.close()

    assert closing.balanced
    assert (closing.figures.vindi.bills, closing.figures.vindi.amount) == (3, 3 * 17_990)
    assert closing.figures.notas == closing.figures.vindi
    assert closing.figures.exceptions == {}
    assert closing.figures.read_at is not None


async def test_a_sale_hidden_from_us_is_missing_until_it_is_read(books: Books) -> None:
    await books.sold()
    hidden = books.hidden()
    await books.settle()
    before = await books.close()

    await books.desk.heard(BillId(hidden.id))
    await books.settle()
    after = await books.close()

    assert before.missing == 1
    assert before.figures.difference == 0
    assert not before.balanced
    assert after.balanced
    assert after.figures.vindi.bills == 2


async def test_vindis_count_is_asked_once_a_minute(books: Books) -> None:
    await books.sold()
    await books.settle()
    await books.close()
    asked = len(books.desk.account.journal)

    again = await books.close_again()

    assert again.balanced
    assert len(books.desk.account.journal) == asked


async def test_what_cannot_be_checked_does_not_balance(books: Books) -> None:
    await books.sold()
    await books.settle()
    books.desk.account.faults.blocked = True

    closing = await books.close()

    assert closing.missing is None
    assert closing.trouble == "vindi_account_blocked"
    assert closing.figures.difference == 0
    assert not closing.balanced


async def test_an_account_that_ignores_the_filter_is_not_believed(books: Books) -> None:
    await books.sold()
    books.hidden(paid=False)
    await books.settle()
    books.desk.account.faults.ignored_filters = {"all"}
    operations.cancel_bill(books.desk.account, bill_id=books.hidden(paid=False).id)

    closing = await books.close()

    assert closing.missing is None or closing.missing > 0
    assert not closing.balanced


async def test_every_reason_without_a_nota_is_an_exception_with_its_code(books: Books) -> None:
    await books.sold(customer={"address": {}})
    await books.sold(Outcome(kind="deny", denial="certificate"))
    await books.sold()
    await books.settle()

    closing = await books.close()

    assert closing.balanced
    assert reasons(closing) == {
        ("customer_address_incomplete", "held"): (1, 17_990),
        ("denied_certificate", "denied"): (1, 17_990),
    }
    assert closing.figures.notas.bills == 1


async def test_a_nota_on_its_way_is_an_exception_by_its_status(books: Books) -> None:
    await books.sold(Outcome(kind="stuck"))
    await books.desk.work()

    closing = await books.close()

    assert reasons(closing) == {("issuing", "issuing"): (1, 17_990)}
    assert closing.balanced


async def test_an_open_bill_is_in_it_only_under_a_rule_of_creation(books: Books) -> None:
    await books.sold(paid=False, created_at=books.start.timestamp(), paid_at=None)
    await books.settle()
    waiting = await books.close()

    await books.desk.rule(issue_when="bill_created")
    bill = await books.sold(paid=False, created_at=books.start.timestamp(), paid_at=None)
    await books.settle()
    created = await books.close()

    assert waiting.balanced
    assert waiting.figures.vindi.bills == 0
    assert (await books.desk.sale(bill)).status == "issued"
    assert created.figures.notas.bills == 1


async def test_a_bill_that_was_not_decided_yet_is_named(books: Books) -> None:
    await books.sold()
    await books.settle()
    async with books.desk.pool.acquire() as conn:
        await conn.execute("DELETE FROM notas")
        await conn.execute("DELETE FROM sales")

    closing = await books.close()

    assert reasons(closing) == {("not_decided", "queued"): (1, 17_990)}
    assert closing.balanced


async def test_a_refund_before_issuing_is_an_exception(books: Books) -> None:
    await books.desk.rule(issue_when="guarantee_ended", guarantee_days=30)
    bill = await books.sold()
    await books.desk.work()
    guaranteed = await books.close()
    await _refund(books, bill)

    closing = await books.close()

    assert reasons(guaranteed) == {("in_guarantee", "in_guarantee"): (1, 17_990)}
    assert reasons(closing) == {("refunded", "skipped"): (1, 17_990)}
    assert closing.balanced


@pytest.mark.parametrize("bill_after", ["paid", "pending", "canceled"])
async def test_a_refund_after_issuing_moves_the_sale_to_the_exceptions(
    books: Books, bill_after: str
) -> None:
    books.desk.account.faults.bill_after_refund = bill_after
    bill = await books.sold()
    await books.settle()
    await _refund(books, bill)

    closing = await books.close()

    assert (await books.desk.sale(bill)).status == "cancelled"
    assert reasons(closing) == {("refunded", "cancelled"): (1, 17_990)}
    assert closing.figures.notas.bills == 0
    assert closing.balanced


async def test_a_partial_refund_after_issuing_leaves_the_nota_whole(books: Books) -> None:
    bill = await books.sold()
    await books.settle()
    operations.refund(books.desk.account, bill_id=bill.id, amount="50.00", events=False)
    await books.desk.heard(BillId(bill.id))
    await books.settle()

    closing = await books.close()

    assert (await books.desk.sale(bill)).attention == "partially_refunded"
    assert closing.figures.notas.amount == 17_990
    assert closing.balanced


async def test_a_cancellation_the_city_refuses_stays_in_the_totals(books: Books) -> None:
    bill = await books.sold(Outcome(kind="cancel_refused"))
    await books.settle()
    await _refund(books, bill)

    closing = await books.close()

    assert (await books.desk.sale(bill)).status == "cancel_refused"
    assert (closing.figures.notas.bills, closing.figures.notas.amount) == (1, 17_990)
    assert closing.figures.exceptions == {}
    assert closing.balanced


async def test_a_bill_that_changed_after_its_nota_is_a_difference_to_the_cent(
    books: Books,
) -> None:
    bill = await books.sold()
    await books.settle()
    operations.edit_bill(
        books.desk.account, bill_id=bill.id, amount="180.00", line_amounts=["180.00"]
    )
    await books.desk.heard(BillId(bill.id))
    await books.settle()

    closing = await books.close()

    assert closing.figures.difference == 10
    assert closing.missing == 0
    assert not closing.balanced


@pytest.mark.parametrize("zone", ["America/Sao_Paulo", "America/Manaus"])
async def test_a_sale_belongs_to_the_month_of_its_moment_in_the_tenants_zone(
    books: Books, zone: str
) -> None:
    books.zone = zone
    async with books.desk.pool.acquire() as conn:
        await conn.execute("UPDATE tenants SET timezone = $1", zone)
    midnight = books.month.bounds(ZoneInfo(zone))[0]
    books.hidden()
    await books.sold(paid_at=midnight.timestamp())
    await books.sold(paid_at=(midnight - timedelta(seconds=1)).timestamp())
    await books.settle()

    this = await books.close()
    last = await books.close(Month.of(midnight - timedelta(days=1), ZoneInfo(zone)))

    assert (this.figures.vindi.bills, this.missing) == (1, 1)
    assert (last.figures.vindi.bills, last.missing) == (1, 0)


async def test_an_account_measured_to_read_utc_is_asked_in_utc(books: Books) -> None:
    zone = ZoneInfo(books.zone)
    midnight = books.month.bounds(zone)[0]
    books.desk.account.faults.query_zone = "UTC"
    await books.sold(paid_at=(midnight - timedelta(hours=1)).timestamp())
    await books.sold(paid_at=midnight.timestamp())
    await books.settle()
    async with books.desk.pool.acquire() as conn:
        await conn.execute(
            "INSERT INTO reconciler_passes (tenant_id, next_pass_at, bills_mark, charges_mark,"
            " refunds_mark, zone) VALUES ($1, now(), now(), now(), now(), 'utc')",
            books.desk.tenant,
        )

    this = await books.close()
    last = await books.close(Month.of(midnight - timedelta(hours=1), zone))

    assert (this.figures.vindi.bills, this.missing) == (1, 0)
    assert (last.figures.vindi.bills, last.missing) == (1, 0)


async def _refund(books: Books, bill: Bill) -> None:
    operations.refund(books.desk.account, bill_id=bill.id, events=False)
    await books.desk.heard(BillId(bill.id))
    await books.settle()


def test_a_month_has_the_bounds_of_its_zone() -> None:
    november = Month.read("2026-11")

    assert november.bounds(ZoneInfo("America/Sao_Paulo")) == (
        datetime(2026, 11, 1, 3, tzinfo=UTC),
        datetime(2026, 12, 1, 3, tzinfo=UTC),
    )
    assert november.bounds(ZoneInfo("America/Noronha"))[0] == datetime(2026, 11, 1, 2, tzinfo=UTC)
    assert Month.read("2026-12").bounds(ZoneInfo("America/Manaus"))[1] == datetime(
        2027, 1, 1, 4, tzinfo=UTC
    )


@pytest.mark.parametrize("text", ["2026-13", "2026-00", "2026-1", "26-01", "", "2026-11-01"])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="month"):
        Month.read(text)


async def test_an_amount_a_person_chose_explains_what_the_nota_leaves(books: Books) -> None:
    bill = await books.sold()
    operations.edit_bill(books.desk.account, bill_id=bill.id, amount="150.00")
    await books.settle()
    assert reasons(await books.close()) == {("amount_mismatch", "held"): (1, 15_000)}
    async with books.desk.pool.acquire() as conn:
        await conn.execute("UPDATE sales SET amount_choice = '14000', amount_about = detail")
    await books.desk.heard(BillId(bill.id))
    await books.settle()

    closing = await books.close()

    assert closing.figures.notas.amount == 14_000
    assert reasons(closing) == {("amount_chosen", "issued"): (1, 1_000)}
    assert closing.balanced

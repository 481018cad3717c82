"""Which sales a backfill takes: by the day of the moment its rule looks at."""

import pytest

from services.sandbox.vindi import operations
from shared.domain.ids import BillId
from tests.services.reconciler.backfill.conftest import Office


async def test_a_bill_created_before_the_window_and_paid_inside_counts(office: Office) -> None:
    bill = office.desk.sell(created_at="2026-05-20T10:00:00-03:00", paid=False)
    operations.pay_bill(
        office.desk.account, bill_id=bill.id, paid_at="2026-06-03T10:00:00-03:00", events=False
    )

    summary = await office.did("2026-06-01", "2026-06-30")

    assert (summary.bills, summary.issue) == (1, 1)
    assert [(m.month, m.bills, m.amount) for m in summary.months] == [("2026-06", 1, 17_990)]


async def test_a_bill_created_inside_and_paid_after_does_not(office: Office) -> None:
    office.desk.sell(created_at="2026-06-20T10:00:00-03:00", paid_at="2026-07-01T00:00:00-03:00")

    assert (await office.did("2026-06-01", "2026-06-30")).bills == 0


async def test_under_bill_created_the_creation_counts_whatever_the_payment(office: Office) -> None:
    await office.desk.rule(issue_when="bill_created")
    office.desk.sell(created_at="2026-06-20T10:00:00-03:00", paid_at="2026-07-01T00:00:00-03:00")
    office.desk.sell(created_at="2026-05-20T10:00:00-03:00", paid_at="2026-06-03T00:00:00-03:00")
    office.desk.sell(created_at="2026-06-21T10:00:00-03:00", paid=False)

    summary = await office.did("2026-06-01", "2026-06-30")

    assert (summary.bills, summary.issue) == (2, 2)


@pytest.mark.parametrize(
    ("zone", "inside", "outside"),
    [
        ("America/Sao_Paulo", "2026-06-30T23:59:59-03:00", "2026-07-01T00:00:00-03:00"),
        ("America/Manaus", "2026-06-30T23:59:59-04:00", "2026-07-01T00:00:00-04:00"),
    ],
)
async def test_the_window_ends_at_midnight_where_the_tenant_is(
    office: Office, zone: str, inside: str, outside: str
) -> None:
    async with office.pool.acquire() as conn:
        await conn.execute("UPDATE tenants SET timezone = $1", zone)
    office.desk.sell(paid_at=inside)
    office.desk.sell(paid_at=outside)

    summary = await office.did("2026-06-01", "2026-06-30")

    assert [(m.month, m.bills) for m in summary.months] == [("2026-06", 1)]
    assert [(d.day, d.issue, d.issue_amount) for d in summary.days] == [("2026-06-30", 1, 17_990)]
    assert (await office.did("2026-07-01", "2026-07-01")).bills == 1


@pytest.mark.parametrize("zone", ["America/Manaus", "America/Rio_Branco", "America/Noronha"])
async def test_a_boleto_is_in_the_window_of_its_day_wherever_the_tenant_is(
    office: Office, zone: str
) -> None:
    async with office.pool.acquire() as conn:
        await conn.execute("UPDATE tenants SET timezone = $1", zone)
    office.desk.sell(
        created_at="2026-06-25T10:00:00-03:00",
        paid_at="2026-07-01T00:00:00-03:00",
        method="bank_slip",
    )

    assert (await office.did("2026-06-01", "2026-06-30")).bills == 0
    summary = await office.did("2026-07-01", "2026-07-01")
    assert [(d.day, d.issue) for d in summary.days] == [("2026-07-01", 1)]


async def test_the_first_day_of_the_window_is_in_it_from_midnight(office: Office) -> None:
    office.desk.sell(paid_at="2026-05-31T23:59:59-03:00")
    office.desk.sell(paid_at="2026-06-01T00:00:00-03:00")

    assert (await office.did("2026-06-01", "2026-06-01")).bills == 1


async def test_a_payment_dated_back_is_found_though_its_bill_came_later(office: Office) -> None:
    bill = office.desk.sell(created_at="2026-08-20T10:00:00-03:00", paid=False)
    operations.pay_bill(
        office.desk.account,
        bill_id=bill.id,
        paid_at="2026-06-30T00:00:00-03:00",
        known_at="2026-08-20T11:00:00-03:00",
        events=False,
    )

    assert (await office.did("2026-06-01", "2026-06-30")).bills == 1

    office.desk.account.faults.change({"ignored_filters": {"paid_at"}})
    assert (await office.did("2026-06-01", "2026-06-30")).bills == 1

    office.desk.account.faults.change({"ignored_filters": set(), "refused_filters": {"paid_at"}})
    assert (await office.did("2026-06-01", "2026-06-30")).bills == 1


async def test_refunded_and_disagreeing_sales_count_with_their_amount(office: Office) -> None:
    account = office.desk.account
    refunded = office.desk.sell(paid_at="2026-06-03T10:00:00-03:00")
    operations.refund(account, bill_id=refunded.id, events=False)
    canceled = office.desk.sell(paid_at="2026-06-04T10:00:00-03:00")
    operations.refund(account, bill_id=canceled.id, cancel_bill=True, events=False)
    partly = office.desk.sell(paid_at="2026-06-05T10:00:00-03:00")
    operations.refund(account, bill_id=partly.id, amount="10.00", events=False)
    odd = office.desk.sell(paid_at="2026-06-06T10:00:00-03:00")
    operations.edit_bill(account, bill_id=odd.id, amount="200.00")

    summary = await office.did("2026-06-01", "2026-06-30")

    assert [(m.bills, m.amount) for m in summary.months] == [(4, 3 * 17_990 + 20_000)]
    assert summary.hold == {"partially_refunded": 1, "amount_mismatch": 1}
    assert summary.skip == {"refunded": 1, "bill_canceled": 1}
    assert summary.to_issue == 0


async def test_bills_that_died_open_are_not_sales_of_a_payment_rule(office: Office) -> None:
    bill = office.desk.sell(created_at="2026-06-03T10:00:00-03:00", paid=False)
    operations.cancel_bill(office.desk.account, bill_id=bill.id)

    assert (await office.did("2026-06-01", "2026-06-30")).bills == 0


@pytest.mark.parametrize("zone", ["America/Sao_Paulo", "UTC"])
@pytest.mark.parametrize("ignored", [set(), {"created_at"}, {"updated_at"}, {"all"}])
async def test_long_lists_are_whole_however_vindi_reads_their_filter(
    office: Office, monkeypatch: pytest.MonkeyPatch, zone: str, ignored: set[str]
) -> None:
    monkeypatch.setattr("services.reconciler.backfill.reading.PAGES_A_LIST", 2)
    office.desk.account.faults.change(
        {"query_zone": zone, "ignored_filters": ignored, "per_page_cap": 5}
    )
    operations.bulk_sales(
        office.desk.account,
        count=120,
        since="2026-06-01T03:00:00Z",
        until="2026-07-01T02:59:00Z",
        customers=7,
    )

    summary = await office.did("2026-06-01", "2026-06-30")

    assert (summary.bills, summary.issue) == (120, 120)
    assert await office.taken() == set[BillId]()

"""Sales paid before activation whose charge or bill moves afterwards, and boletos known late."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from shared.domain.ids import BillId
from tests.services.reconciler.conftest import Watch

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NOW = datetime.now(UTC).replace(microsecond=0)
ACTIVE_FROM = NOW - HOUR / 2
AFTER = NOW - HOUR / 6  # the account was connected half an hour before the activation
BEFORE = NOW - 3 * DAY
READINGS = ("none", "same", "own")


async def activate(watch: Watch, at: datetime = ACTIVE_FROM) -> None:
    async with watch.desk.pool.acquire() as conn:
        await conn.execute("UPDATE tenants SET active_from = $1", at)


def a_boleto(watch: Watch, *, paid: datetime, known: datetime | None, **details: Any) -> Bill:
    """A bill of ten days before its payment, by boleto, nobody told us of."""
    made = {"created_at": (paid - 10 * DAY).isoformat(), "method": "online_bank_slip"}
    bill = watch.desk.sell(paid=False, **{**made, **details})
    if known is not None:
        operations.pay_bill(
            watch.desk.account, bill_id=bill.id, paid_at=paid.isoformat(),
            known_at=known.isoformat(), events=False,
        )  # fmt: skip
    return bill


async def passed(watch: Watch, *bills: Bill) -> list[tuple[str, str | None]]:
    await watch.pass_once()
    await watch.desk.work()
    sales = [await watch.desk.sale(bill) for bill in bills]
    return [(sale.status.value, sale.code) for sale in sales]


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("reaches", [False, True])
@pytest.mark.parametrize("moves", [False, True])
async def test_five_boletos_that_are_touched_after_activation_are_not_issued_a_second_time(
    watch: Watch, reading: str, reaches: bool, moves: bool
) -> None:
    watch.desk.account.faults.change(
        {
            "boleto_transactions": reading,
            "touch_reaches_transactions": reaches,
            "transactions_move": moves,
        }
    )
    await activate(watch)
    paid = [NOW - (19 - day) * DAY for day in range(5)]
    bills = [a_boleto(watch, paid=at, known=at + DAY + HOUR) for at in paid]
    for bill in bills:
        operations.touch(watch.desk.account, bill_id=bill.id)

    found = await passed(watch, *bills)

    assert set(found) <= {("skipped", "before_activation"), ("held", "activation_unclear")}
    assert watch.desk.company.notas == {}
    if reading != "same":  # then a transaction of its own tells when it was paid
        assert found == [("skipped", "before_activation")] * 5


async def test_what_was_left_out_stays_out_when_its_transaction_is_touched_too(
    watch: Watch,
) -> None:
    watch.desk.account.faults.change({"boleto_transactions": "same"})
    await activate(watch)
    bill = a_boleto(watch, paid=BEFORE - 2 * DAY, known=BEFORE)
    operations.touch(watch.desk.account, bill_id=bill.id)
    assert await passed(watch, bill) == [("skipped", "before_activation")]
    watch.desk.account.faults.touch_reaches_transactions = True

    watch.desk.sandbox.clock.advance(60)
    operations.touch(watch.desk.account, bill_id=bill.id)

    assert await passed(watch, bill) == [("skipped", "before_activation")]


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("method", ["online_bank_slip", "pix_bank_slip", "bank_slip"])
async def test_a_registered_boleto_paid_before_and_known_after_activation_is_ours(
    watch: Watch, reading: str, method: str
) -> None:
    watch.desk.account.faults.boleto_transactions = reading
    await activate(watch)
    bill = a_boleto(watch, paid=BEFORE, known=AFTER, method=method)

    assert await passed(watch, bill) == [("issuing", None)]


async def test_where_transactions_keep_no_stamp_our_first_sight_of_the_payment_counts(
    watch: Watch,
) -> None:
    watch.desk.account.faults.change({"boleto_transactions": "same", "transactions_move": False})
    await activate(watch)
    seen_open = a_boleto(watch, paid=BEFORE, known=None)
    await watch.desk.heard(BillId(seen_open.id))
    assert await passed(watch, seen_open) == [("waiting_payment", None)]
    operations.pay_bill(
        watch.desk.account, bill_id=seen_open.id, paid_at=BEFORE.isoformat(), events=False
    )
    never_seen = a_boleto(watch, paid=BEFORE, known=AFTER)

    assert await passed(watch, seen_open, never_seen) == [("issuing", None)] * 2


async def test_a_boleto_seen_paid_before_activation_is_left_out_however_it_is_touched(
    watch: Watch,
) -> None:
    watch.desk.account.faults.change({"boleto_transactions": "same", "transactions_move": False})
    async with watch.desk.pool.acquire() as conn:
        await conn.execute("UPDATE tenants SET active_from = NULL, status = 'setting_up'")
    bill = a_boleto(watch, paid=BEFORE, known=AFTER)
    assert await passed(watch, bill) == [("skipped", "before_activation")]

    async with watch.desk.pool.acquire() as conn:
        await conn.execute("UPDATE tenants SET active_from = now(), status = 'active'")
        await conn.execute("UPDATE sales SET code = 'held_by_person', status = 'held'")
    operations.touch(watch.desk.account, bill_id=bill.id)

    assert await passed(watch, bill) == [("skipped", "before_activation")]


@pytest.mark.parametrize("method", ["debit_card", "online_bank_slip"])
async def test_a_rejected_later_attempt_does_not_bring_in_what_was_paid_before(
    watch: Watch, method: str
) -> None:
    await activate(watch)
    bill = a_boleto(watch, paid=BEFORE - 2 * DAY, known=BEFORE, method=method)
    operations.reject_attempt(watch.desk.account, bill_id=bill.id)

    assert await passed(watch, bill) == [("skipped", "before_activation")]


async def test_a_second_payment_of_an_old_bill_issues_nothing(watch: Watch) -> None:
    await activate(watch)
    new, known = (a_boleto(watch, paid=BEFORE - 2 * DAY, known=BEFORE) for _ in range(2))
    operations.touch(watch.desk.account, bill_id=known.id)
    assert await passed(watch, known) == [("skipped", "before_activation")]

    for bill in (new, known):
        operations.pay_again(watch.desk.account, bill_id=bill.id)

    assert await passed(watch, new, known) == [("skipped", "before_activation")] * 2
    assert watch.desk.company.notas == {}


async def test_an_account_that_hides_its_transactions_has_its_doubtful_boletos_held(
    watch: Watch,
) -> None:
    watch.desk.account.faults.change(
        {"boleto_transactions": "same", "ignored_filters": {"charge_id"}}
    )
    await activate(watch)
    bills = [a_boleto(watch, paid=BEFORE, known=AFTER) for _ in range(3)]
    watch.desk.sell()  # somebody else's transaction comes back too

    assert await passed(watch, *bills) == [("held", "activation_unclear")] * 3


async def test_a_paid_charge_whose_last_transaction_is_a_rejected_attempt_as_vindi_shows_it(
    watch: Watch,
) -> None:
    """Bodies as they are answered: the paying transaction is told nowhere."""
    await activate(watch)
    ours, before = (
        watch.desk.sell(method="debit_card", paid_at=at.isoformat())
        for at in (AFTER, ACTIVE_FROM - 2 * DAY)
    )
    for bill in (ours, before):
        charge = watch.desk.account.charges.rows[bill.charge_ids[0]]
        paying = watch.desk.account.transactions.rows[charge.transaction_ids[0]]
        paying.kind, paying.status = "capture", "rejected"
        paying.created_ms = round(NOW.timestamp() * 1000)
        operations.touch(watch.desk.account, bill_id=bill.id)

    assert await passed(watch, ours, before) == [
        ("issuing", None),
        ("skipped", "before_activation"),
    ]

from datetime import timedelta

from services.sandbox.enotas.records import Outcome
from services.sandbox.vindi import operations
from shared.domain.ids import BillId
from tests.services.emitter.conftest import Desk


async def test_a_paid_bill_becomes_one_nota(desk: Desk) -> None:
    bill = await desk.sold()

    await desk.work()
    assert (await desk.sale(bill)).status == "issuing"
    await desk.later()
    await desk.work()

    sale, nota = await desk.sale(bill), await desk.nota(bill)
    assert sale.status == "issued"
    assert sale.amount == 17_990
    assert nota.external_id == f"p-{desk.tenant}-{bill.id}-1"
    assert len(desk.notas_of(bill)) == 1
    assert desk.sandbox.enotas.invariants.report()["ok"]


async def test_fifty_events_of_one_bill_are_one_nota(desk: Desk) -> None:
    bill = desk.sell()
    for _ in range(50):
        await desk.heard(BillId(bill.id))

    await desk.work()
    await desk.heard(BillId(bill.id))
    await desk.later()
    await desk.work()

    assert (await desk.sale(bill)).status == "issued"
    assert len(desk.notas_of(bill)) == 1


async def test_a_customer_without_address_is_held_until_it_has_one(desk: Desk) -> None:
    bill = await desk.sold(customer={"address": {}})
    await desk.work()
    held = await desk.sale(bill)

    operations.edit_customer(desk.account, customer_id=bill.customer_id, address=_whole_address())
    await desk.heard(BillId(bill.id))
    await desk.work()

    assert (held.status, held.code) == ("held", "customer_address_incomplete")
    assert (await desk.sale(bill)).status == "issuing"


def _whole_address() -> dict[str, str]:
    return {
        "street": "Rua Nova",
        "number": "1",
        "zipcode": "01001000",
        "neighborhood": "Centro",
        "city": "São Paulo",
        "state": "SP",
        "country": "BR",
    }


async def test_a_denial_is_named_and_sent_again_under_the_same_id(desk: Desk) -> None:
    bill = await desk.sold()
    desk.sandbox.enotas.decide(
        desk.company,
        f"p-{desk.tenant}-{bill.id}-1",
        Outcome(kind="deny_once", denial="service"),
    )
    await desk.work()
    await desk.later()
    await desk.work()
    denied = await desk.sale(bill)

    async with desk.pool.acquire() as conn:
        await conn.execute("UPDATE notas SET resend = true")
    await desk.heard(BillId(bill.id))
    await desk.work()
    await desk.later()
    await desk.work()

    assert (denied.status, denied.code) == ("denied", "denied_service")
    assert denied.attention == "denied_service"
    assert (await desk.sale(bill)).status == "issued"
    assert [nota.external_id for nota in desk.notas_of(bill)] == [f"p-{desk.tenant}-{bill.id}-1"]
    assert desk.sandbox.enotas.invariants.report()["ok"]


async def test_a_refund_after_issuing_cancels_the_nota(desk: Desk) -> None:
    bill = await desk.sold()
    await desk.work()
    await desk.later()
    await desk.work()

    operations.refund(desk.account, bill_id=bill.id, events=False)
    await desk.heard(BillId(bill.id))
    await desk.work()
    assert (await desk.sale(bill)).status == "cancelling"
    await desk.later()
    await desk.work()

    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == ("cancelled", "refunded")
    assert [nota.status for nota in desk.notas_of(bill)] == ["Cancelada"]


async def test_a_refund_while_issuing_cancels_once_it_is_issued(desk: Desk) -> None:
    bill = await desk.sold()
    await desk.work()

    operations.refund(desk.account, bill_id=bill.id, events=False)
    await desk.heard(BillId(bill.id))
    await desk.work()
    await desk.later()
    await desk.work()
    await desk.later()
    await desk.work()

    assert (await desk.sale(bill)).status == "cancelled"


async def test_a_partial_refund_before_issuing_holds(desk: Desk) -> None:
    bill = desk.sell()
    operations.refund(desk.account, bill_id=bill.id, amount="10.00", events=False)
    await desk.heard(BillId(bill.id))

    await desk.work()

    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == ("held", "partially_refunded")


async def test_a_guarantee_is_a_stored_date(desk: Desk) -> None:
    await desk.rule(issue_when="guarantee_ended", guarantee_days=7)
    bill = await desk.sold()

    await desk.work()

    sale = await desk.sale(bill)
    assert sale.status == "in_guarantee"
    assert sale.issue_at is not None
    assert sale.moment_at is not None
    assert timedelta(days=7) < sale.issue_at - sale.moment_at <= timedelta(days=8)
    assert desk.company.notas == {}


async def test_a_bill_vindi_does_not_know_is_given_up_after_three_reads(desk: Desk) -> None:
    await desk.heard(BillId(999_999))

    for _ in range(5):
        await desk.work()
        await desk.later()

    async with desk.pool.acquire() as conn:
        assert await conn.fetchval("SELECT state FROM outbox") == "settled"
        assert await conn.fetchval("SELECT count(*) FROM sales") == 0


async def test_a_refused_vindi_key_holds_that_tenants_sales_by_name(desk: Desk) -> None:
    desk.account.keys[0].revoked = True
    bill = await desk.sold()

    await desk.work()

    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == ("held", "vindi_key_refused")


async def test_a_refused_issuer_key_holds_and_sends_nothing_twice(desk: Desk) -> None:
    desk.sandbox.enotas.keys[desk.company.key].revoked = True
    bill = await desk.sold()
    await desk.work()
    held = await desk.sale(bill)

    desk.sandbox.enotas.keys[desk.company.key].revoked = False
    async with desk.pool.acquire() as conn:
        await conn.execute("UPDATE issuer_connections SET state = 'ok'")
    await desk.heard(BillId(bill.id))
    await desk.work()

    assert (held.status, held.code) == ("held", "issuer_key_refused")
    assert (await desk.sale(bill)).status == "issuing"
    assert len(desk.notas_of(bill)) == 1


async def test_what_a_person_cancelled_before_issuing_stays_cancelled(desk: Desk) -> None:
    bill = await desk.sold()
    async with desk.pool.acquire() as conn:
        await conn.execute("UPDATE tenants SET status = 'paused'")
    await desk.work()
    await _wish(desk, "cancel")

    for _ in range(2):
        await desk.heard(BillId(bill.id))
        await desk.work()

    assert (await desk.sale(bill)).code == "canceled_by_person"
    assert desk.company.notas == {}


async def test_a_wish_outlives_a_refused_key(desk: Desk) -> None:
    await desk.rule(issue_when="manual")
    bill = await desk.sold()
    await desk.work()
    await _wish(desk, "issue")
    desk.sandbox.enotas.keys[desk.company.key].revoked = True
    await desk.heard(BillId(bill.id))
    await desk.work()

    desk.sandbox.enotas.keys[desk.company.key].revoked = False
    async with desk.pool.acquire() as conn:
        await conn.execute("UPDATE issuer_connections SET state = 'ok'")
    await desk.heard(BillId(bill.id))
    await desk.work()

    assert (await desk.sale(bill)).status == "issuing"
    assert (await desk.sale(bill)).wish is None


async def _wish(desk: Desk, wish: str) -> None:
    async with desk.pool.acquire() as conn:
        await conn.execute("UPDATE sales SET wish = $1, wish_at = now()", wish)


async def test_a_refund_heard_just_as_the_nota_is_issued_cancels_it(desk: Desk) -> None:
    bill = await desk.sold()
    await desk.work()
    await desk.later()  # the issuer has issued it, we have not asked yet

    operations.refund(desk.account, bill_id=bill.id, events=False)
    await desk.heard(BillId(bill.id))
    await desk.work()
    await desk.later()
    await desk.work()

    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == ("cancelled", "refunded")

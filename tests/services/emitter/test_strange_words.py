"""What an issuer says that cannot be so: of another nota, of a test, without end, or in a page."""

from datetime import UTC, datetime, timedelta

import pytest

from services.sandbox.enotas.records import Nota
from services.sandbox.vindi.records import Bill
from shared.domain.ids import BillId
from shared.domain.sale import SaleStatus
from tests.services.emitter.conftest import Desk
from tests.services.emitter.stopping.test_strange_address import health, view

MINUTE = timedelta(minutes=1)


async def settled(desk: Desk, times: int = 6) -> None:
    for _ in range(times):
        await desk.work()
        await desk.later(10 * MINUTE)


async def issued(desk: Desk) -> tuple[Bill, Nota]:
    bill = await desk.sold()
    await settled(desk, 3)
    assert (await desk.sale(bill)).status == "issued"
    [nota] = desk.notas_of(bill)
    return bill, nota


async def test_an_id_that_is_another_notas_makes_nobody_issued(desk: Desk) -> None:
    _, other = await issued(desk)
    desk.company.faults.change({"default_outcome": "deny"})
    bill = await desk.sold()
    await desk.work()
    await desk.pool.execute("UPDATE notas SET issuer_id = $1 WHERE bill_id = $2", other.id, bill.id)

    await settled(desk)

    assert (await desk.sale(bill)).status == "denied"


async def test_an_id_that_is_another_notas_loses_no_sale_that_never_arrived(desk: Desk) -> None:
    _, other = await issued(desk)
    bill = await desk.sold()
    await desk.work()
    [nota] = desk.notas_of(bill)
    del desk.company.notas[nota.id], desk.company.by_external_id[nota.external_id]
    await desk.pool.execute("UPDATE notas SET issuer_id = $1 WHERE bill_id = $2", other.id, bill.id)

    await settled(desk, 12)

    assert (await desk.sale(bill)).status == "issued"
    assert len(desk.notas_of(bill)) == 1


async def test_a_nota_that_was_made_as_a_test_is_not_valid(desk: Desk) -> None:
    bill = await desk.sold()
    await desk.work()
    [nota] = desk.notas_of(bill)
    nota.body["ambienteEmissao"] = "Homologacao"

    await settled(desk)

    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == (SaleStatus.DENIED, "denied_issuer_setup")


async def test_a_cancelling_that_is_taken_and_never_done_is_asked_for_ever_more_rarely(
    desk: Desk,
) -> None:
    bill, nota = await issued(desk)
    desk.company.faults.change({"cancels_nothing": True})
    await desk.pool.execute(
        "UPDATE sales SET wish = 'cancel', wish_at = now() WHERE bill_id = $1", bill.id
    )
    await desk.heard(BillId(bill.id))
    await desk.work()
    assert (await desk.sale(bill)).status == "cancelling"
    assert nota.status == "Autorizada"

    due = []
    for hours in (1, 3, 49):
        asked = datetime.now(UTC) - timedelta(hours=hours)
        await desk.pool.execute("UPDATE notas SET cancel_sent_at = $1, changed_at = $1", asked)
        await desk.pool.execute("UPDATE outbox SET due_at = now() WHERE bill_id = $1", bill.id)
        await desk.work()
        due.append(
            await desk.pool.fetchval(
                "SELECT due_at - now() FROM outbox WHERE bill_id = $1", bill.id
            )
        )
    assert min(due) > timedelta(minutes=55)
    assert (await view(desk, bill)).reason != "issuer_stuck"

    asked = datetime.now(UTC) - timedelta(hours=51)
    await desk.pool.execute("UPDATE notas SET cancel_sent_at = $1, changed_at = $1", asked)
    await desk.pool.execute("UPDATE outbox SET due_at = now() WHERE bill_id = $1", bill.id)
    await desk.work()

    assert (await view(desk, bill)).reason == "issuer_stuck"


@pytest.mark.parametrize("status", [200, 302, 400, 405])
async def test_a_page_with_any_status_is_named_as_a_suspicious_address(
    desk: Desk, status: int
) -> None:
    desk.sandbox.enotas.weather.add(kind="html", status=status)
    bill = await desk.sold()
    for _ in range(8):
        await desk.work()
        await desk.later(MINUTE)
        await desk.pool.execute("UPDATE issuer_breakers SET probe_at = now()")

    assert (await desk.sale(bill)).status == "uncertain"
    assert "ENOTAS_URL" in (await health(desk))["issuer_outage"].message

    desk.sandbox.enotas.weather.clear()
    for _ in range(8):
        await desk.pool.execute("UPDATE issuer_breakers SET probe_at = now()")
        await settled(desk, 1)
    assert len(desk.notas_of(bill)) == 1


async def test_an_instant_of_the_next_century_keeps_no_nota_from_being_believed(
    desk: Desk,
) -> None:
    bill, nota = await issued(desk)
    await desk.pool.execute(
        "UPDATE notas SET changed_at = NULL, status = 'pending' WHERE bill_id = $1", bill.id
    )
    stamp, nota.changed = nota.changed, 4_000_000_000
    nota.status = "EmProcessoDeAutorizacao"
    await desk.heard(BillId(bill.id))
    await settled(desk, 1)
    nota.changed, nota.status = stamp, "Autorizada"

    await settled(desk, 4)

    assert (await desk.sale(bill)).status == "issued"

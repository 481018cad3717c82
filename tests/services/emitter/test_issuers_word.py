"""News of the issuer about any nota, in whatever state we have it."""

from datetime import timedelta

import pytest

from services.sandbox.enotas.records import Nota
from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from shared.commands.actions import Asked, act
from shared.db.outbox import outbox_store
from shared.db.outbox.outbox_store import Mark
from shared.domain.ids import BillId
from shared.run.waker import Waker
from tests.services.emitter.conftest import Desk

A_WAKER = Waker("redis://127.0.0.1:1")  # remembers a ring; nobody sends it here


async def told(desk: Desk, bill: Bill) -> None:
    """A webhook of the issuer about one of our notas was committed."""
    mark = Mark(
        tenant_id=desk.tenant,
        bill_id=BillId(bill.id),
        lane=outbox_store.LIVE,
        origin="webhook",
        about_bill=False,
        about_nota=True,
    )
    async with desk.pool.acquire() as conn:
        await outbox_store.mark_due(conn, [mark])
    await desk.work()


async def settled(desk: Desk) -> None:
    for _ in range(3):
        await desk.work()
        await desk.later()
    await desk.work()


async def an_issued_sale(desk: Desk) -> Bill:
    bill = await desk.sold()
    await settled(desk)
    assert (await desk.sale(bill)).status == "issued"
    return bill


async def a_denied_sale(desk: Desk, denial: str = "certificate") -> Bill:
    desk.company.faults.default_outcome = "deny"
    desk.company.faults.default_denial = denial
    bill = await desk.sold()
    await settled(desk)
    desk.company.faults.default_outcome = "authorise"
    assert (await desk.sale(bill)).status == "denied"
    return bill


def only_nota(desk: Desk, bill: Bill) -> Nota:
    [nota] = desk.notas_of(bill)
    return nota


async def timeline(desk: Desk, bill: Bill) -> list[str]:
    async with desk.pool.acquire() as conn:
        lines = await conn.fetch(
            "SELECT what FROM timeline WHERE tenant_id = $1 AND bill_id = $2 ORDER BY entry_id",
            desk.tenant,
            bill.id,
        )
    return [line["what"] for line in lines]


async def test_a_nota_cancelled_in_the_issuers_panel_is_cancelled_here(desk: Desk) -> None:
    bill = await an_issued_sale(desk)

    desk.sandbox.enotas.cancel_in_panel(desk.company, only_nota(desk, bill))
    desk.sandbox.clock.advance(600)
    await told(desk, bill)

    sale = await desk.sale(bill)
    assert (sale.status, sale.code, sale.attention) == (
        "cancelled",
        "cancelled_elsewhere",
        "cancelled_elsewhere",
    )
    assert "nota_cancelled" in await timeline(desk, bill)


async def test_a_nota_being_cancelled_in_the_panel_is_followed_to_its_end(desk: Desk) -> None:
    bill = await an_issued_sale(desk)

    desk.sandbox.enotas.cancel_in_panel(desk.company, only_nota(desk, bill))
    await told(desk, bill)
    assert (await desk.sale(bill)).status == "cancelling"
    await settled(desk)

    assert (await desk.sale(bill)).status == "cancelled"
    assert desk.sandbox.enotas.invariants.report()["ok"]


async def test_a_nota_cancelled_in_the_panel_may_be_issued_anew(desk: Desk) -> None:
    bill = await an_issued_sale(desk)
    desk.sandbox.enotas.machine.force(desk.company, only_nota(desk, bill), "Cancelada")
    desk.sandbox.clock.advance(5)
    await told(desk, bill)

    asked = Asked(action="issue", reason="a venda vale", by="ana")
    await act(desk.pool, A_WAKER, desk.tenant, [BillId(bill.id)], asked)
    await settled(desk)

    assert (await desk.sale(bill)).status == "issued"
    assert [nota.external_id[-2:] for nota in desk.notas_of(bill)] == ["-1", "-2"]
    assert desk.sandbox.enotas.invariants.report()["ok"]


async def test_a_denied_nota_sent_again_in_the_panel_is_issued(desk: Desk) -> None:
    bill = await a_denied_sale(desk)

    desk.sandbox.enotas.resend_in_panel(desk.company, only_nota(desk, bill))
    desk.sandbox.clock.advance(600)
    await told(desk, bill)

    sale = await desk.sale(bill)
    assert (sale.status, sale.attention) == ("issued", None)
    assert (await desk.nota(bill)).status == "issued"


async def test_one_under_way_again_is_followed(desk: Desk) -> None:
    bill = await a_denied_sale(desk)

    desk.sandbox.clock.advance(5)
    desk.sandbox.enotas.resend_in_panel(desk.company, only_nota(desk, bill))
    await told(desk, bill)
    assert (await desk.sale(bill)).status == "issuing"
    await settled(desk)

    assert (await desk.sale(bill)).status == "issued"


async def test_a_refunded_sale_whose_denied_nota_became_valid_is_cancelled(desk: Desk) -> None:
    """The webhook never came: it is asked once more before the sale is let go."""
    bill = await a_denied_sale(desk)
    desk.sandbox.enotas.resend_in_panel(desk.company, only_nota(desk, bill))
    desk.sandbox.clock.advance(600)

    operations.refund(desk.account, bill_id=bill.id)
    await desk.heard(BillId(bill.id))
    await settled(desk)

    assert (await desk.sale(bill)).status == "cancelled"
    assert only_nota(desk, bill).status == "Cancelada"
    assert desk.sandbox.enotas.invariants.report()["ok"]


async def test_a_skipped_sale_whose_denied_nota_becomes_valid_later_is_cancelled(
    desk: Desk,
) -> None:
    bill = await a_denied_sale(desk)
    operations.refund(desk.account, bill_id=bill.id)
    await desk.heard(BillId(bill.id))
    await settled(desk)
    assert (await desk.sale(bill)).status == "skipped"

    desk.sandbox.enotas.resend_in_panel(desk.company, only_nota(desk, bill))
    desk.sandbox.clock.advance(600)
    await told(desk, bill)
    await settled(desk)

    assert (await desk.sale(bill)).status == "cancelled"
    assert only_nota(desk, bill).status == "Cancelada"


async def test_a_refund_and_news_together_end_in_what_both_say(desk: Desk) -> None:
    bill = await a_denied_sale(desk)
    desk.sandbox.enotas.resend_in_panel(desk.company, only_nota(desk, bill))
    desk.sandbox.clock.advance(600)

    operations.refund(desk.account, bill_id=bill.id)
    await desk.heard(BillId(bill.id))
    await told(desk, bill)
    await settled(desk)

    assert (await desk.sale(bill)).status == "cancelled"


async def test_one_old_denial_after_it_was_sent_again_denies_nothing(desk: Desk) -> None:
    bill = await a_denied_sale(desk)
    asked = Asked(action="retry", reason="certificado renovado", by="ana")
    desk.sandbox.clock.advance(60)
    await act(desk.pool, A_WAKER, desk.tenant, [BillId(bill.id)], asked)
    await desk.work()
    assert (await desk.sale(bill)).status == "issuing"

    desk.company.faults.stale_reads = 1
    await told(desk, bill)

    assert (await desk.sale(bill)).status == "issuing"
    await settled(desk)
    assert (await desk.sale(bill)).status == "issued"


@pytest.mark.parametrize("stale", [1, 3])
async def test_copies_that_lag_behind_do_not_bring_a_cancelled_nota_back(
    desk: Desk, stale: int
) -> None:
    bill = await an_issued_sale(desk)
    desk.sandbox.clock.advance(5)
    desk.sandbox.enotas.machine.force(desk.company, only_nota(desk, bill), "Cancelada")
    await told(desk, bill)
    assert (await desk.sale(bill)).status == "cancelled"

    desk.company.faults.stale_reads = stale
    for _ in range(stale):
        await told(desk, bill)

    assert (await desk.sale(bill)).status == "cancelled"


async def test_one_that_somebody_stopped_cancelling_is_issued_again(desk: Desk) -> None:
    bill = await an_issued_sale(desk)
    desk.sandbox.clock.advance(5)
    desk.sandbox.enotas.machine.force(desk.company, only_nota(desk, bill), "AguardandoCancelamento")
    await told(desk, bill)
    assert (await desk.sale(bill)).status == "cancelling"

    desk.sandbox.clock.advance(5)
    desk.sandbox.enotas.machine.force(desk.company, only_nota(desk, bill), "Autorizada")
    await told(desk, bill)

    assert (await desk.sale(bill)).status == "issued"
    assert "DELETE" not in [call.method for call in desk.sandbox.enotas.journal]


async def test_a_refusal_of_somebody_elses_cancelling_leaves_the_sale_issued(desk: Desk) -> None:
    bill = await an_issued_sale(desk)
    desk.sandbox.clock.advance(5)
    desk.sandbox.enotas.machine.force(desk.company, only_nota(desk, bill), "CancelamentoNegado")

    await told(desk, bill)

    assert (await desk.sale(bill)).status == "issued"


async def test_an_authorised_nota_counts_before_its_pdf_is_made(desk: Desk) -> None:
    desk.company.faults.progress = (1, 1, 1, 1, 10_000)
    bill = await desk.sold()
    await desk.work()
    desk.sandbox.clock.advance(60)
    await desk.later(timedelta(hours=1))
    await desk.work()
    assert only_nota(desk, bill).status == "AutorizadaAguardandoGeracaoPDF"

    assert (await desk.sale(bill)).status == "issued"
    async with desk.pool.acquire() as conn:
        number = await conn.fetchval("SELECT number FROM notas WHERE bill_id = $1", bill.id)
    assert number is not None


async def test_one_without_its_pdf_is_cancelled_as_soon_as_the_issuer_can(desk: Desk) -> None:
    desk.company.faults.progress = (1, 1, 1, 1, 1500)
    bill = await desk.sold()
    await desk.work()
    await desk.later(timedelta(hours=1))
    await desk.work()
    assert only_nota(desk, bill).status == "AutorizadaAguardandoGeracaoPDF"

    operations.refund(desk.account, bill_id=bill.id)
    await desk.heard(BillId(bill.id))
    await desk.work()
    assert (await desk.sale(bill)).status == "cancelling"
    await settled(desk)
    await settled(desk)

    assert (await desk.sale(bill)).status == "cancelled"
    assert desk.sandbox.enotas.invariants.report()["ok"]


async def test_a_page_of_404_does_not_have_a_nota_sent_again(desk: Desk) -> None:
    desk.company.weather.add(status=500, when="after", method="POST", count=1)
    desk.company.faults.not_found_html = 2
    bill = await desk.sold()
    for _ in range(2):
        await desk.work()
        await desk.later()
    posts = [call for call in desk.sandbox.enotas.journal if call.method == "POST"]
    assert len(posts) == 1
    await settled(desk)

    assert (await desk.sale(bill)).status == "issued"
    assert len(desk.notas_of(bill)) == 1


async def a_sale_that_never_arrived(desk: Desk, *, late: float) -> Bill:
    """Its request was lost on the way and it was refunded meanwhile; it arrives `late` after."""
    desk.company.faults.late_seconds = late
    bill = await desk.sold()
    await desk.work()
    operations.refund(desk.account, bill_id=bill.id)
    await desk.heard(BillId(bill.id))
    for _ in range(5):
        await desk.work()
        await desk.later()
    await desk.work()
    desk.company.faults.late_seconds = None
    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == ("skipped", "refunded")
    return bill


async def test_a_nota_that_arrives_late_is_seen_named_and_cancelled(desk: Desk) -> None:
    bill = await a_sale_that_never_arrived(desk, late=50_000)
    desk.sandbox.clock.advance(60_000)
    desk.sandbox.clock.advance(600)
    assert only_nota(desk, bill).status == "Autorizada"

    await told(desk, bill)
    await settled(desk)

    assert (await desk.sale(bill)).status == "cancelled"
    assert only_nota(desk, bill).status == "Cancelada"
    assert "nota_arrived_late" in await timeline(desk, bill)


async def test_one_wanted_after_all_is_asked_for_under_its_own_id(desk: Desk) -> None:
    """The first request turns up late: both are one nota, since they bear one id."""
    desk.company.faults.late_seconds = 50_000
    bill = await desk.sold()
    await desk.work()
    asked = Asked(action="cancel", reason="engano", by="ana")
    await act(desk.pool, A_WAKER, desk.tenant, [BillId(bill.id)], asked)
    for _ in range(5):
        await desk.work()
        await desk.later()
    await desk.work()
    assert (await desk.sale(bill)).status == "skipped"
    desk.company.faults.late_seconds = None
    desk.sandbox.clock.advance(60_000)

    asked = Asked(action="issue", reason="vale sim", by="ana")
    await act(desk.pool, A_WAKER, desk.tenant, [BillId(bill.id)], asked)
    await settled(desk)

    assert (await desk.sale(bill)).status == "issued"
    assert [nota.external_id for nota in desk.notas_of(bill)] == [f"p-{desk.tenant}-{bill.id}-1"]
    assert desk.sandbox.enotas.invariants.report()["ok"]


async def test_a_valid_nota_the_issuer_does_not_have_is_told(desk: Desk) -> None:
    bill = await an_issued_sale(desk)
    nota = only_nota(desk, bill)
    del desk.company.notas[nota.id]
    del desk.company.by_external_id[nota.external_id]

    await told(desk, bill)

    sale = await desk.sale(bill)
    assert (sale.status, sale.attention) == ("issued", "nota_missing_at_issuer")

"""Denials, statements and possible duplicates of one part of a divided sale."""

from services.sandbox.enotas.records import Outcome
from services.sandbox.vindi.records import Bill
from shared.commands.denials import retry_group
from shared.commands.statements import Statement, state_nota
from shared.db.sales import denials_store, timeline_store
from shared.domain.ids import BillId
from shared.run.waker import Waker
from tests.services.emitter.conftest import Desk
from tests.services.emitter.stopping.test_duplicates import Other, issued_elsewhere
from tests.services.emitter.test_parts import SERVICES, ask, parts, settle, sold_mixed, states

A_WAKER = Waker("redis://127.0.0.1:1")  # remembers a ring; nobody sends it here


async def with_denials(desk: Desk, *denials: str) -> Bill:
    """A sale of as many parts, each denied once for its reason."""
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "100.00", "50.00", "29.90")
    for part, denial in enumerate(denials, start=1):
        key = f"p-{desk.tenant}-{bill.id}x{part}-1"
        desk.sandbox.enotas.decide(desk.company, key, Outcome(kind="deny_once", denial=denial))
    await settle(desk)
    return bill


async def state(desk: Desk, bill: Bill, *, exists: bool) -> None:
    statement = Statement(exists=exists, number="77", reason="visto no portal", by="ana")
    assert await state_nota(desk.pool, A_WAKER, desk.tenant, BillId(bill.id), statement) is None


async def test_one_button_sends_only_the_parts_of_its_cause_again(desk: Desk) -> None:
    bill = await with_denials(desk, "certificate", "address", "certificate")
    async with desk.pool.acquire() as conn:
        found = {one.denial: one for one in await denials_store.groups(conn, desk.tenant)}
    certificate = found["denied_certificate"]

    accepted = await retry_group(
        desk.pool, A_WAKER, desk.tenant, certificate.group, reason="certificado novo", by="ana"
    )
    await settle(desk, rounds=12)  # one is tried, then the others follow

    assert (certificate.count, certificate.amount) == (1, 10_000 + 2_990)
    assert accepted == 1
    assert [one.status for one in await parts(desk, bill)] == ["issued", "denied", "issued"]
    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == ("denied", "denied_address")


async def test_a_sale_tells_which_of_its_notas_was_denied(desk: Desk) -> None:
    bill = await with_denials(desk, "certificate")

    async with desk.pool.acquire() as conn:
        told = await timeline_store.of_bill(conn, desk.tenant, BillId(bill.id))

    assert "nota 1 de 3: denied_certificate" in [
        entry.why for entry in told if entry.what == "nota_denied"
    ]


async def test_a_used_number_of_one_part_is_sent_again_by_no_retry(desk: Desk) -> None:
    bill = await with_denials(desk, "certificate", "numbering")

    await ask(desk, bill, "retry")
    await settle(desk)

    assert [one.status for one in await parts(desk, bill)] == ["issued", "denied", "issued"]
    assert (await desk.sale(bill)).code == "denied_numbering"


async def test_a_part_in_doubt_that_somebody_saw_is_issued_and_the_rest_follows(
    desk: Desk,
) -> None:
    await desk.rule(**SERVICES)
    desk.company.weather.add(status=500, when="before", method="POST", count=1)
    bill = await sold_mixed(desk, "100.00", "79.90")
    await desk.work()
    doubtful = await desk.sale(bill)

    await state(desk, bill, exists=True)
    await settle(desk)

    assert doubtful.status == "uncertain"
    assert [one.status for one in await parts(desk, bill)] == ["issued", "issued"]
    assert states(desk, bill) == {f"{bill.id}x2-1": "Autorizada"}
    sale = await desk.sale(bill)
    assert (sale.status, sale.attention) == ("issued", "stated_by_person")


async def test_a_part_in_doubt_that_nobody_finds_is_sent_again_and_no_other(desk: Desk) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "100.00", "79.90")
    desk.company.weather.add(status=500, when="before", every=2, method="POST", count=1)
    await desk.work()

    await state(desk, bill, exists=False)
    await settle(desk)

    assert [one.external_id for one in desk.notas_of(bill)] == [
        f"p-{desk.tenant}-{bill.id}x1-1",
        f"p-{desk.tenant}-{bill.id}x2-1",
    ]
    assert (await desk.sale(bill)).status == "issued"
    assert desk.sandbox.enotas.invariants.report()["ok"]


async def test_a_nota_of_the_whole_issued_elsewhere_holds_the_parts(desk: Desk) -> None:
    await desk.rule(**SERVICES)
    await issued_elsewhere(desk, Other())
    bill = await sold_mixed(desk, "100.00", "79.90")
    await desk.work()

    sale = await desk.sale(bill)

    assert (sale.status, sale.code) == ("held", "possible_duplicate")
    assert "R$ 179,90" in sale.detail
    assert desk.notas_of(bill) == []


async def test_a_person_who_compared_a_part_has_all_of_them_issued(desk: Desk) -> None:
    await desk.rule(**SERVICES)
    await issued_elsewhere(desk, Other(amount=79.9))
    bill = await sold_mixed(desk, "100.00", "79.90")
    await settle(desk)
    held = await desk.sale(bill)

    await ask(desk, bill, "issue")
    await settle(desk)

    assert (held.status, held.code) == ("held", "possible_duplicate")
    assert (await desk.sale(bill)).status == "issued"
    assert len(desk.notas_of(bill)) == 2


async def test_a_persons_word_for_one_part_is_told_whatever_becomes_of_the_other(
    desk: Desk,
) -> None:
    await desk.rule(**SERVICES)
    desk.company.weather.add(status=500, when="before", method="POST", count=1)
    bill = await sold_mixed(desk, "100.00", "79.90")
    await desk.work()
    key = f"p-{desk.tenant}-{bill.id}x2-1"
    desk.sandbox.enotas.decide(desk.company, key, Outcome(kind="deny_once", denial="certificate"))

    await state(desk, bill, exists=True)
    await settle(desk)
    denied = await desk.sale(bill)
    await ask(desk, bill, "retry")
    await settle(desk)

    sale = await desk.sale(bill)
    assert (denied.status, denied.attention) == ("denied", "denied_certificate")
    assert (sale.status, sale.attention) == ("issued", "stated_by_person")

"""A campaign that does not balance says what each nota without an end waits for."""

from services.sandbox.vindi import operations
from shared.domain.ids import BillId
from tests.chaos.long.shops import Shop
from tests.chaos.long.waiting import lines_of, waiting
from tests.services.emitter.conftest import Desk
from tests.services.emitter.test_issuers_word import an_issued_sale, only_nota


async def test_what_waits_is_told_with_its_instants_and_its_last_answers(
    desk: Desk, database: str
) -> None:
    shop = Shop(kind="refunds", account=desk.account, company=desk.company, tenant=desk.tenant)
    bill = await an_issued_sale(desk)
    assert await waiting(database, shop, desk.sandbox.enotas.journal) == []

    operations.refund(desk.account, bill_id=bill.id)
    await desk.heard(BillId(bill.id))
    await desk.work()
    [found] = await waiting(database, shop, desk.sandbox.enotas.journal)

    assert found["status"] == "cancelling"
    assert found["state"] == "due"
    assert found["cancel_sent_at"]
    assert found["answers"][-1].endswith("DELETE 200")
    assert found["told"][0]["what"] == "cancel_requested"
    text = "\n".join(lines_of([found, {"error": "gone"}]))
    assert only_nota(desk, bill).id in text
    assert "due_at=" in text


async def test_what_ended_otherwise_at_the_issuer_is_told_too(desk: Desk, database: str) -> None:
    shop = Shop(kind="refunds", account=desk.account, company=desk.company, tenant=desk.tenant)
    bill = await an_issued_sale(desk)
    desk.sandbox.enotas.machine.force(desk.company, only_nota(desk, bill), "Cancelada")

    [found] = await waiting(database, shop, desk.sandbox.enotas.journal)

    assert found["status"] == "issued"
    assert found["issuer"].startswith("Cancelada since")

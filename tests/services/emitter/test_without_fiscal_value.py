"""Notas of the issuer's test environment, on bills of real customers."""

from services.sandbox.enotas.records import Outcome
from shared.domain.ids import BillId
from tests.services.emitter.conftest import Desk


async def test_no_customer_gets_mail_of_a_test_nota_not_even_when_it_is_sent_again(
    desk: Desk,
) -> None:
    await desk.pool.execute("UPDATE issuer_connections SET environment = 'Homologacao'")
    await desk.rule(send_email=True)
    bill = await desk.sold()
    key = f"h-{desk.tenant}-{bill.id}-1"
    desk.sandbox.enotas.decide(desk.company, key, Outcome(kind="deny_once", denial="service"))
    await desk.work()
    await desk.later()
    await desk.work()

    await desk.pool.execute("UPDATE notas SET resend = true")
    await desk.heard(BillId(bill.id))
    await desk.work()
    await desk.later()
    await desk.work()

    assert (await desk.sale(bill)).status == "issued"
    (nota,) = desk.notas_of(bill)
    assert (nota.external_id, nota.body["enviarPorEmail"]) == (key, False)
    assert desk.sandbox.enotas.invariants.report()["ok"]

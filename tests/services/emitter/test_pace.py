"""Our own limit for an issuer's key saying "not yet" is a wait: no try, no look-up, no doubt."""

from datetime import timedelta

from services.sandbox.enotas.records import Company
from shared.config.secret import Secret
from shared.db.tenants import connections_store
from tests.services.emitter.conftest import SEALER, Desk


def key_of(company: Company) -> str:
    return connections_store.issuer_key_word(SEALER, Secret.of(company.key))


async def let_nobody_ask(desk: Desk, wait: timedelta) -> None:
    await desk.tools.clients._limits.pause(key_of(desk.company), wait)


async def test_a_sale_without_a_turn_waits_in_the_queue_and_nothing_is_written_of_a_nota(
    desk: Desk,
) -> None:
    await let_nobody_ask(desk, timedelta(seconds=60))
    bill = await desk.sold()

    await desk.work()

    row = await desk.pool.fetchrow("SELECT state, tries, due_at > now() AS later FROM outbox")
    assert row is not None
    assert (row["state"], row["tries"], row["later"]) == ("due", 0, True)
    assert (await desk.sale(bill)).status == "queued"
    assert await desk.pool.fetchval("SELECT count(*) FROM notas") == 0


async def test_a_sale_that_waited_for_its_turn_is_sent_once_and_never_looked_up(desk: Desk) -> None:
    await let_nobody_ask(desk, timedelta(seconds=60))
    bill = await desk.sold()
    for _ in range(3):
        await desk.work()
        await desk.later()
    await let_nobody_ask(desk, timedelta())

    await desk.work()

    told = await desk.pool.fetch("SELECT what FROM timeline")
    assert not {"looked_up", "answer_lost", "sent_again"} & {row["what"] for row in told}
    nota = await desk.nota(bill)
    assert nota.lookups == 0
    assert len(desk.notas_of(bill)) == 1

"""A tenant that is paused issues and cancels nothing, what was in doubt before included."""

from services.sandbox.vindi.records import Bill
from shared.db.outbox import outbox_wakes
from shared.db.tenants import tenants_store
from tests.services.emitter.conftest import Desk
from tests.services.emitter.test_part_wishes import ask_part
from tests.services.emitter.test_parts import settle


async def paused(desk: Desk) -> None:
    async with desk.pool.acquire() as conn, conn.transaction():
        await tenants_store.lock(conn, desk.tenant)
        await tenants_store.pause(conn, desk.tenant)


async def active(desk: Desk) -> None:
    async with desk.pool.acquire() as conn, conn.transaction():
        await tenants_store.lock(conn, desk.tenant)
        await tenants_store.activate(conn, desk.tenant)
        await outbox_wakes.wake_stopped(conn, desk.tenant, ["tenant_paused"])


def asked(desk: Desk, method: str) -> int:
    return sum(call.method == method for call in desk.sandbox.enotas.journal)


async def in_doubt(desk: Desk) -> Bill:
    """A sale whose request was lost on its way, and whose look-ups are nearly over."""
    bill = await desk.sold()
    desk.company.weather.add(kind="hang_up", when="before", count=1, method="POST")
    for _ in range(3):
        await desk.work()
        await desk.later()
    assert desk.notas_of(bill) == []
    assert (await desk.sale(bill)).status == "uncertain"
    return bill


async def test_a_nota_in_doubt_is_not_sent_again_until_the_tenant_is_active(desk: Desk) -> None:
    bill = await in_doubt(desk)
    await paused(desk)
    before = asked(desk, "POST")
    await settle(desk, rounds=3)

    assert asked(desk, "POST") == before
    assert (await desk.sale(bill)).status == "uncertain"

    await active(desk)
    await desk.work()  # nothing waits: activation has woken it
    await settle(desk)

    assert (await desk.sale(bill)).status == "issued"
    assert len(desk.notas_of(bill)) == 1


async def test_a_cancellation_in_doubt_is_not_asked_for_again_until_then_either(
    desk: Desk,
) -> None:
    bill = await desk.sold()
    await settle(desk)
    await ask_part(desk, bill, "cancel", None)
    desk.company.weather.add(kind="hang_up", when="before", count=1, method="DELETE")
    await desk.work()
    await paused(desk)
    before = asked(desk, "DELETE")
    await settle(desk, rounds=3)

    assert asked(desk, "DELETE") == before
    assert [nota.status for nota in desk.notas_of(bill)] == ["Autorizada"]

    await active(desk)
    await settle(desk)

    assert (await desk.sale(bill)).status == "cancelled"

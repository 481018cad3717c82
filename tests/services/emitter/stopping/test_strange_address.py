"""Where the issuer should answer somebody else does, with HTML, for ever: what people see."""

from datetime import UTC, datetime, timedelta

from services.emitter.stopping.outage import STRANGE
from services.reconciler.unanswered import AFTER, tell_once
from services.sandbox.vindi.records import Bill
from shared.db.sales import sale_actions_store, sales_read, timeline_store
from shared.db.sales.sales_read import SaleView
from shared.db.tenants import issuer_health_store
from shared.db.tenants.brakes_store import NOT_BRAKED
from shared.domain.actions import possible
from shared.domain.ids import BillId
from shared.watch.connection import ConnectionCheck
from shared.watch.issuing import judge_issuing
from tests.services.emitter.conftest import Desk
from tests.services.emitter.stopping.test_duplicates import services_of


async def health(desk: Desk) -> dict[str, ConnectionCheck]:
    async with desk.pool.acquire() as conn:
        breakers = await issuer_health_store.read(conn, desk.tenant)
    return {one.code: one for one in judge_issuing(breakers, NOT_BRAKED)}


async def in_doubt_for(desk: Desk, how_long: timedelta) -> None:
    await desk.pool.execute("UPDATE notas SET sent_at = $1", datetime.now(UTC) - how_long)


async def view(desk: Desk, bill: Bill) -> SaleView:
    async with desk.pool.acquire() as conn:
        found = await sales_read.get(conn, desk.tenant, BillId(bill.id))
    assert found is not None
    return found


async def told(desk: Desk, bill: Bill) -> list[str]:
    async with desk.pool.acquire() as conn:
        lines = await timeline_store.of_bill(conn, desk.tenant, BillId(bill.id))
    return [line.why for line in lines if line.what == "attention"]


async def lost_to_html(desk: Desk, status: int = 404) -> Bill:
    desk.sandbox.enotas.weather.add(kind="html", status=status)
    bill = await desk.sold()
    for _ in range(8):
        await desk.work()
        await desk.later(timedelta(minutes=1))
        await desk.pool.execute("UPDATE issuer_breakers SET probe_at = now()")
    assert (await desk.sale(bill)).status == "uncertain"
    return bill


async def test_the_issuers_address_is_named_as_suspicious(desk: Desk) -> None:
    await lost_to_html(desk)

    found = (await health(desk))["issuer_outage"]

    assert found.status == "broken"
    assert "ENOTAS_URL" in found.message


async def test_an_issuer_that_is_merely_away_is_not_suspicious(desk: Desk) -> None:
    await lost_to_html(desk, status=503)

    found = (await health(desk))["issuer_outage"]

    assert found.status == "broken"
    assert found.message.startswith("O emissor não responde.")


async def test_the_issuer_back_again_takes_the_suspicion_away(desk: Desk) -> None:
    bill = await lost_to_html(desk)
    async with desk.pool.acquire() as conn:
        suspected = {one.cause for one in await issuer_health_store.read(conn, desk.tenant)}
    desk.sandbox.enotas.weather.clear()
    for _ in range(6):
        await desk.pool.execute("UPDATE issuer_breakers SET probe_at = now()")
        await desk.later(timedelta(minutes=5))
        await desk.work()

    async with desk.pool.acquire() as conn:
        breakers = await issuer_health_store.read(conn, desk.tenant)

    assert len(desk.notas_of(bill)) == 1
    assert STRANGE in suspected
    assert {one.cause for one in breakers} == {None}


async def test_after_hours_in_doubt_a_person_is_told_once_and_can_state_what_the_city_shows(
    desk: Desk,
) -> None:
    bill = await lost_to_html(desk)
    services = services_of(desk)
    await in_doubt_for(desk, AFTER - timedelta(minutes=1))
    early = await tell_once(services)
    await in_doubt_for(desk, AFTER + timedelta(minutes=1))

    first = await tell_once(services)
    again = await tell_once(services)
    await desk.later(timedelta(minutes=5))
    await desk.work()  # and it is asked about still, which says nothing new

    assert (early, first, again) == (0, 1, 0)
    sale = await view(desk, bill)
    assert (sale.status, sale.reason) == ("uncertain", "issuer_unanswered")
    assert sale.message is not None
    assert sale.message.who_acts == "support"
    assert "nada é reenviado às cegas" in sale.message.text
    assert await told(desk, bill) == ["issuer_unanswered"]
    async with desk.pool.acquire() as conn:
        [locked] = await sale_actions_store.look(conn, desk.tenant, [BillId(bill.id)])
    assert possible(locked.state) == ("retry", "cancel")


async def test_what_is_answered_at_last_is_told_no_more(desk: Desk) -> None:
    bill = await lost_to_html(desk)
    await in_doubt_for(desk, AFTER * 2)
    assert await tell_once(services_of(desk)) == 1
    desk.sandbox.enotas.weather.clear()
    for _ in range(8):
        await desk.pool.execute("UPDATE issuer_breakers SET probe_at = now()")
        await desk.later(timedelta(minutes=5))
        await desk.work()

    sale = await view(desk, bill)
    assert (sale.status in ("issuing", "issued"), sale.attention) == (True, None)
    assert len(desk.notas_of(bill)) == 1

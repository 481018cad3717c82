"""News of a nota is looked for though another part of its sale may not leave, or has not ended."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from services.sandbox.vindi.records import Bill
from shared.db.tenants import connections_store
from shared.domain.ids import BillId
from tests.services.emitter.conftest import Desk
from tests.services.emitter.stopping.test_brakes import limit
from tests.services.emitter.stopping.test_duplicates import Other, issued_elsewhere
from tests.services.emitter.test_after_news import SOON, looked_at, rests
from tests.services.emitter.test_connections import another_company, move
from tests.services.emitter.test_issuers_word import a_denied_sale, timeline, told
from tests.services.emitter.test_parts import SERVICES, parts, settle, sold_mixed
from tests.services.emitter.test_taken_late import MANY

A_DAY = timedelta(days=1)
MINUTES = timedelta(minutes=3)


async def braked(desk: Desk) -> Bill:
    """The first part is issued, the second is held by the limit of the day."""
    await desk.rule(**SERVICES)
    await limit(desk, notas_a_day=1)
    bill = await sold_mixed(desk, "100.00", "79.90")
    await settle(desk)
    assert await of_parts(desk, bill) == ["issued"]
    assert (await desk.sale(bill)).code == "brake_daily_count"
    return bill


async def of_parts(desk: Desk, bill: Bill) -> list[str]:
    return [nota.status for nota in await parts(desk, bill)]


async def company_is_stopped(desk: Desk) -> None:
    """Its certificate has expired, as another of its sales has met: nothing is sent for a day."""
    await desk.pool.execute("DELETE FROM company_breakers")
    await desk.pool.execute(
        "INSERT INTO company_breakers"
        " (tenant_id, state, since, probe_at, round_until, cause)"
        " VALUES ($1, 'open', now(), now() + $2::interval, now() + $2::interval, 'certificate')",
        desk.tenant,
        A_DAY,
    )


async def possible_copy(desk: Desk) -> Bill:
    """The first part is issued, the second is held: somebody else has issued its like."""
    bill = await braked(desk)
    await desk.pool.execute("DELETE FROM tenant_brakes")
    await issued_elsewhere(desk, Other(amount=79.9))
    await desk.heard(BillId(bill.id))
    await desk.work()
    assert (await desk.sale(bill)).code == "possible_duplicate"
    return bill


async def is_cancelled_unseen(desk: Desk, bill: Bill) -> None:
    """The first part's nota is cancelled in the issuer's panel; reads do not show it yet."""
    [nota] = desk.notas_of(bill)
    desk.sandbox.clock.advance(5)
    desk.sandbox.enotas.machine.force(desk.company, nota, "Cancelada")
    desk.company.faults.stale_reads = 100
    await told(desk, bill)
    assert await of_parts(desk, bill) == ["issued"]


@pytest.mark.parametrize("scene", [braked, possible_copy])
async def test_news_of_one_part_is_found_while_the_other_is_stopped(
    desk: Desk, scene: Callable[[Desk], Awaitable[Bill]]
) -> None:
    bill = await scene(desk)
    before = await desk.sale(bill)
    await is_cancelled_unseen(desk, bill)

    rested = await looked_at(desk, bill, 3)
    assert len(rested) == 3
    assert rested[0] < SOON
    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == (before.status, before.code)
    desk.company.faults.stale_reads = 0
    await looked_at(desk, bill, 1)

    assert await of_parts(desk, bill) == ["cancelled"]


async def test_looks_at_news_end_and_say_nothing_of_what_is_stopped_anew(desk: Desk) -> None:
    bill = await braked(desk)
    lines = await timeline(desk, bill)
    asked_before = len(desk.sandbox.enotas.journal)

    await told(desk, bill)
    rested = await looked_at(desk, bill, MANY)

    assert 5 <= len(rested) <= 6
    assert sum(rested, timedelta()) < timedelta(seconds=90)
    assert len(desk.sandbox.enotas.journal) - asked_before <= 8
    assert await rests(desk, bill) is None
    assert await timeline(desk, bill) == lines
    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == ("held", "brake_daily_count")


async def test_news_of_one_part_is_found_while_the_other_is_under_way(desk: Desk) -> None:
    bill = await braked(desk)
    desk.company.faults.progress = (1, 1, 1, 1_000_000, 1)
    await desk.pool.execute("DELETE FROM tenant_brakes")
    await desk.heard(BillId(bill.id))
    await desk.work()
    assert await of_parts(desk, bill) == ["issued", "pending"]
    first = min(desk.notas_of(bill), key=lambda nota: nota.external_id)
    desk.sandbox.clock.advance(5)
    desk.sandbox.enotas.machine.force(desk.company, first, "Cancelada")
    desk.company.faults.stale_reads = 100
    await told(desk, bill)
    assert (await of_parts(desk, bill))[0] == "issued"
    desk.company.faults.stale_reads = 0

    await looked_at(desk, bill, 2)

    assert (await of_parts(desk, bill))[0] == "cancelled"


async def test_a_denied_nota_that_is_to_be_sent_again_is_looked_at_while_its_company_is_stopped(
    desk: Desk,
) -> None:
    bill = await a_denied_sale(desk)
    await desk.pool.execute("UPDATE notas SET resend = true")
    await company_is_stopped(desk)
    await desk.heard(BillId(bill.id))
    await desk.work()
    assert (await desk.sale(bill)).status == "queued"
    [nota] = desk.notas_of(bill)
    desk.sandbox.clock.advance(5)
    desk.sandbox.enotas.machine.force(desk.company, nota, "Autorizada")
    desk.company.faults.stale_reads = 100
    await told(desk, bill)
    assert await of_parts(desk, bill) == ["denied"]
    desk.company.faults.stale_reads = 0

    assert (await looked_at(desk, bill, 1))[0] < SOON

    assert (await desk.sale(bill)).status == "issued"


async def test_what_is_under_way_is_followed_while_the_next_part_waits_for_a_stopped_company(
    desk: Desk,
) -> None:
    """Nothing is heard of it: only its polls tell."""
    await desk.rule(**SERVICES)
    desk.company.faults.progress = (1, 1, 1, 1_000_000, 1)
    await limit(desk, notas_a_day=1)
    bill = await sold_mixed(desk, "100.00", "79.90")
    await desk.work()
    assert await of_parts(desk, bill) == ["pending"]
    await company_is_stopped(desk)
    await desk.pool.execute("UPDATE sales SET status = 'queued'")
    [nota] = desk.notas_of(bill)
    desk.sandbox.enotas.machine.force(desk.company, nota, "Autorizada")

    rested = await looked_at(desk, bill, 3)

    assert sum(rested, timedelta()) < MINUTES
    assert await of_parts(desk, bill) == ["issued"]


async def test_what_is_under_way_at_the_company_left_is_followed_while_the_new_one_is_refused(
    desk: Desk,
) -> None:
    await desk.rule(**SERVICES)
    desk.company.faults.progress = (1, 1, 1, 1_000_000, 1)
    await limit(desk, notas_a_day=1)
    bill = await sold_mixed(desk, "100.00", "79.90")
    await desk.work()
    assert await of_parts(desk, bill) == ["pending"]
    await move(desk, another_company(desk))
    async with desk.pool.acquire() as conn, conn.transaction():
        await connections_store.block(conn, desk.tenant, "issuer", "issuer_key_refused", "-")
    await desk.heard(BillId(bill.id))
    await desk.work()
    [nota] = desk.notas_of(bill)
    desk.sandbox.enotas.machine.force(desk.company, nota, "Autorizada")

    rested = await looked_at(desk, bill, 4)

    assert sum(rested, timedelta()) < MINUTES
    assert await of_parts(desk, bill) == ["issued"]
    assert (await desk.sale(bill)).code == "issuer_key_refused"

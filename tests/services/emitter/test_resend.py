"""Denials that mend themselves, and the ones that one button mends."""

from datetime import datetime, timedelta

import pytest

from services.sandbox.enotas.records import Outcome
from shared.commands.denials import NumberingNeedsPerson, retry_group
from shared.db.sales import denials_store
from shared.db.sales.denials_store import DenialGroup
from shared.domain.ids import BillId
from shared.run.waker import Waker
from tests.builders import SAO_PAULO
from tests.services.emitter.conftest import Desk

A_WAKER = Waker("redis://127.0.0.1:1")  # remembers a ring; nobody sends it here


async def groups(desk: Desk) -> list[DenialGroup]:
    async with desk.pool.acquire() as conn:
        return await denials_store.groups(conn, desk.tenant)


async def due_in(desk: Desk) -> timedelta | None:
    sql = "SELECT due_at - now() FROM outbox WHERE state = 'due'"
    async with desk.pool.acquire() as conn:
        found: timedelta | None = await conn.fetchval(sql)
        return found


async def pass_time(desk: Desk) -> None:
    """As `later`, for re-sends too."""
    async with desk.pool.acquire() as conn:
        await conn.execute("UPDATE notas SET resend_at = resend_at - interval '2 days'")
    await desk.later()
    await desk.work()


async def month_is_young(desk: Desk) -> None:
    """Date the sales where a day more is still the same month, whenever this test runs."""
    async with desk.pool.acquire() as conn:
        now: datetime = await conn.fetchval("SELECT now()")
        day = (now + timedelta(hours=1)).astimezone(SAO_PAULO).date()
        await conn.execute("UPDATE notas SET competencia = $1", day)


async def test_an_outage_is_sent_again_by_itself_under_the_same_id(desk: Desk) -> None:
    bill = await desk.sold()
    key = f"p-{desk.tenant}-{bill.id}-1"
    desk.sandbox.enotas.decide(desk.company, key, Outcome(kind="deny_once", denial="outage"))
    await desk.work()
    await month_is_young(desk)
    await desk.later()
    await desk.work()
    denied, wait = await desk.sale(bill), await due_in(desk)

    await pass_time(desk)
    await desk.later()
    await desk.work()

    assert (denied.status, denied.code) == ("denied", "denied_outage")
    assert wait is not None
    assert timedelta(minutes=58) < wait <= timedelta(hours=1)
    assert (await desk.sale(bill)).status == "issued"
    assert [nota.external_id for nota in desk.notas_of(bill)] == [key]
    assert desk.sandbox.enotas.invariants.report()["ok"]


async def test_news_of_the_bill_do_not_shorten_the_wait(desk: Desk) -> None:
    bill = await desk.sold()
    key = f"p-{desk.tenant}-{bill.id}-1"
    desk.sandbox.enotas.decide(desk.company, key, Outcome(kind="deny", denial="outage"))
    await desk.work()
    await month_is_young(desk)
    await desk.later()
    await desk.work()

    await desk.heard(BillId(bill.id))
    await desk.work()

    wait = await due_in(desk)
    assert wait is not None
    assert wait > timedelta(minutes=55)
    assert (await desk.nota(bill)).sends == 1


async def test_after_three_tries_of_its_own_an_outage_waits_for_a_person(desk: Desk) -> None:
    bill = await desk.sold()
    key = f"p-{desk.tenant}-{bill.id}-1"
    desk.sandbox.enotas.decide(desk.company, key, Outcome(kind="deny", denial="outage"))
    await desk.work()
    async with desk.pool.acquire() as conn:
        await conn.execute("UPDATE notas SET auto_sends = 3")

    await desk.later()
    await desk.work()

    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == ("denied", "denied_outage")
    assert sale.attention == "resend_given_up"
    assert await due_in(desk) is None


async def test_a_number_used_before_is_never_sent_again(desk: Desk) -> None:
    bill = await desk.sold()
    key = f"p-{desk.tenant}-{bill.id}-1"
    desk.sandbox.enotas.decide(desk.company, key, Outcome(kind="deny", denial="numbering"))
    await desk.work()
    await desk.later()
    await desk.work()

    assert await due_in(desk) is None
    (group,) = await groups(desk)
    with pytest.raises(NumberingNeedsPerson):
        await retry_group(
            desk.pool, A_WAKER, desk.tenant, group.group, reason="conferido", by="test"
        )


async def test_an_expired_certificate_is_one_line_and_one_button(desk: Desk) -> None:
    desk.company.faults.certificate_expired = True
    bills = [await desk.sold() for _ in range(7)]
    await desk.work()
    await desk.later()
    await desk.work()
    (group,) = await groups(desk)

    desk.company.faults.certificate_expired = False
    accepted = await retry_group(
        desk.pool, A_WAKER, desk.tenant, group.group, reason="certificado novo", by="ana"
    )
    again = await retry_group(
        desk.pool, A_WAKER, desk.tenant, group.group, reason="clique duplo", by="ana"
    )
    for _ in range(4):  # one is tried, then the others follow
        await desk.work()
        await desk.later()
    await desk.work()

    assert (group.group, group.count, group.amount) == ("denied_certificate", 7, 7 * 17_990)
    assert (accepted, again) == (7, 0)
    assert {(await desk.sale(bill)).status for bill in bills} == {"issued"}
    assert len(desk.company.notas) == 7
    assert await groups(desk) == []
    assert desk.sandbox.enotas.invariants.report()["ok"]

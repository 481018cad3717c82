"""A company that may not issue: one refusal, and the others wait until a person has mended it."""

from datetime import timedelta

from services.sandbox.enotas.records import Outcome
from services.sandbox.vindi.records import Bill
from shared.commands.actions import Asked, act
from shared.commands.denials import retry_group
from shared.db.sales import sales_read
from shared.db.tenants import brakes_store, issuer_health_store
from shared.db.tenants.brakes_store import BrakeState
from shared.domain.breaker import BreakerState
from shared.domain.ids import BillId
from shared.domain.waiting import Waiting
from shared.run.waker import Waker
from shared.watch.issuing import judge_issuing
from tests.builders import SAO_PAULO
from tests.services.emitter.conftest import Desk

A_WAKER = Waker("redis://127.0.0.1:1")  # remembers a ring; nobody sends it here
MANY = 50
AN_HOUR = timedelta(hours=1)


async def state(desk: Desk) -> BreakerState:
    async with desk.pool.acquire() as conn:
        found = await issuer_health_store.company(conn, desk.tenant)
    return "closed" if found is None else found.state


async def statuses(desk: Desk, bills: list[Bill]) -> dict[str, int]:
    found: dict[str, int] = {}
    for bill in bills:
        status = (await desk.sale(bill)).status.value
        found[status] = found.get(status, 0) + 1
    return found


async def answered(desk: Desk) -> None:
    """What is under way is asked about, and nothing else becomes due."""
    async with desk.pool.acquire() as conn:
        await conn.execute(
            "UPDATE outbox SET due_at = now() WHERE state = 'due' AND bill_id IN"
            " (SELECT bill_id FROM notas WHERE status IN ('pending', 'sending', 'uncertain'))"
        )
    desk.sandbox.clock.advance(600)
    await desk.work()


async def round_passes(desk: Desk) -> None:
    """The waits of one round are over: those who wait ask again, and what was sent is answered."""
    async with desk.pool.acquire() as conn:
        await conn.execute("UPDATE outbox SET due_at = now() WHERE state = 'due'")
    desk.sandbox.clock.advance(600)
    await desk.work()


async def time_passes(desk: Desk, by: timedelta) -> None:
    async with desk.pool.acquire() as conn:
        await conn.execute(
            "UPDATE company_breakers SET probe_at = probe_at - $1::interval,"
            " round_until = round_until - $1::interval",
            by,
        )
    await round_passes(desk)


async def stopped(desk: Desk) -> Bill:
    """A first sale meets the expired certificate."""
    desk.company.faults.certificate_expired = True
    first = await desk.sold()
    await desk.work()
    await answered(desk)
    return first


async def renewed_all_issued(desk: Desk, bills: list[Bill]) -> None:
    for _ in range(16):
        await round_passes(desk)
    assert await statuses(desk, bills) == {"issued": len(bills)}
    assert await state(desk) == "closed"
    made = [nota.external_id for nota in desk.company.notas.values()]
    assert sorted(made) == sorted(f"p-{desk.tenant}-{b.id}-1" for b in bills)
    assert desk.sandbox.enotas.invariants.report()["ok"]


async def test_fifty_sales_wait_for_a_certificate_that_one_of_them_met(desk: Desk) -> None:
    first = await stopped(desk)
    bills = [await desk.sold() for _ in range(MANY)]
    await desk.work()
    for _ in range(3):
        await answered(desk)

    assert (await desk.sale(first)).code == "denied_certificate"
    assert await statuses(desk, bills) == {"queued": MANY}
    assert len(desk.company.notas) == 1
    assert await state(desk) == "open"

    desk.company.faults.certificate_expired = False
    accepted = await retry_group(
        desk.pool, A_WAKER, desk.tenant, "denied_certificate", reason="renovado", by="ana"
    )
    await desk.work()

    assert accepted == 1
    assert len(desk.company.notas) <= 2  # one is tried before the others follow
    await renewed_all_issued(desk, [first, *bills])


async def test_while_nobody_mends_it_one_sale_an_hour_is_tried_then_fewer(desk: Desk) -> None:
    await stopped(desk)
    for _ in range(10):
        await desk.sold()
    await desk.work()

    sent = []
    for hours in (1, 1, 1, 2, 4):
        await time_passes(desk, hours * AN_HOUR)
        await answered(desk)
        sent.append(len(desk.company.notas))

    assert sent == [2, 2, 3, 3, 4]  # after 1 h, after 2 h more, after 4 h more
    assert await state(desk) == "open"


async def test_a_probe_that_goes_well_lets_the_others_follow(desk: Desk) -> None:
    first = await stopped(desk)
    bills = [await desk.sold() for _ in range(6)]
    await desk.work()

    desk.company.faults.certificate_expired = False
    await time_passes(desk, AN_HOUR)
    for _ in range(10):
        await round_passes(desk)

    assert await statuses(desk, bills) == {"issued": 6}
    assert (await desk.sale(first)).status == "denied"  # a person says when that one goes again
    assert await state(desk) == "closed"


async def test_a_person_who_retries_one_sale_has_the_company_tried(desk: Desk) -> None:
    first = await stopped(desk)
    bills = [await desk.sold() for _ in range(5)]
    await desk.work()
    desk.company.faults.certificate_expired = False

    asked = Asked(action="retry", reason="renovado", by="ana")
    outcome = await act(desk.pool, A_WAKER, desk.tenant, [BillId(first.id)], asked)

    assert outcome.accepted == 1
    await renewed_all_issued(desk, [first, *bills])


async def test_one_line_says_what_stops_the_company_and_what_a_sale_waits_for(desk: Desk) -> None:
    await stopped(desk)
    bill = await desk.sold()
    await desk.work()

    async with desk.pool.acquire() as conn:
        story = await sales_read.story(conn, desk.tenant, BillId(bill.id), SAO_PAULO)
        breakers = await issuer_health_store.read(conn, desk.tenant)

    assert story is not None
    waiting = story.waiting
    assert isinstance(waiting, Waiting)
    assert (waiting.code, waiting.cause) == ("company_blocked", "texts:certificado")
    checks = {one.code: one for one in judge_issuing(breakers, await no_brake(desk))}
    assert checks["company_blocked"].status == "broken"
    assert "certificado" in checks["company_blocked"].message
    queued = [entry for entry in story.timeline if entry.what == "queued"]
    assert [entry.why for entry in queued] == ["company_blocked"]


async def no_brake(desk: Desk) -> BrakeState:
    async with desk.pool.acquire() as conn:
        return await brakes_store.get(conn, desk.tenant)


async def test_a_refusal_of_one_sale_stops_nobody(desk: Desk) -> None:
    for denial in ("document", "service", "competencia", "numbering", "unknown"):
        bill = await desk.sold()
        key = f"p-{desk.tenant}-{bill.id}-1"
        desk.sandbox.enotas.decide(desk.company, key, Outcome(kind="deny", denial=denial))
    await desk.work()
    await answered(desk)
    others = [await desk.sold() for _ in range(5)]
    await desk.work()
    await answered(desk)

    assert await state(desk) == "closed"
    assert await statuses(desk, others) == {"issued": 5}


async def test_a_city_that_is_not_on_the_national_system_stops_the_company(desk: Desk) -> None:
    bill = await desk.sold()
    key = f"p-{desk.tenant}-{bill.id}-1"
    denial = "E0039: o município não usa o emissor nacional"
    desk.sandbox.enotas.decide(desk.company, key, Outcome(kind="deny", denial=denial))
    await desk.work()
    await answered(desk)
    others = [await desk.sold() for _ in range(5)]
    await desk.work()

    assert await state(desk) == "open"
    assert await statuses(desk, others) == {"queued": 5}

"""An issuer or a city that is away: a state, not hundreds of failures."""

from datetime import timedelta

from shared.db.tenants import issuer_health_store
from shared.domain.breaker import BreakerState, Scope
from tests.services.emitter.conftest import Desk


async def states(desk: Desk) -> dict[Scope, BreakerState]:
    async with desk.pool.acquire() as conn:
        found = await issuer_health_store.read(conn, desk.tenant)
    return {breaker.scope: breaker.state for breaker in found}


async def count(desk: Desk, sql: str) -> int:
    async with desk.pool.acquire() as conn:
        found: int = await conn.fetchval(sql)
        return found


async def time_passes(desk: Desk, by: timedelta = timedelta(hours=2)) -> None:
    async with desk.pool.acquire() as conn:
        await conn.execute(
            "UPDATE issuer_breakers SET probe_at = probe_at - $1::interval,"
            " round_until = round_until - $1::interval",
            by,
        )
    await desk.later()
    await desk.work()


def posts(desk: Desk) -> int:
    return sum(1 for call in desk.sandbox.enotas.journal if call.method == "POST")


async def test_an_issuer_that_is_down_meets_a_few_sales_and_the_rest_wait_in_the_queue(
    desk: Desk,
) -> None:
    desk.company.weather.add(status=503, method="POST")
    bills = [await desk.sold() for _ in range(40)]

    await desk.work()

    assert (await states(desk))["issuer"] == "open"
    assert posts(desk) <= 5 + 8  # failures that open it, and what was under way
    queued = await count(desk, "SELECT count(*) FROM sales WHERE status = 'queued'")
    assert queued >= 40 - 13
    assert await count(desk, "SELECT max(tries) FROM outbox") == 0

    desk.company.weather.clear()
    for _ in range(12):
        await time_passes(desk)

    assert (await states(desk))["issuer"] == "closed"
    assert {(await desk.sale(bill)).status for bill in bills} == {"issued"}
    assert len(desk.company.notas) == 40
    assert desk.sandbox.enotas.invariants.report()["ok"]


async def test_an_issuer_that_takes_notas_and_names_none_is_not_down(desk: Desk) -> None:
    desk.company.weather.add(kind="empty", status=200, method="POST", when="after")
    bills = [await desk.sold() for _ in range(20)]

    await desk.work()
    for _ in range(3):
        await desk.later()
        await desk.work()

    assert await states(desk) in ({}, {"issuer": "closed", "host": "closed"})
    assert {(await desk.sale(bill)).status for bill in bills} == {"issued"}
    assert posts(desk) == 20
    assert desk.sandbox.enotas.invariants.report()["ok"]


async def test_while_it_is_down_each_probe_is_one_sale(desk: Desk) -> None:
    desk.company.weather.add(status=503)
    for _ in range(30):
        await desk.sold()
    await desk.work()
    before = len(desk.sandbox.enotas.journal)

    await time_passes(desk)
    await time_passes(desk)

    assert len(desk.sandbox.enotas.journal) - before <= 2
    assert (await states(desk))["issuer"] == "open"


async def test_a_city_that_is_down_stops_sending_and_restarts_slowly(desk: Desk) -> None:
    desk.company.faults.city_outage = "deny"
    first = [await desk.sold() for _ in range(4)]
    await desk.work()
    await desk.later()
    await desk.work()
    assert (await states(desk))["city"] == "open"

    bills = [await desk.sold() for _ in range(20)]
    await desk.work()
    waiting = {(await desk.sale(bill)).status for bill in bills}
    desk.company.faults.city_outage = "off"
    asked = []
    for _ in range(14):
        before = len(desk.company.notas)
        await time_passes(desk)
        asked.append(len(desk.company.notas) - before)

    assert waiting == {"queued"}
    assert asked[0] == 1
    assert all(later <= 2 * max(1, sum(asked[:i])) for i, later in enumerate(asked) if i)
    assert {(await desk.sale(bill)).status for bill in bills} == {"issued"}
    assert {(await desk.sale(bill)).status for bill in first} <= {"denied", "issued", "queued"}
    assert desk.sandbox.enotas.invariants.report()["ok"]

"""What a tenant's brakes hold, and what one click lets go."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from services.emitter.dispatch import Dispatcher
from services.sandbox.enotas.records import Outcome
from shared.commands.brakes import release_brake
from shared.commands.go_on import go_on
from shared.commands.set_up import codes_of
from shared.config.secret import Secret
from shared.config.settings import DatabaseSettings
from shared.db.connection import open_pool
from shared.db.tenants import brakes_store, connections_store
from shared.domain.brakes import TenantLimits, Today, Wanted, brake
from shared.domain.ids import BillId
from shared.domain.money import Cents
from shared.run.waker import Waker
from tests.services.emitter.conftest import Desk
from tests.support.statement_proxy import CutOffError, Look, Statement, When, statement_proxy

A_WAKER = Waker("redis://127.0.0.1:1")  # remembers a ring; nobody sends it here


def today(**changes: Any) -> Today:
    values: dict[str, Any] = {
        "notas": 0,
        "amount": Cents(0),
        "live": 0,
        "history_days": 0,
        "busiest": 0,
        "braked": None,
    }
    return Today(**{**values, **changes})


def notas(count: int, amount: int = 10_000, **changes: Any) -> list[Wanted]:
    values: dict[str, Any] = {"amount": Cents(amount), "past": False, "free": False, **changes}
    return [Wanted(bill_id=BillId(number), **values) for number in range(1, count + 1)]


@pytest.mark.parametrize(
    ("limits", "day", "wanted", "held", "code"),
    [
        (TenantLimits(), today(), notas(500), 0, None),
        (TenantLimits(notas_a_day=10), today(notas=8), notas(5), 3, "brake_daily_count"),
        (TenantLimits(amount_a_day=Cents(35_000)), today(), notas(5), 2, "brake_daily_amount"),
        (TenantLimits(amount_a_nota=Cents(9_999)), today(), notas(2), 2, "brake_nota_amount"),
        (TenantLimits(), today(history_days=20, busiest=10), notas(60), 10, "brake_unusual"),
        (TenantLimits(), today(history_days=20, busiest=1), notas(20), 0, None),
        (TenantLimits(), today(history_days=20, busiest=1), notas(21), 1, "brake_unusual"),
        (TenantLimits(), today(history_days=20, busiest=1), notas(99, past=True), 0, None),
        (TenantLimits(unusual=False), today(history_days=20, busiest=1), notas(99), 0, None),
        (TenantLimits(notas_a_day=1), today(notas=1), notas(9, free=True), 0, None),
        (TenantLimits(), today(), notas(3, old=True), 0, None),
        (TenantLimits(), today(), notas(5, old=True), 5, "brake_old_moments"),
        (TenantLimits(), today(old=3), notas(1, old=True), 1, "brake_old_moments"),
        (TenantLimits(), today(let_through=4), notas(8, old=True), 0, None),
        (TenantLimits(), today(let_through=4), notas(9, old=True), 9, "brake_old_moments"),
        (TenantLimits(), today(busiest_old=8), notas(8, old=True), 0, None),
        (TenantLimits(), today(busiest_old=8), notas(9, old=True), 9, "brake_old_moments"),
        (TenantLimits(), today(busiest_old=3), notas(4, old=True), 4, "brake_old_moments"),
        (TenantLimits(), today(), notas(99, old=True, past=True), 0, None),
        (TenantLimits(), today(), notas(99, old=True, free=True), 0, None),
        (TenantLimits(old_days=None), today(), notas(99, old=True), 0, None),
        (TenantLimits(), today(braked="brake_old_moments"), notas(9), 0, None),
        (TenantLimits(), today(braked="brake_old_moments"), notas(1, old=True), 1, None),
        (
            TenantLimits(notas_a_day=2),
            today(braked="brake_old_moments"),
            notas(3),
            1,
            "brake_daily_count",
        ),
    ],
)
def test_a_day_is_braked_where_its_limit_is(
    limits: TenantLimits, day: Today, wanted: list[Wanted], held: int, code: str | None
) -> None:
    braked = brake(limits, day, wanted)

    assert (len(braked.held), braked.tripped) == (held, code)


async def held(desk: Desk) -> int:
    async with desk.pool.acquire() as conn:
        sql = "SELECT count(*) FROM sales WHERE status = 'held' AND code LIKE 'brake_%'"
        found: int = await conn.fetchval(sql)
        return found


async def limit(desk: Desk, **limits: Any) -> None:
    async with desk.pool.acquire() as conn:
        await brakes_store.put(conn, desk.tenant, TenantLimits(**limits))


async def test_a_limit_of_notas_a_day_holds_with_several_emitters_at_work(desk: Desk) -> None:
    await limit(desk, notas_a_day=60)
    for _ in range(150):
        await desk.sold()

    async def emitter(name: str) -> None:
        dispatcher = Dispatcher(tools=desk.tools, worker=name)
        while await dispatcher.dispatch_once(lambda: None):
            await dispatcher.drain()

    await asyncio.gather(*(emitter(name) for name in "abc"))

    assert len(desk.company.notas) == 60
    assert await held(desk) == 90
    async with desk.pool.acquire() as conn:
        state = await brakes_store.get(conn, desk.tenant)
    assert state.code == "brake_daily_count"


async def test_one_click_lets_the_held_go_and_measures_what_follows_anew(desk: Desk) -> None:
    await limit(desk, notas_a_day=3)
    for _ in range(5):
        await desk.sold()
    await desk.work()

    released = await release_brake(desk.pool, A_WAKER, desk.tenant, reason="certo", by="ana")
    await desk.work()
    after_release = len(desk.company.notas)
    for _ in range(4):
        await desk.sold()
    await desk.work()

    assert released == (True, 2)
    assert after_release == 5
    assert len(desk.company.notas) == 5 + 3
    assert await held(desk) == 1
    assert await release_brake(desk.pool, A_WAKER, desk.tenant, reason="x", by="ana") == (True, 1)
    await desk.work()
    assert await release_brake(desk.pool, A_WAKER, desk.tenant, reason="x", by="ana") == (False, 0)


async def test_a_nota_that_never_left_is_not_counted(desk: Desk) -> None:
    await limit(desk, notas_a_day=2)
    desk.sandbox.enotas.keys[desk.company.key].revoked = True
    bill = await desk.sold()
    await desk.work()
    assert (await desk.sale(bill)).code == "issuer_key_refused"

    async with desk.pool.acquire() as conn:
        assert await conn.fetchval("SELECT notas FROM nota_days") == 0


@pytest.mark.parametrize("past", [False, True])
async def test_old_ones_that_never_left_count_for_no_brake_either(desk: Desk, past: bool) -> None:
    """However often its request is taken back, it is one old nota, and none of a backfill's."""
    long_ago = (datetime.now(UTC) - timedelta(days=12)).isoformat()
    desk.sandbox.enotas.keys[desk.company.key].revoked = True
    bill = await desk.sold(paid_at=long_ago)
    if past:
        async with desk.pool.acquire() as conn:
            await conn.execute("UPDATE outbox SET origin = 'backfill'")
    await desk.work()
    assert (await desk.sale(bill)).code == "issuer_key_refused"

    async with desk.pool.acquire() as conn:
        counted = await conn.fetchrow("SELECT notas, amount, backfilled, old FROM nota_days")
    assert counted is not None
    assert tuple(counted) == (0, 0, 0, 0)


async def goes_on(desk: Desk) -> None:
    """A person has looked after the key, as they believe."""
    async with desk.pool.acquire() as conn, conn.transaction():
        assert await connections_store.unblock(conn, desk.tenant, "issuer")
        await go_on(conn, desk.tenant, codes_of("issuer"))
    await desk.work()


async def test_one_let_through_that_did_not_leave_lets_no_other_through(desk: Desk) -> None:
    await limit(desk, notas_a_day=3)
    for _ in range(5):
        await desk.sold()
    await desk.work()
    desk.sandbox.enotas.keys[desk.company.key].revoked = True
    await release_brake(desk.pool, A_WAKER, desk.tenant, reason="certo", by="ana")
    await desk.work()
    await goes_on(desk)
    await goes_on(desk)

    desk.sandbox.enotas.keys[desk.company.key].revoked = False
    await goes_on(desk)
    assert len(desk.company.notas) == 5
    for _ in range(4):
        await desk.sold()
    await desk.work()

    assert len(desk.company.notas) == 5 + 3
    assert await held(desk) == 1


async def test_sending_a_denied_nota_again_is_no_new_nota(desk: Desk) -> None:
    await limit(desk, notas_a_day=1)
    bill = await desk.sold()
    key = f"p-{desk.tenant}-{bill.id}-1"
    desk.sandbox.enotas.decide(desk.company, key, Outcome(kind="deny_once", denial="service"))
    await desk.work()
    await desk.later()
    await desk.work()

    async with desk.pool.acquire() as conn:
        await conn.execute("UPDATE notas SET resend = true")
    await desk.heard(BillId(bill.id))
    await desk.work()

    assert (await desk.sale(bill)).status == "issuing"


async def test_old_moments_pause_with_one_click_and_hold_nobody_else(desk: Desk) -> None:
    long_ago = (datetime.now(UTC) - timedelta(days=12)).isoformat()
    old = [await desk.sold(paid_at=long_ago) for _ in range(5)]
    new = await desk.sold()
    await desk.work()

    assert [(await desk.sale(bill)).code for bill in old] == ["brake_old_moments"] * 5
    assert len(desk.company.notas) == 1
    assert (await desk.sale(new)).status == "issuing"

    released = await release_brake(desk.pool, A_WAKER, desk.tenant, reason="certo", by="ana")
    more = [await desk.sold(paid_at=long_ago) for _ in range(5)]
    await desk.work()

    assert released == (True, 5)
    assert {(await desk.sale(bill)).status for bill in (*old, *more)} == {"issuing"}


async def test_a_release_that_is_killed_anywhere_leaves_no_sale_held_by_a_brake_that_is_off(
    desk: Desk, database: str
) -> None:
    await limit(desk, notas_a_day=1)
    async with statement_proxy(database) as proxy:

        async def released(number: int) -> None:
            for _ in range(2):
                await desk.sold()
            await desk.work()
            assert await held(desk)
            proxy.count_anew(cut_at(number))
            settings = DatabaseSettings(url=Secret.of(proxy.url), pool_size=2, pooler="none")
            async with open_pool(settings, application="killed") as pool:
                with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                    await release_brake(pool, A_WAKER, desk.tenant, reason="certo", by="ana")

        await released(-1)
        names = proxy.seen
        await desk.work()
        for number, name in enumerate(names):
            await released(number)
            async with desk.pool.acquire() as conn:
                on = (await brakes_store.get(conn, desk.tenant)).code
            await desk.work()
            assert on or not await held(desk), name

            await release_brake(desk.pool, A_WAKER, desk.tenant, reason="certo", by="ana")
            await desk.work()
            assert not await held(desk), name
    assert "brakes_store.release" in names


def cut_at(number: int) -> Look:
    async def look(one: Statement) -> None:
        if (one.number, one.when) == (number, When.UNHEARD):
            raise CutOffError

    return look


async def trickle(desk: Desk, count: int) -> int:
    """So many old sales, one after another, each at another emitter; how many of them went out."""
    long_ago = (datetime.now(UTC) - timedelta(days=12)).isoformat()
    before = len(desk.company.notas)
    for _ in range(count):
        await desk.sold(paid_at=long_ago)
        await desk.work()  # a dispatcher of its own each time: nothing is remembered
    return len(desk.company.notas) - before


async def at_noon(desk: Desk) -> None:
    """The tenant is where it is noon by now: what is counted by the day is not cut by midnight."""
    zone = f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"
    await desk.pool.execute("UPDATE tenants SET timezone = $1", zone)


async def another_day(desk: Desk) -> None:
    for row in await desk.pool.fetch("SELECT day FROM nota_days ORDER BY day"):
        await desk.pool.execute("UPDATE nota_days SET day = day - 1 WHERE day = $1", row["day"])
    await desk.pool.execute("UPDATE tenant_brakes SET free_day = free_day - 1")


async def test_a_trickle_of_old_ones_asks_again_and_does_not_grow_by_itself(desk: Desk) -> None:
    """One click lets through twice as many on later days, not twice as many each day."""
    await at_noon(desk)
    assert await trickle(desk, 4) == 3
    await release_brake(desk.pool, A_WAKER, desk.tenant, reason="certo", by="ana")
    await desk.work()

    days = []
    for _ in range(3):
        await another_day(desk)
        days.append(await trickle(desk, 8))
    await another_day(desk)
    over = await trickle(desk, 9)

    assert days == [8, 8, 8]
    assert over == 8
    assert await held(desk) == 1


async def test_what_was_let_through_counts_once_however_often_it_is_taken_back(
    desk: Desk,
) -> None:
    await at_noon(desk)
    await limit(desk, notas_a_day=4)
    long_ago = (datetime.now(UTC) - timedelta(days=12)).isoformat()
    bills = [await desk.sold(paid_at=long_ago) for _ in range(4)]
    await desk.work()
    await release_brake(desk.pool, A_WAKER, desk.tenant, reason="certo", by="ana")
    key = desk.sandbox.enotas.keys[desk.company.key]
    for _ in range(3):
        key.revoked = True
        await desk.heard(*(BillId(bill.id) for bill in bills))
        await desk.work()
        key.revoked = False
        async with desk.pool.acquire() as conn, conn.transaction():
            await connections_store.unblock(conn, desk.tenant, "issuer")
    await desk.heard(*(BillId(bill.id) for bill in bills))
    await desk.work()

    async with desk.pool.acquire() as conn:
        counted = await conn.fetchrow(
            "SELECT d.notas, d.old, d.old_freed, b.free_notas, b.free_old"
            " FROM nota_days d JOIN tenant_brakes b USING (tenant_id)"
        )
    assert counted is not None
    assert tuple(counted) == (4, 4, 4, 4, 4)


async def test_a_guarantee_is_as_old_as_its_end(desk: Desk) -> None:
    await desk.rule(issue_when="guarantee_ended", guarantee_days=30)
    paid = (datetime.now(UTC) - timedelta(days=33)).isoformat()
    bills = [await desk.sold(paid_at=paid) for _ in range(5)]
    await desk.work()

    assert {(await desk.sale(bill)).status for bill in bills} == {"issuing"}

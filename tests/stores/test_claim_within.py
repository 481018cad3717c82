"""All workers together hold no more of one tenant than its issuer takes in a while."""

from collections.abc import Callable
from datetime import timedelta

from shared.db.connection import Connection, Pool
from shared.db.outbox import claims_store, outbox_store
from shared.db.outbox.due_read import DueToRead
from shared.db.outbox.outbox_store import BACKFILL, LIVE, Entry, Lane, Mark
from shared.domain.ids import BillId, TenantId

TENANT = TenantId("taaaaaaaaaa")


async def due(conn: Connection, count: int, lane: Lane = LIVE, first: int = 1) -> None:
    marks = [
        Mark(tenant_id=TENANT, bill_id=BillId(number), lane=lane, origin="webhook")
        for number in range(first, first + count)
    ]
    await outbox_store.mark_due(conn, marks)


async def claim(
    conn: Connection,
    lane: Lane = LIVE,
    limit: int = 100,
    unless: Callable[[DueToRead], bool] | None = None,
) -> list[Entry] | None:
    return await claims_store.claim_within(
        conn,
        TENANT,
        lane=lane,
        limit=limit,
        held=200,
        lease=timedelta(seconds=12),
        worker="test",
        unless=unless,
    )


async def test_what_all_workers_hold_of_a_tenant_is_bounded(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await due(conn, 500)
        claimed = [await claim(conn, limit=80) for _ in range(4)]

    assert [None if one is None else len(one) for one in claimed] == [80, 80, 40, None]


async def test_two_workers_that_wake_together_do_not_take_everything_between_them(
    pool: Pool,
) -> None:
    async with pool.acquire() as one, pool.acquire() as other:
        await due(one, 500)
        async with one.transaction():
            first = await claim(one)
            second = await claim(other)
        third = await claim(other)

    assert (len(first or ()), second, len(third or ())) == (100, [], 100)


async def test_a_sale_of_today_is_claimed_however_much_of_a_backfill_is_held(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await due(conn, 300, BACKFILL)
        for _ in range(2):
            await claim(conn, BACKFILL)
        assert await claim(conn, BACKFILL) is None
        await due(conn, 1, LIVE, first=1000)

        live = await claim(conn, LIVE)

    assert live is not None
    assert [entry.bill_id for entry in live] == [1000]


async def test_another_tenant_s_claims_are_in_nobody_s_way(pool: Pool) -> None:
    async with pool.acquire() as one, pool.acquire() as other:
        await due(one, 10)
        async with one.transaction():
            await one.fetchval(
                claims_store.CLAIM_TURN, claims_store.CLAIMING, TenantId("tbbbbbbbbbb")
            )
            assert len(await claim(other) or ()) == 10


async def test_news_of_the_issuer_is_claimed_though_no_bill_can_be_read(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await due(conn, 3)
        news = Mark(
            tenant_id=TENANT, bill_id=BillId(9), lane=LIVE, origin="webhook", about_bill=False
        )
        await outbox_store.mark_due(conn, [news])

        claimed = await claims_store.claim_due(
            conn,
            TENANT,
            lane=LIVE,
            limit=9,
            lease=timedelta(seconds=12),
            worker="test",
            unread=False,
        )

    assert [entry.bill_id for entry in claimed] == [9]


async def test_a_claim_is_called_off_by_what_is_due_when_its_turn_comes(pool: Pool) -> None:
    seen: list[DueToRead] = []

    def too_few(found: DueToRead) -> bool:
        seen.append(found)
        return found.to_read < 50

    async with pool.acquire() as conn:
        await due(conn, 7)
        off = await claim(conn, unless=too_few)
        await due(conn, 50, first=100)
        page = await claim(conn, unless=too_few)

    assert (off, len(page or ())) == ([], 57)
    assert [(one.to_read, one.others) for one in seen] == [(7, 0), (57, 0)]

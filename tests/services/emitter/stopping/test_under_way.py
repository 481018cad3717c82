"""Failovers that emitters live through: all goes on as soon as nothing of before is under way.

The issuer makes a second nota of whatever it is asked for twice.
"""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from services.emitter.dispatch import Dispatcher
from services.emitter.stopping.under_way import UnderWay
from services.reconciler.issuer_list.after_restore import AGAIN, Readers
from services.sandbox.vindi.records import Bill
from shared.db import clock
from shared.db.connection import Pool
from shared.db.outbox import claims_store
from shared.db.outbox.outbox_store import LIVE
from shared.db.restores import emitters_store, restore_checks_store, restores_store
from shared.db.restores.restore_checks_store import UnreadLists
from shared.domain.ids import BillId, TenantId
from shared.domain.sale import SaleStatus
from tests.services.emitter.conftest import Desk
from tests.services.emitter.stopping.test_duplicates import services_of

ME = "machine:1:ab"
SALE = TenantId("ta"), BillId(7)
# What a bill left in the database, in the order of foreign keys.
LEFT_BY_A_BILL = ("timeline", "nota_days", "notas", "sale_parts", "sales", "bills", "outbox")
GRACE_OVER = timedelta(seconds=5)


@dataclass(slots=True, kw_only=True)
class Failover:
    """A replica that lacks the last commits takes over; the emitter lives through it."""

    desk: Desk

    async def happens(self, *lost: Bill) -> None:
        """The server is another one, without these sales; a batch is the first to see it."""
        for table in LEFT_BY_A_BILL:
            has_bills = await self.desk.pool.fetchval(
                "SELECT count(*) FROM information_schema.columns"
                " WHERE table_name = $1 AND column_name = 'bill_id'",
                table,
            )
            if has_bills:
                await self.desk.pool.execute(
                    f"DELETE FROM {table} WHERE bill_id = ANY($1)",  # noqa: S608 - of ours
                    [bill.id for bill in lost],
                )
        await self.desk.pool.execute("UPDATE database_life SET wal_timeline = wal_timeline + 1")
        self.desk.sandbox.clock.advance(60)  # so that no bill seems to be made since

    async def says_a_word(self) -> bool:
        return await self.desk.tools.under_way.beat_once(self.desk.pool, ME)

    async def time_passes(self, by: timedelta = GRACE_OVER) -> None:
        """Everything that the restore is measured by was so much earlier."""
        async with self.desk.pool.acquire() as conn:
            await conn.execute(
                "UPDATE emitters SET knows_of = knows_of - $1::interval,"
                " beats_at = beats_at - $1::interval",
                by,
            )
            await conn.execute(
                "UPDATE restores SET noticed_at = noticed_at - $1::interval,"
                " since = since - $1::interval, read_after = read_after - $1::interval",
                by,
            )
            await conn.execute(
                "UPDATE restore_checks SET read_after = read_after - $1::interval", by
            )
            newest = await restores_store.newest(conn)
        assert newest is not None
        self.desk.tools.under_way.mind(newest.noticed_at, asked_at=time.monotonic())

    async def lists_are_read(self) -> UnreadLists:
        """The reconciler looks, and once more a moment later; what waits still."""
        readers = Readers(services=services_of(self.desk))
        await readers.look_once()
        await self.desk.pool.execute(
            "UPDATE restore_checks SET open_after = now() WHERE open_after > now()"
        )
        await readers.look_once()
        await readers.drain()
        async with self.desk.pool.acquire() as conn:
            return await restore_checks_store.unread(conn, self.desk.tenant)

    def posts(self) -> Counter[str]:
        return Counter(
            entry.external_id
            for entry in self.desk.sandbox.enotas.journal
            if entry.method == "POST" and entry.external_id
        )

    def notas(self, *bills: Bill) -> list[int]:
        return [len(self.desk.notas_of(bill)) for bill in bills]


@pytest_asyncio.fixture
async def failover(desk: Desk) -> Failover:
    desk.sandbox.vindi.dates_by_clock = True
    desk.company.faults.duplicate_in_progress = "second"
    desk.company.faults.duplicate_done = "second"
    it = Failover(desk=desk)
    assert not await it.says_a_word()
    return it


async def test_all_goes_on_within_seconds_where_everything_was_answered(failover: Failover) -> None:
    desk = failover.desk
    lost, waiting = [await desk.sold() for _ in range(3)], desk.sell()
    await desk.work()
    await failover.happens(*lost)
    await desk.heard(*(BillId(bill.id) for bill in (*lost, waiting)))
    await desk.work()
    assert failover.notas(*lost, waiting) == [1, 1, 1, 0]
    await failover.says_a_word()
    await failover.time_passes()

    assert await failover.lists_are_read() == UnreadLists()
    await desk.work()

    assert failover.notas(*lost, waiting) == [1, 1, 1, 1]
    assert set(failover.posts().values()) == {1}
    statuses = {(await desk.sale(bill)).status for bill in (*lost, waiting)}
    assert statuses <= {SaleStatus.ISSUING, SaleStatus.ISSUED}


async def test_a_list_that_fails_several_times_is_read_on_where_it_failed(
    failover: Failover, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.issuer.enotas.lists.PAGE_WAITS", (0.05,) * 8)
    desk = failover.desk
    lost, waiting = [await desk.sold() for _ in range(4)], desk.sell()
    await desk.work()
    await failover.happens(*lost)
    await desk.heard(*(BillId(bill.id) for bill in (*lost, waiting)))
    await desk.work()
    await failover.says_a_word()
    await failover.time_passes()
    desk.company.faults.list_cap = 1
    page: dict[str, Any] = {"path_has": "/nfes", "method": "GET"}
    first, third = (  # they hit nothing, and count
        desk.company.weather.add(**page, query_has=f"pageNumber={number}&", every=10**9)
        for number in (0, 2)
    )
    desk.company.weather.add(**page, query_has="pageNumber=2", status=503, count=2)
    desk.company.weather.add(**page, query_has="pageNumber=2", kind="html", status=200, count=2)
    desk.company.weather.add(**page, query_has="pageNumber=3", status=429, retry_after="1", count=1)
    desk.company.weather.add(**page, query_has="pageNumber=1", kind="hang_up", count=3)

    assert await failover.lists_are_read() == UnreadLists()
    await desk.work()

    assert first.seen == 1, "the list was begun anew"
    assert third.seen == 5
    assert failover.notas(*lost, waiting) == [1, 1, 1, 1, 1]
    assert set(failover.posts().values()) == {1}


async def test_a_list_whose_reading_the_database_broke_off_is_let_go_at_once(
    failover: Failover,
) -> None:
    """Beside another fault nobody waits for the end of a claim whose process lives."""
    desk = failover.desk
    lost = await desk.sold()
    await desk.work()
    await failover.happens(lost)
    await desk.heard(BillId(lost.id))
    await desk.work()
    await failover.says_a_word()
    await failover.time_passes()
    # The list comes, and cannot be taken in.
    await desk.pool.execute("ALTER TABLE issuer_notas RENAME TO issuer_notas_away")
    readers = Readers(services=services_of(desk))
    while not await desk.pool.fetchval("SELECT bool_or(lease_until > now()) FROM restore_checks"):
        await readers.look_once()
        await asyncio.sleep(0.05)
    await readers.drain()
    held = await desk.pool.fetchval("SELECT max(lease_until) - now() FROM restore_checks")
    await desk.pool.execute("ALTER TABLE issuer_notas_away RENAME TO issuer_notas")
    await desk.pool.execute("UPDATE restore_checks SET lease_until = now()")

    assert held <= AGAIN
    assert await failover.lists_are_read() == UnreadLists()
    await desk.work()
    assert failover.notas(lost) == [1]


async def test_a_request_that_is_open_is_waited_for_and_not_repeated(failover: Failover) -> None:
    desk = failover.desk
    desk.company.faults.latency = 1.0
    bill, other = await desk.sold(), desk.sell()
    sending = asyncio.create_task(desk.work())
    while not failover.posts():
        await asyncio.sleep(0.02)
    await failover.happens(bill)
    await desk.heard(BillId(bill.id), BillId(other.id))
    desk.company.faults.latency = 0.0
    assert await failover.says_a_word()
    await failover.time_passes()

    assert await failover.lists_are_read() == UnreadLists(sales=frozenset({BillId(bill.id)}))
    await desk.work()
    await sending

    assert failover.notas(bill, other) == [1, 1]
    assert (await desk.sale(bill)).status is SaleStatus.QUEUED
    assert not await failover.says_a_word()  # answered since, and by nobody written down
    await failover.time_passes(timedelta(seconds=26))  # half a minute, and more
    assert await failover.lists_are_read() == UnreadLists()
    await desk.work()
    assert failover.notas(bill, other) == [1, 1]
    assert set(failover.posts().values()) == {1}


async def test_a_request_that_arrives_late_is_not_repeated(failover: Failover) -> None:
    desk = failover.desk
    desk.company.faults.late_seconds = 80  # of its clock: 20 after the failover
    bill = await desk.sold()
    await desk.work()
    desk.company.faults.late_seconds = None
    await failover.happens(bill)
    await desk.heard(BillId(bill.id))
    assert await failover.says_a_word()
    await failover.time_passes()

    assert await failover.lists_are_read() == UnreadLists(sales=frozenset({BillId(bill.id)}))
    await desk.work()
    assert failover.notas(bill) == [0]
    assert (await desk.sale(bill)).status is SaleStatus.QUEUED
    desk.sandbox.clock.advance(26)
    await failover.time_passes(timedelta(seconds=26))
    assert await failover.lists_are_read() == UnreadLists()
    await desk.work()

    assert failover.notas(bill) == [1]
    assert set(failover.posts().values()) == {1}


async def test_a_second_failover_does_not_wait_for_what_the_first_waits_for(
    failover: Failover,
) -> None:
    desk = failover.desk
    desk.company.weather.add(kind="hang_up", when="after", method="POST", count=1)
    open_one = await desk.sold()
    await desk.work()
    waits = UnreadLists(sales=frozenset({BillId(open_one.id)}))
    for _ in range(2):
        await failover.happens(open_one)
        assert await failover.says_a_word()
        await failover.time_passes()
        assert await failover.lists_are_read() == waits

    await failover.time_passes(timedelta(seconds=31))
    assert await failover.lists_are_read() == UnreadLists()
    await desk.heard(BillId(open_one.id))
    await desk.work()
    assert failover.notas(open_one) == [1]
    assert set(failover.posts().values()) == {1}


async def test_an_emitter_that_died_is_waited_for_by_all(failover: Failover) -> None:
    desk = failover.desk
    async with desk.pool.acquire() as conn:
        seen = await conn.fetchval("SELECT seen_at FROM database_life")
        await emitters_store.beat_any_tenant(conn, "dead", at=seen, knows_of=None, waits_for=[])
    await failover.happens()
    assert not await failover.says_a_word()
    await failover.time_passes()

    assert (await failover.lists_are_read()).everything
    await failover.time_passes(timedelta(seconds=26))  # half a minute, and more
    assert await failover.lists_are_read() == UnreadLists()


async def test_what_was_decided_before_leaves_no_more_once_a_restore_is_minded(
    failover: Failover,
) -> None:
    desk = failover.desk
    await desk.sold()
    async with desk.pool.acquire() as conn:
        noticed_at = await clock.now(conn)
    desk.tools.under_way.mind(noticed_at, asked_at=float("inf"))  # while the batch is decided

    dispatcher = Dispatcher(tools=desk.tools, worker="test")
    assert await dispatcher.dispatch_once(lambda: None) == 1
    await dispatcher.drain()

    assert not failover.posts()
    assert not await desk.pool.fetch("SELECT FROM notas WHERE sent_at IS NOT NULL AND sends > 0")


async def test_an_answer_of_before_harms_nothing_on_the_row_that_was_made_anew(
    failover: Failover,
) -> None:
    """It is the first lease of both rows, and so it is taken for one of the new row."""
    desk = failover.desk
    desk.company.faults.latency = 0.5
    bill = await desk.sold()
    sending = asyncio.create_task(desk.work())
    while not failover.posts():
        await asyncio.sleep(0.02)
    await failover.happens(bill)
    await desk.heard(BillId(bill.id))
    async with desk.pool.acquire() as conn:
        claimed = await claims_store.claim_due(
            conn, desk.tenant, lane=LIVE, limit=1, worker="another", lease=timedelta(seconds=12)
        )
    assert [(one.bill_id, one.attempt) for one in claimed] == [(bill.id, 1)]

    await sending

    assert await desk.pool.fetchval("SELECT leased_by FROM outbox") == "another"
    assert not await desk.pool.fetch("SELECT FROM sales")
    await desk.pool.execute("UPDATE outbox SET state = 'due', lease_until = NULL, leased_by = NULL")
    await failover.says_a_word()
    await failover.time_passes()
    assert await failover.lists_are_read() == UnreadLists()
    await desk.work()
    assert failover.notas(bill) == [1]
    assert set(failover.posts().values()) == {1}


async def test_older_news_is_none(pool: Pool) -> None:
    under_way = UnderWay()
    async with pool.acquire() as conn:
        now = await conn.fetchval("SELECT now()")
    under_way.mind(now, asked_at=2.0)
    under_way.mind(None, asked_at=1.0)

    with (
        under_way.request(SALE, None) as before,
        under_way.request(SALE, now) as since,
    ):
        assert not under_way.leaves(before)
        assert under_way.leaves(since)


async def test_one_that_ends_well_is_waited_for_no_more(pool: Pool) -> None:
    ended, cut_off = UnderWay(registered=False), UnderWay(registered=False)
    with ended.request(SALE, None) as request:
        assert not ended.leaves(request)  # nobody knows of it yet
    await ended.beat_once(pool, "ended")
    await cut_off.beat_once(pool, "cut off")
    with ended.request(SALE, None) as request:
        assert ended.leaves(request)
        request.answered = True
    with cut_off.request(SALE, None) as request:
        assert cut_off.leaves(request)

    await ended.end(pool, "ended")
    await cut_off.end(pool, "cut off")

    async with pool.acquire() as conn:
        assert [one.emitter for one in await emitters_store.all_any_tenant(conn)] == ["cut off"]

"""A request leaves only while its sale is ours: asked after every wait, not before queueing."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from services.emitter.app import working
from services.emitter.dispatch import Dispatcher
from services.emitter.loop import Loop
from services.emitter.pace import TOGETHER
from services.sandbox.vindi.records import Bill
from shared.config.settings import DatabaseSettings
from shared.db.connection import open_pool
from shared.db.outbox import outbox_store
from shared.domain.ids import BillId
from shared.net.http import open_session
from shared.run.waker import QUEUE, open_waker
from tests.services.emitter.conftest import Desk, an_emitter
from tests.services.emitter.test_pace import key_of

SHORT_LEASE = timedelta(seconds=3)
A_WHILE = timedelta(seconds=2)  # before a turn comes
PATIENCE = timedelta(seconds=60)
MANY = 120
A_SECOND = 5
ON_THE_WIRE = 2  # of a process that sends one each 200 ms, to an issuer that answers at once


class Stoppable:
    """An emitter on a thread of its own, which can be stopped as by SIGSTOP.

    Its requests wait for a turn that comes while it is stopped.
    """

    def __init__(self, database: DatabaseSettings, desk: Desk) -> None:
        self._database = database
        self._desk = desk
        self._goes = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def work(self) -> None:
        asyncio.run(self._work())

    async def _work(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with (
            open_pool(self._database, application="stopped") as pool,
            open_session() as session,
        ):
            tools = an_emitter(pool, self._desk.sandbox, session)
            await tools.clients._limits.pause(key_of(self._desk.company), A_WHILE)
            dispatcher = Dispatcher(tools=tools, worker="stopped")
            await dispatcher.dispatch_once(lambda: None)
            await dispatcher.drain()

    def stop(self) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._goes.wait)

    def go_on(self) -> None:
        self._goes.set()


async def until(holds: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(PATIENCE.total_seconds()):
        while not await holds():
            await asyncio.sleep(0.02)


async def free_expired(desk: Desk) -> int:
    async with desk.pool.acquire() as conn:
        return await outbox_store.free_expired_any_tenant(conn)


async def count(desk: Desk, where: str) -> int:
    found: int = await desk.pool.fetchval(f"SELECT count(*) FROM notas WHERE {where}")  # noqa: S608
    return found


async def test_a_request_of_a_process_that_was_stopped_meanwhile_stays_here(
    desk: Desk, database_settings: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.emitter.dispatch.LEASE", SHORT_LEASE)
    monkeypatch.setattr("services.emitter.leases.LEASE", SHORT_LEASE)
    desk.company.faults.duplicate_in_progress = "second"
    desk.company.faults.duplicate_done = "second"
    bill = await desk.sold()
    stopped = Stoppable(database_settings, desk)
    waits = asyncio.create_task(asyncio.to_thread(stopped.work))
    await until(lambda: count(desk, "status = 'sending'"))
    stopped.stop()
    await until(lambda: free_expired(desk))
    while not desk.notas_of(bill):  # another one takes over, after its look-ups
        await desk.work()
        await desk.later()
    stopped.go_on()
    await waits

    assert len(desk.notas_of(bill)) == 1
    assert desk.sandbox.enotas.invariants.report()["ok"]


async def sold(desk: Desk, number: int) -> list[Bill]:
    return [await desk.sold() for _ in range(number)]


async def test_told_to_stop_an_emitter_takes_back_what_has_not_left(desk: Desk) -> None:
    bills = await sold(desk, MANY)
    async with open_session() as session:
        slow = an_emitter(desk.pool, desk.sandbox, session, per_second=A_SECOND)
        loop = Loop(Dispatcher(tools=slow, worker="slow"))
        running = asyncio.create_task(loop.run())
        await until(lambda: count(desk, f"status = 'sending' HAVING count(*) > {A_SECOND}"))

        before = sum(len(desk.notas_of(bill)) for bill in bills)
        loop.stop()
        async with asyncio.timeout(8):
            await running

    assert await count(desk, "status = 'sending'") == 0
    assert await desk.pool.fetchval("SELECT count(*) FROM outbox WHERE state = 'leased'") == 0
    left = sum(len(desk.notas_of(bill)) for bill in bills)
    assert await count(desk, "true") == left < MANY
    assert left - before <= ON_THE_WIRE
    await desk.work()  # the next process: nothing waits for anything
    assert {len(desk.notas_of(bill)) for bill in bills} == {1}
    told = {row["what"] for row in await desk.pool.fetch("SELECT what FROM timeline")}
    assert not told & {"looked_up", "answer_lost", "sent_again"}


async def test_a_cancellation_that_has_not_left_is_asked_for_by_the_next_process(
    desk: Desk,
) -> None:
    bill = await desk.sold()
    await desk.work()
    await desk.later()
    await desk.work()
    await desk.pool.execute("UPDATE sales SET wish = 'cancel', wish_at = now()")
    await desk.heard(BillId(bill.id))
    async with open_session() as session:
        slow = an_emitter(desk.pool, desk.sandbox, session, parallel=1)
        loop = Loop(Dispatcher(tools=slow, worker="slow"))
        async with slow.clients._limits.turn(key_of(desk.company), patience=PATIENCE):
            running = asyncio.create_task(loop.run())
            await until(lambda: count(desk, "status = 'cancelling'"))
            loop.stop()
            async with asyncio.timeout(8):
                await running
    assert [nota.status for nota in desk.notas_of(bill)] == ["Autorizada"]

    assert await desk.pool.fetchval("SELECT state FROM outbox") == "due"

    await desk.work()

    assert [nota.status for nota in desk.notas_of(bill)] == ["AguardandoCancelamento"]
    await desk.later()
    await desk.work()
    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == ("cancelled", "canceled_by_person")


class Counted(Dispatcher):
    """Counts its passes."""

    passes = 0

    async def dispatch_once(self, on_done: Callable[[], None]) -> int:
        self.passes += 1
        return await super().dispatch_once(on_done)


async def test_where_processors_are_short_rings_are_gathered_before_a_pass(desk: Desk) -> None:
    dispatcher = Counted(tools=desk.tools, worker="late")
    dispatcher.lateness.note(3600)  # nobody watches, so it stays
    loop = Loop(dispatcher)
    running = asyncio.create_task(loop.run())
    await until(lambda: more_than(dispatcher, 0))
    began = time.monotonic()
    for passes in range(1, 6):
        loop.ring()
        await until(lambda: more_than(dispatcher, passes))  # noqa: B023 - awaited at once

    assert time.monotonic() - began > 4 * TOGETHER.total_seconds()
    loop.ring()
    loop.stop()  # at once, whatever is waited for
    async with asyncio.timeout(8):
        await running


class Ending(Dispatcher):
    """Takes as long to end as its issuer takes to answer."""

    answered: asyncio.Event

    async def drain(self) -> None:
        await self.answered.wait()


async def test_a_process_that_is_ending_takes_no_ring_from_others(
    desk: Desk, redis_url: str
) -> None:
    dispatcher = Ending(tools=desk.tools, worker="ending")
    dispatcher.answered = asyncio.Event()
    async with Redis.from_url(redis_url) as redis, open_waker(redis_url) as waker:

        async def listens() -> bool:
            return bool((await redis.info("clients"))["blocked_clients"])

        async def is_deaf() -> bool:
            return not await listens()

        stack = AsyncExitStack()
        await stack.enter_async_context(working(Loop(dispatcher), redis_url))
        await until(listens)
        ending = asyncio.create_task(stack.aclose())
        await until(is_deaf)
        assert not ending.done()
        await waker.ring()
        await until(lambda: redis.zcard(QUEUE))  # it waits for somebody else
        dispatcher.answered.set()
        await ending


async def more_than(dispatcher: Counted, passes: int) -> bool:
    return dispatcher.passes > passes

"""Passes and backfills are interrupted at each statement in turn: no sale is lost by it."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final

import pytest
import pytest_asyncio

from services.reconciler.accounts.schedule import Scheduler
from services.reconciler.backfill.worker import Worker
from services.reconciler.services import Services
from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from shared.config.secret import Secret
from shared.config.settings import DatabaseSettings
from shared.db.connection import open_pool
from shared.domain.backfill_run import Backfill
from tests.services.emitter.interrupted import goes_on, shown
from tests.services.reconciler.backfill.conftest import Office
from tests.services.reconciler.backfill.conftest import office as an_office
from tests.services.reconciler.conftest import Watch
from tests.support.statement_proxy import (
    CutOffError,
    Look,
    Statement,
    StatementProxy,
    When,
    statement_proxy,
)

# Of so many statements one is tried; with 1 every one of them.
EVERY: Final = int(os.environ.get("NOTAPONTE_STATEMENTS", "97"))
JUNE: Final = ("2026-06-01", "2026-06-30")
A_DAY: Final = "2026-06-10T12:00:00-03:00"
SALES: Final = 3
TRIES: Final = 5
PATIENCE: Final = 60.0  # seconds, of what takes one
office = an_office


@pytest_asyncio.fixture
async def proxy(database: str) -> AsyncIterator[StatementProxy]:
    async with statement_proxy(database) as one:
        yield one


@dataclass(slots=True, kw_only=True)
class Process:
    """A reconciler that works through the proxy, and may die at any moment."""

    services: Services
    proxy: StatementProxy
    running: Callable[[], Iterable[asyncio.Task[None]]] = list

    def interrupted(self, number: int, when: When, *, dies: bool) -> Look:
        """It dies at that statement, or loses its connections and goes on."""

        async def look(one: Statement) -> None:
            if (one.number, one.when) != (number, when):
                return
            if dies:
                self.proxy.cut(for_good=True)
                for task in list(self.running()):
                    task.cancel()
            raise CutOffError

        return look

    async def one_pass(self) -> None:
        scheduler = Scheduler(services=self.services, worker="interrupted")
        self.running = lambda: [task for _, task in scheduler._running.values()]
        with suppress(Exception):  # what its loop logs, and comes again after
            await scheduler.start_due()
        await scheduler.drain()

    async def backfills(self) -> None:
        worker = Worker(services=self.services)
        self.running = worker._running.values
        with suppress(Exception):
            while await worker.take_up():
                await worker.drain()
        await worker.drain()


@asynccontextmanager
async def a_process(
    services: Services, proxy: StatementProxy, *, connections: int = 10
) -> AsyncIterator[Process]:
    settings = DatabaseSettings(url=Secret.of(proxy.url), pool_size=connections, pooler="none")
    proxy.refuses = False
    async with open_pool(settings, application="interrupted") as pool:
        try:
            yield Process(services=replace(services, pool=pool), proxy=proxy)
        finally:
            proxy.cut(for_good=True)
            pool.terminate()


async def a_sale(watch: Watch) -> Bill:
    return watch.desk.sell()


async def a_refund(watch: Watch) -> Bill:
    bill = await watch.desk.sold()
    await goes_on(watch.desk)
    operations.refund(watch.desk.account, bill_id=bill.id, events=False)
    return bill


async def a_part_refund(watch: Watch) -> Bill:
    bill = await watch.desk.sold()
    await goes_on(watch.desk)
    operations.refund(watch.desk.account, bill_id=bill.id, amount="10.00", events=False)
    return bill


SCENES: Final[dict[str, Callable[[Watch], Awaitable[Bill]]]] = {
    "sold": a_sale,
    "given back": a_refund,
    "given back in part": a_part_refund,
}
AGAIN: Final = "UPDATE reconciler_passes SET next_pass_at = now(), lease_until = NULL"


@pytest.mark.parametrize("dies", [True, False])
@pytest.mark.parametrize("scene", SCENES)
async def test_what_an_interrupted_pass_should_have_found_the_next_one_finds(
    watch: Watch, proxy: StatementProxy, scene: str, dies: bool
) -> None:
    async def passed(number: int | None, when: When) -> Bill:
        bill = await SCENES[scene](watch)
        async with a_process(watch.scheduler.services, proxy) as process:
            await watch.desk.pool.execute(AGAIN)
            proxy.count_anew()
            if number is not None:
                proxy.look = process.interrupted(number, when, dies=dies)
            await process.one_pass()
        await watch.desk.pool.execute(AGAIN)
        return bill

    bill = await passed(None, When.DONE)
    names = proxy.seen
    await goes_on(watch.desk)
    usual = await shown(watch.desk, bill)

    for number in range(5 * list(SCENES).index(scene) % min(EVERY, len(names)), len(names), EVERY):
        for when in When:
            bill = await passed(number, when)
            where = (proxy.seen[number : number + 1], when.value)
            watch.desk.sandbox.clock.advance(1)
            await watch.pass_once()
            await goes_on(watch.desk)
            assert await shown(watch.desk, bill) == usual, where


@pytest.mark.parametrize("dies", [True, False])
async def test_an_interrupted_backfill_goes_on_and_takes_each_sale_once(
    office: Office, proxy: StatementProxy, dies: bool
) -> None:
    for _ in range(SALES):
        office.desk.sell(created_at=A_DAY, paid_at=A_DAY, known_at=A_DAY)

    async def ran(number: int | None, when: When) -> Backfill:
        backfill = await office.ask(*JUNE, dry_run=False)
        async with a_process(office.services, proxy) as process:
            proxy.count_anew()
            if number is not None:
                proxy.look = process.interrupted(number, when, dies=dies)
            await process.backfills()
        for _ in range(TRIES):
            await office.pool.execute("UPDATE backfills SET lease_until = NULL, not_before = NULL")
            await office.run()
        return await office.get(backfill)

    await ran(None, When.DONE)
    count = len(proxy.seen)

    for number in range(3, count, EVERY):
        for when in When:
            await office.pool.execute(
                "DELETE FROM outbox; DELETE FROM timeline; DELETE FROM sales; DELETE FROM bills"
            )
            done = await ran(number, when)
            where = (proxy.seen[number : number + 1], when.value)
            assert (done.status, done.error) == ("completed", None), where
            assert done.summary is not None, where
            assert (done.summary.bills, done.summary.new) == (SALES, SALES), where
            assert len(await office.taken()) == SALES, where


async def test_one_connection_is_enough_for_a_pass(watch: Watch, proxy: StatementProxy) -> None:
    """Nobody waits for a connection while holding one: a pool that is spent ends no process."""
    bills = [await scene(watch) for scene in SCENES.values()]
    await watch.desk.pool.execute(AGAIN)

    services = watch.scheduler.services
    async with asyncio.timeout(PATIENCE), a_process(services, proxy, connections=1) as process:
        await process.one_pass()
    await goes_on(watch.desk)

    assert (await watch.state()).error is None
    assert [(await watch.desk.sale(bill)).status for bill in bills] == [
        "issued",
        "cancelled",
        "issued",
    ]


async def test_one_connection_is_enough_for_a_backfill(
    office: Office, proxy: StatementProxy
) -> None:
    for _ in range(SALES):
        office.desk.sell(created_at=A_DAY, paid_at=A_DAY, known_at=A_DAY)
    backfill = await office.ask(*JUNE, dry_run=False)

    async with (
        asyncio.timeout(PATIENCE),
        a_process(office.services, proxy, connections=1) as process,
    ):
        await process.backfills()

    assert (await office.get(backfill)).status == "completed"
    assert len(await office.taken()) == SALES

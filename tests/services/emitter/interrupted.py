"""An emitter that is interrupted at one statement of its work, and another that goes on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientSession

from services.emitter.batch import Tools
from services.emitter.dispatch import Dispatcher
from services.sandbox.vindi.records import Bill
from shared.config.secret import Secret
from shared.config.settings import DatabaseSettings
from shared.db.connection import Pool, open_pool
from shared.db.outbox import outbox_store
from shared.net.http import open_session
from tests.services.emitter.conftest import Desk, an_emitter
from tests.support.statement_proxy import (
    CutOffError,
    Look,
    RefusedError,
    Statement,
    StatementProxy,
    When,
)

ROUNDS = 8  # of the one that goes on, until nothing is due any more
BRIEFLY = 0.15  # seconds; longer than what waits for no lock takes
PATIENT = 0.6  # seconds; about as long as a whole sale takes another emitter
A_LEASE = 12.0  # seconds


@dataclass(slots=True, kw_only=True)
class Process:
    """An emitter with a pool of its own behind the proxy; it can end at any moment."""

    proxy: StatementProxy
    tools: Tools
    dispatcher: Dispatcher
    working: asyncio.Task[None] | None = None

    async def work(self) -> None:
        """Pass after pass until nothing is due or it is killed; failures delay, as in its loop."""
        self.working = asyncio.create_task(self._work())
        with suppress(asyncio.CancelledError):
            await self.working

    async def _work(self) -> None:
        failed = 0
        while failed < 3 and not self.tools.ending.told:
            try:
                if not await self.dispatcher.dispatch_once(lambda: None):
                    break
            except Exception:  # noqa: BLE001 - what its loop waits a second after
                failed += 1
            await self.dispatcher.drain()
        await self.dispatcher.drain()

    def kill(self) -> None:
        """Nothing is tidied up: what it had in hand is gone, and so are its connections."""
        self.proxy.cut(for_good=True)
        tasks = {self.working, *self.dispatcher._tasks, *self.tools.commits._writers}
        for task in tasks:
            if task is not None:
                task.cancel()


@asynccontextmanager
async def a_process(
    desk: Desk, proxy: StatementProxy, *, connections: int = 10
) -> AsyncIterator[Process]:
    settings = DatabaseSettings(url=Secret.of(proxy.url), pool_size=connections, pooler="none")
    proxy.refuses = False
    async with (
        open_session() as session,
        open_pool(settings, application="interrupted") as pool,
    ):
        try:
            yield _process(desk, proxy, pool, session)
        finally:
            proxy.cut(for_good=True)
            pool.terminate()


def _process(desk: Desk, proxy: StatementProxy, pool: Pool, session: ClientSession) -> Process:
    tools = an_emitter(pool, desk.sandbox, session)
    dispatcher = Dispatcher(tools=tools, worker="interrupted")
    return Process(proxy=proxy, tools=tools, dispatcher=dispatcher)


Interruption = Callable[[Process], Look]


def killed(number: int, when: When) -> Interruption:
    """SIGKILL."""
    return lambda process: _at(number, when, process.kill, cuts=True)


def cut_off(number: int, when: When) -> Interruption:
    """The server ends every connection, as when it is started anew; the emitter goes on."""
    return lambda _process: _at(number, when, lambda: None, cuts=True)


def told_to_stop(number: int, when: When) -> Interruption:
    """SIGTERM."""
    return lambda process: _at(number, when, process.tools.ending.tell, cuts=False)


def refused(code: str) -> Callable[[int, When], Interruption]:
    """The server refuses the statement, and those of a transaction that follow it."""

    def at(number: int, when: When) -> Interruption:
        async def look(one: Statement) -> None:
            if (one.number, one.when, when) == (number, When.UNHEARD, When.UNHEARD):
                raise RefusedError(code)

        return lambda _process: look

    return at


def _at(number: int, when: When, happens: Callable[[], None], *, cuts: bool) -> Look:
    async def look(one: Statement) -> None:
        if (one.number, one.when) == (number, when):
            happens()
            if cuts:
                raise CutOffError

    return look


async def goes_on(desk: Desk) -> None:
    """Leases run out, and another emitter brings everything to its end."""
    for _ in range(ROUNDS):
        async with desk.pool.acquire() as conn:
            await conn.execute("UPDATE outbox SET lease_until = now() WHERE state = 'leased'")
            await outbox_store.free_expired_any_tenant(conn)
        await desk.work()
        if not await desk.pool.fetchval("SELECT count(*) FROM outbox WHERE state <> 'settled'"):
            return
        await desk.later()
        await desk.pool.execute(
            "UPDATE issuer_breakers SET probe_at = probe_at - interval '2 hours',"
            " round_until = round_until - interval '2 hours'"
        )


Shown = dict[str, Any]


async def shown(desk: Desk, bill: Bill) -> Shown:
    """Everything that must be the same in the end, whatever happened on the way."""
    sale = await desk.sale(bill)
    notas = await desk.pool.fetch(
        "SELECT part, revision, status FROM notas WHERE bill_id = $1 ORDER BY part, revision",
        bill.id,
    )
    return {
        "sale": (sale.status.value, sale.code, sale.attention, sale.amount, sale.wish),
        "ours": [tuple(row) for row in notas],
        "theirs": sorted(
            (one.external_id.partition(f"-{bill.id}")[2], one.status) for one in desk.notas_of(bill)
        ),
        "due": await desk.pool.fetchval("SELECT count(*) FROM outbox WHERE state <> 'settled'"),
    }


@dataclass(slots=True, kw_only=True)
class Meanwhile:
    """Something that happens while an emitter stands still at one statement.

    Who waits for a row that the emitter has locked waits until it goes on.
    """

    number: int
    when: When
    happens: Callable[[], Awaitable[None]]
    lasts: bool = False  # so long that its leases end by its own clock
    in_time: bool = False  # it was over before the emitter went on
    _task: asyncio.Task[None] | None = None

    def of(self, process: Process) -> Look:
        async def look(one: Statement) -> None:
            if (one.number, one.when) != (self.number, self.when):
                return
            if self.lasts:
                held = process.tools.leases._held
                held.update({key: (one, ends - A_LEASE) for key, (one, ends) in held.items()})
            self._task = asyncio.create_task(self._happen())
            await asyncio.wait({self._task}, timeout=PATIENT if self.lasts else BRIEFLY)
            self.in_time = self._task.done()

        return look

    async def _happen(self) -> None:
        await self.happens()

    async def over(self) -> None:
        """Wait until it has happened."""
        if self._task is not None:
            await self._task

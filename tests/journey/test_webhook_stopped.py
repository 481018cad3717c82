"""A webhook process stands still in the midst of deliveries; their sender tries another.

Real processes, SIGSTOP and SIGCONT, at each statement of a commit: with the body read and nothing
told, with rows of sales held, and with everything committed and nothing answered.
"""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest

from services.sandbox.run import running_sandbox
from services.sandbox.vindi.records import Bill
from services.sandbox.wire import Call
from shared.local.files import free_port
from tests.journey.pair import PATIENCE, Stopper, send
from tests.journey.system import Service, System, a_system
from tests.services.webhook.payloads import a_bill_event
from tests.support.statement_proxy import When, statement_proxy

VINDI_WAITS = 20.0  # seconds for an answer, as Vindi does
AT_ONCE = 4.0  # seconds within which a delivery is answered that nobody's standing still is about
RELEASED = 3.0  # seconds after which the server ends what a stopped process holds
TOGETHER = 6  # sales that an emitter has in one batch


@dataclass(slots=True, kw_only=True)
class Doors:
    """The system with two webhook processes, of which the first is seen at its statements."""

    system: System
    stopper: Stopper
    database: str
    first: Service
    second: Service

    async def send(self, to: Service, body: bytes) -> int:
        """Deliver a body as Vindi does; 0 stands for no answer."""
        path = self.system.webhook_url.partition("/v1/")[2]
        url = f"http://127.0.0.1:{to.port}/v1/{path}"
        timeout = aiohttp.ClientTimeout(total=VINDI_WAITS)
        try:
            async with self.system.http.post(url, data=body, timeout=timeout) as answer:
                return answer.status
        except TimeoutError:
            return 0

    async def stands_at(self, name: str, when: When, body: bytes) -> asyncio.Task[int]:
        """Have the first stand still at a statement of a delivery; the sender's wait for it."""
        self.stopper.victim, self.stopper.statement = self.first, (name, when)
        self.stopper.reached.clear()
        sent = asyncio.create_task(self.send(self.first, body))
        await asyncio.wait_for(self.stopper.reached.wait(), PATIENCE)
        return sent

    def goes_on(self) -> None:
        send(self.first, signal.SIGCONT)
        self.stopper.let_go.set()

    def sold(self) -> Bill:
        """A sale of which no event is sent by itself."""
        return self.system.sell(events=False)

    async def ask(self, sql: str, *values: Any) -> Any:
        conn = await asyncpg.connect(self.database)
        try:
            return await conn.fetchval(sql, *values)
        finally:
            await conn.close()

    async def issued_once(self, *bills: Bill) -> None:
        """Wait until each has its nota, and look that it is the only one."""
        for bill in bills:
            await self.system.until(bill, "issued")
        assert [len(self.system.notas_of(bill)) for bill in bills] == [1] * len(bills)


def told(bill: Bill) -> bytes:
    return a_bill_event(bill.id)


async def a_body_that_was_read_and_is_not_told_yet(doors: Doors) -> None:
    bill = doors.sold()
    late = await doors.stands_at("events_store.add", When.UNHEARD, told(bill))

    again = await doors.send(doors.second, told(bill))
    await doors.issued_once(bill)
    doors.goes_on()

    assert again == 200
    assert await late in {200, 503}  # whichever it is told: it is that long that it stood still
    await doors.issued_once(bill)


async def a_commit_whose_answer_is_not_heard(doors: Doors) -> None:
    bill = doors.sold()
    late = await doors.stands_at("COMMIT", When.DONE, told(bill))

    await doors.issued_once(bill)  # by what is committed, though its sender knows nothing
    again = await doors.send(doors.second, told(bill))
    doors.goes_on()

    assert again == 200
    assert await late in {200, 503}
    await doors.issued_once(bill)


async def rows_of_a_sale_are_held(doors: Doors) -> None:
    """Others' deliveries go on beside those of the sale, which come again until it is free."""
    held, others = doors.sold(), [doors.sold() for _ in range(4)]
    late = await doors.stands_at("outbox_store.mark_due", When.DONE, told(held))

    again = []
    for _ in range(4):  # more than there are commits of a process under way
        again.append(asyncio.create_task(doors.send(doors.second, told(held))))
        await asyncio.sleep(0.1)
    began = time.monotonic()
    beside = await asyncio.gather(*(doors.send(doors.second, told(one)) for one in others))
    took = time.monotonic() - began
    statuses = [await one for one in again]
    released = time.monotonic() - began
    await doors.issued_once(held, *others)
    doors.goes_on()

    assert beside == [200] * len(others)
    assert took < AT_ONCE
    assert statuses == [200] * len(again)
    assert released < RELEASED + AT_ONCE
    assert await late in {0, 503}
    await doors.issued_once(held, *others)


async def a_sale_that_an_emitter_has_is_held(doors: Doors) -> None:
    """What the emitter has beside it does not wait for as long as the webhook stands still."""
    bills, emitter = [doors.sold() for _ in range(TOGETHER)], doors.system.emitter
    send(emitter, signal.SIGSTOP)
    assert [await doors.send(doors.second, told(bill)) for bill in bills] == [200] * TOGETHER
    doors.stopper.victim, doors.stopper.wanted = emitter, of_bills
    doors.stopper.reached.clear()
    send(emitter, signal.SIGCONT)
    await asyncio.wait_for(doors.stopper.reached.wait(), PATIENCE)
    leased = "SELECT count(*) FROM outbox WHERE bill_id = ANY($1::bigint[]) AND state = 'leased'"
    together = await doors.ask(leased, [bill.id for bill in bills])
    late = await doors.stands_at("outbox_store.mark_due", When.DONE, told(bills[1]))

    began = time.monotonic()
    send(emitter, signal.SIGCONT)
    await doors.issued_once(*bills)
    took = time.monotonic() - began
    doors.goes_on()

    assert together == TOGETHER
    assert took < RELEASED + 2 * AT_ONCE
    assert await late in {0, 503}
    await doors.issued_once(*bills)


def of_bills(call: Call) -> bool:
    """What an emitter reads before it decides."""
    return call.method == "GET" and call.segments[-1:] == ["bills"]


@asynccontextmanager
async def two_doors(
    *, database: str, redis: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Doors]:
    stopper = Stopper()
    stopper.lie_in_wait(monkeypatch)
    settings = {"RECONCILE_EVERY": "3600", "ISSUER_LOOKUP_WAITS": "0.5,0.5"}
    async with (
        AsyncExitStack() as stack,
        running_sandbox() as sandbox,
        a_system(sandbox, database=database, redis=redis, folder=folder, **settings) as system,
    ):
        second, port = system.services["webhook"], free_port()
        proxy = await stack.enter_async_context(statement_proxy(second.environment["DATABASE_URL"]))
        proxy.look = stopper.look_at
        first = Service(
            name="webhook",
            port=port,
            environment={
                **second.environment,
                "WEBHOOK_PORT": str(port),
                "METRICS_PORT": str(free_port()),
                "DATABASE_URL": proxy.url,
            },
            log=folder / "first.log",
        )
        await first.start()
        try:
            await system.set_up()
            await first.ready(system.http)
            yield Doors(
                system=system, stopper=stopper, database=database, first=first, second=second
            )
        finally:
            stopper.wanted = stopper.statement = None
            stopper.let_go.set()
            for one in (first, system.emitter):
                send(one, signal.SIGCONT)
            await first.stop()


@pytest.mark.timeout(300)
async def test_a_webhook_that_stood_still_loses_nothing_doubles_nothing_and_holds_nobody_up(
    database: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with two_doors(
        database=database, redis=redis_url, folder=tmp_path, monkeypatch=monkeypatch
    ) as doors:
        await a_body_that_was_read_and_is_not_told_yet(doors)
        await a_commit_whose_answer_is_not_heard(doors)
        await rows_of_a_sale_are_held(doors)
        await a_sale_that_an_emitter_has_is_held(doors)
        assert doors.system.sandbox.enotas.invariants.report()["ok"]

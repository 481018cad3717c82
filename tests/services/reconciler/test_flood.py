"""Real sales beside made-up events, from the first second on, at Vindi's own 120 requests."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count, cycle

import pytest
from redis.asyncio import Redis

from services.emitter.dispatch import Dispatcher
from services.emitter.loop import Loop
from services.reconciler.accounts.newest import POLL, look_once
from services.reconciler.accounts.schedule import Scheduler
from services.reconciler.services import Services
from services.sandbox.run import running_sandbox
from shared.db.connection import Pool
from shared.domain.ids import BillId
from shared.vindi.budget import Budget
from tests.services.emitter.conftest import Desk, a_desk
from tests.services.reconciler.conftest import services_of

LIMIT = 120
A_TICK = 0.1
FLOOD = 5.0  # seconds
SALES_EVERY = 1.0
WITHIN = 15.0
OLD = timedelta(days=100)


def of_nobody(desk: Desk) -> Iterable[int]:
    return count(900_000_000)


def of_nobody_in_lists_that_show_all(desk: Desk) -> Iterable[int]:
    desk.account.faults.change({"ignored_filters": {"id"}})
    return count(900_000_000)


def refused(desk: Desk) -> Iterable[int]:
    desk.account.weather.add(status=422, path_has="/bills/9")
    return count(900_000_000)


def of_long_ago(desk: Desk) -> Iterable[int]:
    then = (datetime.now(UTC) - OLD).timestamp()
    return cycle([desk.sell(created_at=then, paid_at=then, known_at=then).id for _ in range(300)])


@pytest.mark.parametrize(
    ("kind", "a_second"),
    [(of_nobody, 300), (of_nobody_in_lists_that_show_all, 30), (refused, 30), (of_long_ago, 300)],
)
async def test_no_real_sale_waits_for_made_up_events(
    pool: Pool, redis_url: str, kind: Callable[[Desk], Iterable[int]], a_second: int
) -> None:
    async with a_field(pool, redis_url) as desk:
        made_up = iter(kind(desk))
        sold: dict[int, float] = {}
        over = time.monotonic() + FLOOD
        next_sale = time.monotonic()
        while time.monotonic() < over:
            await desk.heard(*(BillId(next(made_up)) for _ in range(int(a_second * A_TICK))))
            if time.monotonic() >= next_sale:
                next_sale += SALES_EVERY
                sold[(await desk.sold()).id] = time.time()
            await asyncio.sleep(A_TICK)
        async with asyncio.timeout(WITHIN):
            while not sold.keys() <= (posted := posted_at(desk)).keys():
                await asyncio.sleep(A_TICK)

    assert max(posted[bill] - at for bill, at in sold.items()) < WITHIN
    assert all(entry.status != 429 for entry in desk.account.journal)


@asynccontextmanager
async def a_field(pool: Pool, redis_url: str) -> AsyncIterator[Desk]:
    """An emitter and what the reconciler does in a flood, both at work."""
    async with (
        Redis.from_url(redis_url) as redis,
        running_sandbox() as sandbox,
        a_desk(pool, sandbox, budget=Budget(redis, per_window=LIMIT)) as desk,
    ):
        desk.account.rate.limit = LIMIT
        services = services_of(desk)
        await Scheduler(services=services, worker="test").enrol()
        loop = Loop(Dispatcher(tools=desk.tools, worker="test"))
        async with asyncio.TaskGroup() as group:
            emitting = group.create_task(loop.run())
            looking = group.create_task(look_for_ever(services))
            yield desk
            looking.cancel()
            loop.stop()
            await emitting


async def look_for_ever(services: Services) -> None:
    while True:
        await look_once(services)
        await asyncio.sleep(POLL.total_seconds())


def posted_at(desk: Desk) -> dict[int, float]:
    notas = desk.company.notas.values()
    return {int(nota.external_id.split("-")[2]): nota.created for nota in notas}

"""A tenant with past sales at the sandbox, and a backfill worker stepped by hand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

import pytest_asyncio

from services.reconciler.backfill.run import Run
from services.reconciler.backfill.worker import Worker, prepare
from services.reconciler.services import Services
from services.sandbox.run import running_sandbox
from shared.commands.set_up import SetUp
from shared.crypto.tokens import new_backfill_id
from shared.db.backfill import backfills_store
from shared.db.connection import Pool
from shared.db.tenants import rules_store
from shared.domain.backfill_run import Backfill, BackfillRequest, Summary
from shared.domain.ids import BackfillId, BillId
from shared.run.waker import Waker
from tests.services.emitter.conftest import SEALER, Desk, a_desk

NOWHERE = "redis://127.0.0.1:1/0"


@dataclass(slots=True, kw_only=True)
class Office:
    """A desk, and the reconciler's side of its backfills."""

    desk: Desk
    services: Services

    @property
    def pool(self) -> Pool:
        return self.desk.pool

    async def ask(
        self,
        since: str,
        until: str | None = None,
        *,
        dry_run: bool = True,
        competencia: Literal["original", "today"] = "original",
    ) -> BackfillId:
        async with self.pool.acquire() as conn:
            in_force = await rules_store.in_force(conn, self.desk.tenant)
            asked = BackfillRequest(
                since=date.fromisoformat(since),
                until=date.fromisoformat(until) if until else None,
                dry_run=dry_run,
                competencia=competencia,
                rule=in_force[1] if in_force else None,
                requested_by="test",
                reason="test",
            )
            backfill = new_backfill_id(self.desk.tenant)
            assert await backfills_store.add(conn, self.desk.tenant, backfill, asked) is None
        return backfill

    async def run(self) -> None:
        """Work until nothing waits to be worked on now."""
        worker = Worker(services=self.services)
        while await worker.take_up():
            await worker.drain()

    async def run_killed_after(self, seconds: float) -> None:
        """Work, and die without a word after a while, wherever that is."""
        worker = Worker(services=self.services)
        await worker.take_up()
        tasks = list(worker._running.values())
        await asyncio.sleep(seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def leased(self, backfill: BackfillId) -> Run:
        """A run in hand, to be stepped."""
        async with self.pool.acquire() as conn:
            run = await backfills_store.claim(
                conn, self.desk.tenant, backfill, lease=timedelta(minutes=1)
            )
        assert run is not None
        return await prepare(self.services, run)

    async def get(self, backfill: BackfillId) -> Backfill:
        async with self.pool.acquire() as conn:
            found = await backfills_store.get(conn, self.desk.tenant, backfill)
        assert found is not None
        return found

    async def did(self, since: str, until: str | None = None, **how: Any) -> Summary:
        """Ask, work to the end, and say what came of it."""
        backfill = await self.ask(since, until, **how)
        await self.run()
        ended = await self.get(backfill)
        assert (ended.status, ended.error) == ("completed", None)
        assert ended.summary is not None
        return ended.summary

    async def taken(self) -> set[BillId]:
        """Sales that stand under a backfill's terms."""
        async with self.pool.acquire() as conn:
            rows = await conn.fetch("SELECT bill_id FROM sales WHERE backfill IS NOT NULL")
        return {row["bill_id"] for row in rows}

    async def active_since_now(self) -> None:
        """Active since a minute ago: Vindi tells a payment of now as of the second that began."""
        async with self.pool.acquire() as conn:
            await conn.execute("UPDATE tenants SET active_from = now() - interval '1 minute'")

    def requests(self) -> int:
        """Requests Vindi has answered so far."""
        return len(self.desk.account.journal)


@asynccontextmanager
async def an_office(desk: Desk) -> AsyncIterator[Office]:
    waker = Waker(NOWHERE)
    services = Services(
        pool=desk.pool,
        sealer=SEALER,
        waker=waker,
        clients=desk.tools.clients,
        set_up=SetUp(pool=desk.pool, sealer=SEALER, waker=waker, public_url="https://x.example"),
        now=lambda: datetime.now(UTC),
    )
    yield Office(desk=desk, services=services)


@pytest_asyncio.fixture
async def office(pool: Pool) -> AsyncIterator[Office]:
    async with (
        running_sandbox() as sandbox,
        a_desk(pool, sandbox) as desk,
        an_office(desk) as opened,
    ):
        desk.account.rate.limit = None
        await opened.active_since_now()
        yield opened

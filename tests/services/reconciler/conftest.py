"""A desk whose webhook is lost: only the reconciler tells the emitter of sales."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest_asyncio

from services.reconciler.accounts.schedule import Scheduler
from services.reconciler.services import Services
from services.sandbox.run import running_sandbox
from services.sandbox.vindi.records import Bill
from shared.commands.set_up import SetUp
from shared.crypto.seal import Sealer
from shared.db.connection import Pool
from shared.db.outbox import claims_store, outbox_store
from shared.db.vindi import bills_store, events_store, passes_store
from shared.db.vindi.bills_store import KnownBill
from shared.db.vindi.events_store import StoredEvent
from shared.db.vindi.passes_store import PassState
from shared.domain.ids import BillId
from shared.run.waker import Waker
from tests.services.emitter.conftest import SEALER, TENANT, Desk, a_desk

CONNECTED_FOR = timedelta(hours=1)


@dataclass(slots=True, kw_only=True)
class Watch:
    """A reconciler stepped by hand beside a desk."""

    desk: Desk
    scheduler: Scheduler

    async def pass_once(self) -> PassState:
        """The account's next pass, now."""
        async with self.desk.pool.acquire() as conn:
            await conn.execute("UPDATE reconciler_passes SET next_pass_at = now()")
        await self.scheduler.start_due()
        await self.scheduler.drain()
        return await self.state()

    async def state(self) -> PassState:
        async with self.desk.pool.acquire() as conn:
            state = await passes_store.get(conn, TENANT)
        assert state is not None
        return state

    async def due(self) -> set[int]:
        """The sales that are due."""
        async with self.desk.pool.acquire() as conn:
            entries = await claims_store.claim_due(
                conn, TENANT, lane=outbox_store.RECONCILE, limit=10_000,
                lease=timedelta(0), worker="test",
            )  # fmt: skip
            await outbox_store.free_expired_any_tenant(conn)
        return {entry.bill_id for entry in entries}

    async def stored(self, bill: Bill) -> KnownBill | None:
        async with self.desk.pool.acquire() as conn:
            return (await bills_store.load(conn, TENANT, [BillId(bill.id)])).get(BillId(bill.id))

    async def event_came(self, bill: Bill, kind: str = "bill_paid") -> None:
        """The webhook stored an event about a bill; the emitter has not got to it."""
        event = StoredEvent(
            tenant_id=TENANT, source="vindi", type=kind, bill_id=BillId(bill.id),
            event_at=datetime.now(UTC), flag=None, headers={}, body=b"sealed",
        )  # fmt: skip
        async with self.desk.pool.acquire() as conn:
            await events_store.add(conn, [event])

    def requests(self) -> int:
        """How many requests the account was sent so far."""
        return len(self.desk.account.journal)


def services_of(desk: Desk, sealer: Sealer = SEALER) -> Services:
    waker = Waker("redis://127.0.0.1:1")
    return Services(
        pool=desk.pool,
        sealer=sealer,
        waker=waker,
        clients=desk.tools.clients,
        set_up=SetUp(pool=desk.pool, sealer=sealer, waker=waker, public_url="http://127.0.0.1"),
        now=lambda: datetime.now(UTC),
    )


@pytest_asyncio.fixture
async def watch(pool: Pool) -> AsyncIterator[Watch]:
    async with running_sandbox() as sandbox, a_desk(pool, sandbox) as desk:
        desk.account.rate.limit = None
        async with pool.acquire() as conn:
            await conn.execute(
                "UPDATE vindi_connections SET connected_at = now() - $1::interval", CONNECTED_FOR
            )
        scheduler = Scheduler(services=services_of(desk), worker="test")
        await scheduler.enrol()
        yield Watch(desk=desk, scheduler=scheduler)

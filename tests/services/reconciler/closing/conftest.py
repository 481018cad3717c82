"""A tenant whose emitter is stepped by hand, and the closing of the month its sales are in."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest_asyncio

from services.reconciler.issuer_list.fresh import close_afresh
from services.sandbox.enotas.records import Outcome
from services.sandbox.run import running_sandbox
from services.sandbox.vindi.records import Bill
from shared.commands.closing import VindiTotals
from shared.db.connection import Pool
from shared.db.tenants import connections_store, tenants_store
from shared.domain.closing import Closing, Month
from shared.domain.ids import BillId
from shared.vindi.budget import BudgetShare
from tests.services.emitter.conftest import SEALER, Desk, a_desk
from tests.services.emitter.stopping.test_duplicates import services_of


@dataclass(slots=True, kw_only=True)
class Books:
    """The desk with its closings; every sale is paid at `start` unless said otherwise."""

    desk: Desk
    start: datetime
    zone: str = "America/Sao_Paulo"
    totals: VindiTotals = field(default_factory=VindiTotals)

    @property
    def month(self) -> Month:
        return Month.of(self.start, ZoneInfo(self.zone))

    async def sold(self, outcome: Outcome | None = None, **details: Any) -> Bill:
        """A sale that was heard of, and what the issuer will do with its nota."""
        bill = self.hidden(**details)
        if outcome is not None:
            key = f"p-{self.desk.tenant}-{bill.id}-1"
            self.desk.sandbox.enotas.decide(self.desk.company, key, outcome)
        await self.desk.heard(BillId(bill.id))
        return bill

    def hidden(self, **details: Any) -> Bill:
        """A sale that nobody heard of."""
        return self.desk.sell(**{"paid_at": self.start.timestamp(), **details})

    async def settle(self) -> None:
        """Let everything that is due come to its end."""
        for _ in range(2):
            await self.desk.work()
            await self.desk.later()
        await self.desk.work()

    async def close(self, month: Month | None = None) -> Closing:
        """The closing as it is now, with Vindi asked afresh."""
        self.totals = VindiTotals()
        return await self.close_again(month)

    async def close_again(self, month: Month | None = None) -> Closing:
        """The closing within the minute for which Vindi's count is kept."""
        async with self.desk.pool.acquire() as conn:
            tenant = await tenants_store.get(conn, self.desk.tenant)
            vindi = await connections_store.get_vindi(conn, SEALER, self.desk.tenant)
        assert tenant is not None
        assert vindi is not None
        client = self.desk.tools.clients.vindi(self.desk.tenant, vindi, BudgetShare.RECONCILE)
        services = replace(services_of(self.desk), vindi_totals=self.totals)
        return await close_afresh(services, client, tenant, month or self.month)


def reasons(closing: Closing) -> dict[tuple[str, str], tuple[int, int]]:
    """Exceptions as plain values: (code, status) to (bills, centavos)."""
    found = closing.figures.exceptions
    return {(why.code, why.status): (one.bills, one.amount) for why, one in found.items()}


@pytest_asyncio.fixture
async def books(pool: Pool) -> AsyncIterator[Books]:
    async with running_sandbox() as sandbox, a_desk(pool, sandbox) as desk:
        desk.account.rate.limit = None
        start = datetime.fromtimestamp(int(sandbox.clock.now()), UTC)
        yield Books(desk=desk, start=start)

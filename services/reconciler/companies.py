"""Each company is looked at daily: city, regime, CNPJ and certificate change at the issuer.

Who was connected before these were read gets them so. Two requests a company, within its issuer's
limits; several replicas may each look, and the later finds it done.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from services.reconciler.services import Services
from shared.commands.go_on import go_on
from shared.db import clock
from shared.db.away import database_away_for_all
from shared.db.tenants import audit_store, company_facts_store, connections_store
from shared.db.tenants.company_facts_store import CompanyAsRead
from shared.db.tenants.connections_store import IssuerConnection
from shared.domain.errors import PipelineError
from shared.domain.ids import TenantId
from shared.domain.prechecks import ON_SELLER
from shared.run.loops import Periodic

log = structlog.get_logger()

LOOK_EVERY: Final = timedelta(seconds=60)
FRESH_FOR: Final = timedelta(hours=24)
# Who was not answered for is left alone for longer each time: a key that is refused, a company
# that is gone, is mended by a person, and asking meanwhile costs others their turn.
FIRST_REST: Final = timedelta(minutes=5)
LONGEST_REST: Final = timedelta(hours=1)
COMPANIES_A_LOOK: Final = 20  # 28,800 a day for each replica
BY: Final = "reconciler"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rest:
    """How long a company is left alone, and until when."""

    span: timedelta
    until: datetime


@dataclass(slots=True, kw_only=True)
class Companies:
    """Goes round by tenant, so that one that nobody answers for keeps no other waiting."""

    services: Services
    _after: TenantId = field(default=TenantId(""))
    _resting: dict[TenantId, _Rest] = field(default_factory=dict)

    async def look_once(self) -> int:
        """Look at the next companies whose time has come; returns how many were read."""
        async with self.services.pool.acquire() as conn:
            now = await clock.now(conn)
            tenants = await company_facts_store.stale_any_tenant(
                conn,
                before=now - FRESH_FOR,
                after=self._after,
                but=[tenant for tenant, rest in self._resting.items() if rest.until > now],
                limit=COMPANIES_A_LOOK,
            )
        self._after = tenants[-1] if len(tenants) == COMPANIES_A_LOOK else TenantId("")
        read = 0
        for tenant in tenants:
            if await self._look(tenant):
                read += 1
                self._resting.pop(tenant, None)
            else:
                self._rest(tenant, now)
        return read

    def _rest(self, tenant: TenantId, now: datetime) -> None:
        before = self._resting.get(tenant)
        span = FIRST_REST if before is None else min(before.span * 2, LONGEST_REST)
        self._resting[tenant] = _Rest(span=span, until=now + span)
        over = [one for one, rest in self._resting.items() if rest.until < now - FRESH_FOR]
        for one in over:  # reconnected, or gone
            del self._resting[one]

    async def _look(self, tenant: TenantId) -> bool:
        services = self.services
        try:
            async with services.pool.acquire() as conn:
                found = (await connections_store.get(conn, services.sealer, tenant)).issuer
            if found is None:
                return False
            company = await services.clients.issuer(found).check_connection()
            shown = CompanyAsRead(
                facts=company.facts, city=company.city, regime=company.regime, cnpj=company.cnpj
            )
            await self.keep(tenant, found, shown)
        except PipelineError:
            return False  # whatever it is, who issues and who looks at refusals tell it
        except Exception as error:
            if database_away_for_all(error):
                raise
            log.exception("company_not_looked_at", tenant_id=tenant)
            return False
        return True

    async def keep(self, tenant: TenantId, found: IssuerConnection, shown: CompanyAsRead) -> None:
        """Keep what a connection shows, if it still is the tenant's; what it held goes on."""
        async with self.services.pool.acquire() as conn, conn.transaction():
            now = await clock.now(conn)
            at = found.state.connected_at
            changed = await company_facts_store.put(conn, tenant, shown, now, at)
            if changed:
                detail = {"city": shown.city, "regime": shown.regime, "cnpj": shown.cnpj}
                await audit_store.add(
                    conn, tenant, actor=BY, action="company_changed", detail=detail
                )
                await go_on(conn, tenant, ON_SELLER)
        if changed:
            log.info("company_changed", tenant_id=tenant)
            await self.services.waker.ring()


async def look_at_companies(services: Services) -> None:
    """Look round, until cancelled."""
    companies = Companies(services=services)
    await Periodic(
        name="companies",
        step=companies.look_once,
        every=LOOK_EVERY,
        failed="companies_not_looked_at",
        rests_first=True,
    ).run()

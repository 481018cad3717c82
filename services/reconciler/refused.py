"""Connections that were refused are looked at again: what was mended outside goes on by itself.

After a minute at first, then every few minutes, then hourly. An account that Vindi blocked for its
own fee is probed by the passes. Several replicas may each look; a look costs a few requests.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from services.reconciler.rounds import alone
from services.reconciler.services import Services
from shared.commands.go_on import go_on
from shared.commands.set_up import codes_of
from shared.db.tenants import connections_store
from shared.db.tenants.connections_store import RefusedConnection, Side
from shared.domain.errors import PipelineError, TenantBlockedError
from shared.domain.ids import TenantId
from shared.run.loops import Periodic
from shared.vindi.budget import BudgetShare

log = structlog.get_logger()

LOOK_EVERY: Final = timedelta(seconds=15)
AT_ONCE: Final = 8
TENANTS_A_PAGE: Final = 500
CODES: Final[dict[Side, Sequence[str]]] = {
    "vindi": ("vindi_key_refused", "vindi_profile_too_narrow"),
    "issuer": ("issuer_key_refused", "issuer_forbidden", "issuer_company_unknown"),
}
# How old a refusal is, and how long it then rests between two looks.
RESTS: Final = (
    (timedelta(minutes=5), timedelta(minutes=1)),
    (timedelta(hours=1), timedelta(minutes=5)),
)
LONGEST_REST: Final = timedelta(hours=1)


def rest_after(age: timedelta) -> timedelta:
    """How long a refused connection is left alone after a look."""
    return next((rest for youngest, rest in RESTS if age < youngest), LONGEST_REST)


@dataclass(slots=True, kw_only=True)
class Looker:
    """Remembers when it looked at what; after a restart it looks once more than it must."""

    services: Services
    _next: dict[tuple[TenantId, Side], datetime] = field(default_factory=dict)

    async def look_once(self, now: datetime) -> int:
        """Look at every refused connection whose time has come; returns how many are well."""
        refused = await self._refused()
        known = {(one.tenant_id, one.side) for one in refused}
        self._next = {key: at for key, at in self._next.items() if key in known}
        due = [one for one in refused if self._due_at(one) <= now]
        well = 0
        for at in range(0, len(due), AT_ONCE):
            some = due[at : at + AT_ONCE]
            for one in some:
                self._next[one.tenant_id, one.side] = now + rest_after(now - one.since)
            well += sum(await asyncio.gather(*(self._look_surely(one) for one in some)))
        if well:
            await self.services.waker.ring()
        return well

    def _due_at(self, one: RefusedConnection) -> datetime:
        return self._next.get((one.tenant_id, one.side), one.since + rest_after(timedelta()))

    async def _refused(self) -> list[RefusedConnection]:
        found: list[RefusedConnection] = []
        for side, codes in CODES.items():
            after = TenantId("")
            while True:
                async with self.services.pool.acquire() as conn:
                    page = await connections_store.refused_any_tenant(
                        conn, side, codes, after=after, limit=TENANTS_A_PAGE
                    )
                found += page
                if len(page) < TENANTS_A_PAGE:
                    break
                after = page[-1].tenant_id
        return found

    async def _look_surely(self, one: RefusedConnection) -> bool:
        with alone("refused_not_looked_at", tenant_id=one.tenant_id, side=one.side):
            return await self._look(one)
        return False

    async def _look(self, one: RefusedConnection) -> bool:
        try:
            proved = await self._prove(one)
        except TenantBlockedError as error:
            await self._still_blocked(one, error)
            return False
        except PipelineError:
            return False  # nobody answered: the next look may tell
        async with self.services.pool.acquire() as conn, conn.transaction():
            well = await connections_store.unblock(
                conn, one.tenant_id, one.side, connected_at=proved
            )
            if well:
                await go_on(conn, one.tenant_id, codes_of(one.side))
        log.info("connection_well_again", tenant_id=one.tenant_id, side=one.side, code=one.code)
        return well

    async def _prove(self, one: RefusedConnection) -> datetime:
        """Try all that is needed of a connection; says when the one that was tried was made.

        One that is gone proves nothing.
        """
        services = self.services
        async with services.pool.acquire() as conn:
            both = await connections_store.get(conn, services.sealer, one.tenant_id)
        if one.side == "vindi" and both.vindi is not None:
            await services.clients.vindi(
                one.tenant_id, both.vindi, BudgetShare.RECONCILE
            ).prove_key()
            return both.vindi.state.connected_at
        if one.side == "issuer" and both.issuer is not None:
            await services.clients.issuer(both.issuer).check_connection()
            return both.issuer.state.connected_at
        return one.connected_at

    async def _still_blocked(self, one: RefusedConnection, error: TenantBlockedError) -> None:
        if error.code == one.code:
            return
        async with self.services.pool.acquire() as conn:
            await connections_store.block(
                conn,
                one.tenant_id,
                one.side,
                error.code,
                str(error),
                connected_at=one.connected_at,
            )


async def look_again_at_refused(services: Services) -> None:
    """Look again at what was refused, until cancelled."""
    looker = Looker(services=services)

    async def step() -> None:
        await looker.look_once(services.now())

    await Periodic(
        name="look-again-at-refused",
        step=step,
        every=LOOK_EVERY,
        failed="refused_not_looked_at",
    ).run()

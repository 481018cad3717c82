"""Keeps count of deliveries to addresses that were replaced, for their tenant's health."""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from shared.db.connection import Pool
from shared.db.vindi import oddities_store, rejections_store
from shared.db.vindi.oddities_store import EVENTS_TOO_MANY
from shared.domain.ids import TenantId
from shared.run.loops import Periodic

EVERY: Final = timedelta(seconds=5)
MOST_TENANTS: Final = 1000


@dataclass(slots=True)
class Rejections:
    """Counts in memory, written every few seconds: one statement, however many there were."""

    pool: Pool
    _counted: Counter[TenantId] = field(default_factory=Counter)
    _flooded: set[TenantId] = field(default_factory=set)

    def note(self, tenant: TenantId) -> None:
        """Count one delivery under a secret of the tenant that was replaced."""
        if tenant in self._counted or len(self._counted) < MOST_TENANTS:
            self._counted[tenant] += 1

    def note_flood(self, tenant: TenantId) -> None:
        """Remember that more came of a tenant than is kept on one day."""
        if len(self._flooded) < MOST_TENANTS:
            self._flooded.add(tenant)

    async def write_for_ever(self) -> None:
        """Write down what was counted, until cancelled, and the rest then."""
        writing = Periodic(
            name="rejections",
            step=self.write,
            every=EVERY,
            failed="rejections_not_written",
            rests_first=True,
        )
        try:
            await writing.run()
        finally:
            with suppress(Exception):
                await self.write()

    async def write(self) -> None:
        """Write down what was counted so far; what could not be written is still counted."""
        for tenant in list(self._flooded):
            async with self.pool.acquire() as conn:
                await oddities_store.note_flood(conn, tenant, EVENTS_TOO_MANY)
            self._flooded.discard(tenant)
        counted, self._counted = self._counted, Counter()
        if not counted:
            return
        try:
            async with self.pool.acquire() as conn:
                await rejections_store.add_any_tenant(conn, counted)
        except BaseException:
            self._counted += counted
            raise

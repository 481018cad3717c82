"""Keeps count of refused deliveries of Vindi, so that their tenant's health can tell."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import structlog

from shared.db.connection import Pool
from shared.db.vindi import rejections_store
from shared.domain.ids import TenantId

EVERY_SECONDS: Final = 5.0
MOST_TENANTS: Final = 1000  # whoever makes words up pushes nobody out and fills nothing

log = structlog.get_logger()


@dataclass(slots=True)
class Rejections:
    """Counts in memory, written every few seconds: one statement, however many there were."""

    pool: Pool
    _counted: Counter[TenantId] = field(default_factory=Counter)

    def note(self, tenant: TenantId) -> None:
        """Count one delivery whose secret names a tenant and is not its own."""
        if tenant in self._counted or len(self._counted) < MOST_TENANTS:
            self._counted[tenant] += 1

    async def write_for_ever(self) -> None:
        """Write down what was counted, until cancelled; what cannot be written yet is kept."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            await self.write()

    async def write(self) -> None:
        """Write down what was counted so far."""
        counted, self._counted = self._counted, Counter()
        if not counted:
            return
        try:
            async with self.pool.acquire() as conn:
                await rejections_store.add_any_tenant(conn, counted)
        except Exception as error:  # noqa: BLE001 - the database is away: it will be told later
            self._counted += counted
            log.warning("rejections_not_written", error=type(error).__name__)

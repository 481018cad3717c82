"""Who writes intents of a tenant in one process: one after the other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from shared.domain.ids import TenantId
from shared.run.fair_line import FairLine


@dataclass(slots=True)
class InTurn:
    """Lines before the tenants' brakes, which the database lets in one at a time.

    Whoever waits here holds no connection and no locks, and reads afterwards how things stand.
    """

    _lines: dict[TenantId, FairLine] = field(default_factory=dict)

    @asynccontextmanager
    async def of(self, tenant: TenantId) -> AsyncIterator[None]:
        """Be the only one of this process who writes intents of a tenant."""
        line = self._lines.setdefault(tenant, FairLine())
        await line.acquire("")
        try:
            yield
        finally:
            line.release("")
            if not line.locked():
                self._lines.pop(tenant, None)

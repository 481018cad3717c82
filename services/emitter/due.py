"""Which tenants have work due, looked at again and again: by the way that was the cheaper lately.

A pass comes whenever a batch is read or ends, many times a second while much is due. What is due
then is more than is worth reading row by row, and to find that out anew costs more than the answer.
"""

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from shared.db.connection import Connection
from shared.db.outbox import due_read
from shared.db.outbox.due_read import DueTenant

STAYS_MANY: Final = timedelta(seconds=1)  # for so long it is taken for granted that much is open
COUNT_AGAIN: Final = timedelta(minutes=1)  # how many tenants there are


@dataclass(slots=True)
class DueTenants:
    """Finds tenants with due work; what it remembers decides the way, never the answer."""

    _many_until: float = 0.0
    _worth: int = 0
    _worth_until: float = 0.0

    async def find_any_tenant(self, conn: Connection, *, limit: int) -> list[DueTenant]:
        """Name tenants that have work due now, the longest waiting first."""
        if time.monotonic() >= self._many_until:
            worth = await self._worth_reading_any_tenant(conn)
            few = await due_read.due_of_few_any_tenant(conn, limit=limit, read_at_most=worth)
            if few is not None:
                return few
            self._many_until = time.monotonic() + STAYS_MANY.total_seconds()
        return await due_read.due_of_many_any_tenant(conn, limit=limit)

    async def _worth_reading_any_tenant(self, conn: Connection) -> int:
        if time.monotonic() >= self._worth_until:
            self._worth = await due_read.worth_reading_any_tenant(conn)
            self._worth_until = time.monotonic() + COUNT_AGAIN.total_seconds()
        return self._worth

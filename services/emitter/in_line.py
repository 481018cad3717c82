"""Requests that wait for their turn at an issuer, and what is committed of their sales meanwhile.

What a request rests on is proved in the transaction that writes its intent. Where it then waits, a
person may hold its sale, its tenant be paused, or a refund be heard of. Of those that have waited
for a while that is asked in one statement, again and again; where nobody waits nothing is asked.
"""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from shared.db.connection import Pool
from shared.db.outbox import claims_store
from shared.db.outbox.outbox_store import Entry
from shared.domain.ids import BillId, TenantId
from shared.run.loops import Periodic

LOOK_EVERY: Final = timedelta(milliseconds=200)
WAITED: Final = timedelta(milliseconds=200)  # most leave sooner, and are never asked about
ANSWERED_WITHIN: Final = timedelta(seconds=2)  # else the next look may tell

_Key = tuple[TenantId, BillId, int]


@dataclass(slots=True)
class InLine:
    """What issues or cancels and is not answered yet, of this process."""

    _since: dict[_Key, tuple[Entry, float]] = field(default_factory=dict)
    _overtaken: set[_Key] = field(default_factory=set)

    def stand(self, entry: Entry) -> None:
        """It waits from now on, until `go`."""
        self._since[_key(entry)] = entry, time.monotonic()

    def go(self, entry: Entry) -> None:
        """It was answered, or does not leave."""
        key = _key(entry)
        self._since.pop(key, None)
        self._overtaken.discard(key)

    def may_leave(self, entry: Entry) -> bool:
        """Say whether nothing is known to have overtaken it."""
        return not self._overtaken or _key(entry) not in self._overtaken  # nearly always none

    async def look_once(self, pool: Pool) -> int:
        """Find those that may not leave any more; returns how many waited long enough to ask."""
        long_ago = time.monotonic() - WAITED.total_seconds()
        waiting = [entry for entry, since in self._since.values() if since <= long_ago]
        if not waiting:
            return 0
        async with pool.acquire() as conn:
            found = await claims_store.overtaken_any_tenant(conn, waiting)
        self._overtaken |= found & self._since.keys()
        return len(waiting)

    async def look_for_ever(self, pool: Pool) -> None:
        """Look until cancelled. A database that does not answer keeps nothing from leaving."""

        async def step() -> None:
            async with asyncio.timeout(ANSWERED_WITHIN.total_seconds()):
                await self.look_once(pool)

        await Periodic(
            name="in-line", step=step, every=LOOK_EVERY, failed="line_not_looked_at"
        ).run()


def _key(entry: Entry) -> _Key:
    return entry.tenant_id, entry.bill_id, entry.attempt

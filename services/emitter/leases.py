"""Which leases this process holds, renewed while the work on them lasts."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from services.emitter.in_line import InLine
from shared.db.connection import Pool
from shared.db.outbox import claims_store
from shared.db.outbox.outbox_store import Entry
from shared.domain.ids import BillId, TenantId
from shared.run.loops import Periodic

LEASE: Final = timedelta(seconds=12)  # a killed worker delays its sales by no more than this
RENEW_EVERY: Final = timedelta(seconds=4)
_MARGIN_SECONDS: Final = 2.0  # of a lease: what is started in it must be able to leave

_Key = tuple[TenantId, BillId, int]


@dataclass(slots=True)
class Leases:
    """The leased rows of this process; `line` has those that wait for their turn to leave."""

    line: InLine = field(default_factory=InLine)
    _held: dict[_Key, tuple[Entry, float]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._held)

    @contextmanager
    def holding(self, entries: Sequence[Entry], claimed: float) -> Iterator[None]:
        """Keep these leases renewed while the block runs; `claimed` is monotonic seconds."""
        ends = claimed + LEASE.total_seconds()
        keys = [_key(entry) for entry in entries]
        self._held.update({key: (entry, ends) for key, entry in zip(keys, entries, strict=True)})
        try:
            yield
        finally:
            for key in keys:
                self._held.pop(key, None)

    def release(self, entry: Entry) -> None:
        """Stop renewing one row: it was given back."""
        self._held.pop(_key(entry), None)

    def surely_held(self, entry: Entry) -> bool:
        """Say whether a request may still leave for this sale: no other worker can have it."""
        held = self._held.get(_key(entry))
        return held is not None and time.monotonic() < held[1] - _MARGIN_SECONDS

    async def renew_for_ever(self, pool: Pool) -> None:
        """Renew what is held every few seconds, until cancelled; outlives a lost database."""

        async def step() -> None:  # where it fails leases run out, which is safe
            async with asyncio.timeout(RENEW_EVERY.total_seconds()):
                await self.renew(pool)

        await Periodic(
            name="renew-leases",
            step=step,
            every=RENEW_EVERY,
            failed="leases_not_renewed",
            rests_first=True,
        ).run()

    async def renew(self, pool: Pool) -> None:
        """Renew everything held once; rows that another worker took are forgotten."""
        by_tenant: dict[TenantId, list[Entry]] = defaultdict(list)
        for entry, _ in self._held.values():
            by_tenant[entry.tenant_id].append(entry)
        for tenant, entries in by_tenant.items():
            started = time.monotonic()
            async with pool.acquire() as conn:
                ours = await claims_store.renew(conn, tenant, entries, lease=LEASE)
            ends = started + LEASE.total_seconds()
            for entry in entries:
                if entry.bill_id not in ours:
                    self.release(entry)
                elif _key(entry) in self._held:
                    self._held[_key(entry)] = (entry, ends)


def _key(entry: Entry) -> _Key:
    return entry.tenant_id, entry.bill_id, entry.attempt

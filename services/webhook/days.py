"""How much of one tenant is kept on one day: an address that leaked must not fill the disk."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from shared.domain.ids import TenantId
from shared.net.redis import ANSWER, redis_client
from shared.run.loops import Periodic, beside
from shared.telemetry.severity import severity

if TYPE_CHECKING:
    from redis.asyncio import Redis

DAY_SECONDS: Final = 86_400
TOLD_EVERY: Final = timedelta(seconds=5)
FORGOTTEN_AFTER: Final = timedelta(days=2)

log = structlog.get_logger()


@dataclass(slots=True, kw_only=True)
class Days:
    """Events and bytes of each tenant on this day (UTC), of all processes as far as is known.

    A delivery is counted in memory. Every few seconds what is new is told to Redis, which says how
    much all processes have together, before a restart too: a tenant may send so much longer than
    its day allows. Without Redis each process knows of its own alone: what is bounded is the disk,
    not a price.
    """

    most_events: int
    most_bytes: int
    _day: int = 0
    _events: Counter[TenantId] = field(default_factory=Counter)
    _bytes: Counter[TenantId] = field(default_factory=Counter)
    _new_events: Counter[TenantId] = field(default_factory=Counter)
    _new_bytes: Counter[TenantId] = field(default_factory=Counter)

    def full(self, tenant: TenantId) -> bool:
        """Whether nothing more of it is kept today."""
        self._turn()
        return self._events[tenant] >= self.most_events or self._bytes[tenant] >= self.most_bytes

    def count(self, tenant: TenantId, size: int) -> None:
        """One more event was kept."""
        self._turn()
        self._new_events[tenant] += 1
        self._new_bytes[tenant] += size
        self._events[tenant] += 1
        self._bytes[tenant] += size

    async def tell(self, redis: "Redis") -> None:
        """Tell what is new and hear what all have.

        What gets no answer may have been counted and is not told again: counted twice it could
        refuse a tenant's own events, which is worse than a day that is a little longer.
        """
        self._turn()
        day = self._day
        events, self._new_events = self._new_events, Counter()
        sizes, self._new_bytes = self._new_bytes, Counter()
        if not events:
            return
        pipe = redis.pipeline(transaction=False)
        for tenant, count in events.items():
            key = f"notaponte:events:{day}:{tenant}"
            pipe.hincrby(key, "events", count)
            pipe.hincrby(key, "bytes", sizes[tenant])
            pipe.expire(key, FORGOTTEN_AFTER)
        async with asyncio.timeout(ANSWER.total_seconds()):
            told = await pipe.execute()
        if self._day != day:
            return
        for number, tenant in enumerate(events):
            self._hear(tenant, told[3 * number], told[3 * number + 1])

    def _hear(self, tenant: TenantId, events: int, size: int) -> None:
        """All have so much, and what came meanwhile; a Redis that forgot takes nothing away."""
        self._events[tenant] = max(self._events[tenant], events + self._new_events[tenant])
        self._bytes[tenant] = max(self._bytes[tenant], size + self._new_bytes[tenant])

    def _turn(self) -> None:
        day = int(time.time()) // DAY_SECONDS
        if day != self._day:
            self._day = day
            for one in (self._events, self._bytes, self._new_events, self._new_bytes):
                one.clear()


@asynccontextmanager
async def shared_by_all(days: Days, redis_url: str) -> AsyncIterator[None]:
    """Have the processes of the service count together for as long as the block runs."""
    redis = redis_client(redis_url)

    async def tell() -> None:
        await days.tell(redis)

    telling = Periodic(name="days", step=tell, every=TOLD_EVERY, failed="days_counted_alone")
    try:
        async with beside(days=telling.run):
            yield
        await _last(days, redis)
    finally:
        await redis.aclose()


async def _last(days: Days, redis: "Redis") -> None:
    """A restart must not be a way to a new day; without Redis it is one."""
    try:
        await days.tell(redis)
    except Exception as error:  # noqa: BLE001 - it ends all the same
        log.log(severity(error), "days_counted_alone", error=type(error).__name__)

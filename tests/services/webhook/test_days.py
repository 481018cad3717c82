"""What is kept of one tenant on one day: counted by all processes together, and over restarts."""

from typing import TYPE_CHECKING

import pytest
from redis.exceptions import RedisError

from services.webhook.days import Days, shared_by_all
from shared.domain.ids import TenantId
from shared.net.redis import redis_client

if TYPE_CHECKING:
    from redis.asyncio import Redis

FORGED, OTHER = TenantId("t000forged0"), TenantId("t0000other0")


def a_process() -> Days:
    return Days(most_events=10, most_bytes=1000)


def take(days: Days, count: int, *, of: TenantId = FORGED, size: int = 1) -> None:
    for _ in range(count):
        days.count(of, size)


async def test_processes_count_together_and_a_restart_is_no_new_day(redis_url: str) -> None:
    redis: Redis = redis_client(redis_url)
    try:
        await redis.flushall()
        one, other = a_process(), a_process()
        take(one, 6)
        take(other, 4)
        take(other, 1, of=OTHER)
        await one.tell(redis)
        await other.tell(redis)
        take(one, 1)
        await one.tell(redis)

        assert one.full(FORGED)
        assert other.full(FORGED)
        assert not other.full(OTHER)

        restarted = a_process()
        take(restarted, 1)
        await restarted.tell(redis)
        assert restarted.full(FORGED)

        await redis.flushall()
        take(one, 1)
        await one.tell(redis)
        assert one.full(FORGED)  # it still knows
    finally:
        await redis.aclose()


async def test_bytes_are_bounded_as_events_are(redis_url: str) -> None:
    async with shared_by_all(days := a_process(), redis_url):
        take(days, 1, size=999)
        assert not days.full(FORGED)
        take(days, 1, size=1)
        assert days.full(FORGED)
    redis: Redis = redis_client(redis_url)
    try:
        restarted = a_process()
        take(restarted, 1, size=1)
        await restarted.tell(redis)
        assert restarted.full(FORGED)  # what was not told yet was told at the end
    finally:
        await redis.flushall()
        await redis.aclose()


async def test_without_redis_each_process_knows_of_its_own_and_tells_nothing_twice() -> None:
    redis: Redis = redis_client("redis://127.0.0.1:1/0")
    days = a_process()
    take(days, 9)
    with pytest.raises((RedisError, OSError)):
        await days.tell(redis)
    await days.tell(redis)  # nothing is new

    assert not days.full(FORGED)
    take(days, 1)
    assert days.full(FORGED)
    async with shared_by_all(days, "redis://127.0.0.1:1/0"):
        pass
    await redis.aclose()

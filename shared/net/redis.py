"""Redis as limits shared by processes use it: it may be away, and is never waited for long."""

from datetime import timedelta
from typing import Final

from redis.asyncio import Redis

CONNECT_SECONDS: Final = 1.0
ANSWER: Final = timedelta(seconds=1)  # whoever asks keeps it by `asyncio.timeout`
REST_SECONDS: Final = 1.0  # without asking a Redis that failed


def redis_client(url: str) -> Redis:
    """A client whose answers are waited for by whoever asks; connects when it is first asked.

    It has no `socket_timeout`: the library keeps that by `asyncio.wait_for`, which before Python
    3.12 swallows a cancellation that comes just as what it waits for is done.
    """
    client: Redis = Redis.from_url(url, socket_connect_timeout=CONNECT_SECONDS)
    return client

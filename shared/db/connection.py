"""Connections to PostgreSQL, the same for every service."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import asyncpg
from prometheus_client import Gauge

from shared.config.settings import DatabaseSettings
from shared.db.unreachable import DatabaseAwayError, told
from shared.run.loops import beside
from shared.telemetry.sampled import sample_for_ever

if TYPE_CHECKING:  # the classes are generic in their stubs only
    _Driver = asyncpg.Connection[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]
    Connection = (
        asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
    )
else:
    _Driver = asyncpg.Connection
    Pool = asyncpg.Pool
    Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy

STATEMENT_TIMEOUT: Final = timedelta(seconds=30)
LOCK_TIMEOUT: Final = timedelta(seconds=5)
IDLE_TIMEOUT: Final = timedelta(seconds=15)  # a transaction left open holds back vacuum for all
# A process that is stopped, or whose machine is gone, between preparing a statement and asking for
# it leaves a server process that is not idle, and that no other timeout ends: it waits for the
# question with all its locks held. Longer than any of our transactions takes.
TRANSACTION_TIMEOUT: Final = timedelta(minutes=2)
BOUNDS_TRANSACTIONS: Final = 17  # the first version of PostgreSQL that has `transaction_timeout`
CONNECT_SECONDS: Final = 5
# A machine that is gone is noticed half a minute later: asked after ten seconds of silence, then
# every five; what is sent has as long to arrive (milliseconds).
NOTICED: Final = {
    "TCP_KEEPIDLE": 10,
    "TCP_KEEPINTVL": 5,
    "TCP_KEEPCNT": 4,
    "TCP_USER_TIMEOUT": 30_000,
}
# How long a statement that is broken off may keep its connection; then that is ended.
LET_GO_SECONDS: Final = 3
# One that nobody used for so long is closed: each is a process of some MiB at the server.
IDLE_SECONDS: Final = 60.0

BUSY: Final = Gauge(
    "notaponte_pool_busy_connections",
    "Connections to PostgreSQL that somebody works with.",
    multiprocess_mode="livesum",
)
IDLE: Final = Gauge(
    "notaponte_pool_idle_connections",
    "Connections to PostgreSQL that wait for work.",
    multiprocess_mode="livesum",
)
MOST: Final = Gauge(
    "notaponte_pool_max_connections",
    "Connections to PostgreSQL that may be opened.",
    multiprocess_mode="livesum",
)


class Remembering(_Driver):
    """A connection of a pool, with what was learnt of its server: true for as long as it lasts.

    Nothing is to be remembered behind a pooler, which puts another server process beneath it.
    """

    remembered: dict[str, object]

    def __init__(
        self, protocol: Any, transport: asyncio.Transport, *args: Any, **kwargs: Any
    ) -> None:
        """Made by the driver."""
        super().__init__(protocol, transport, *args, **kwargs)
        self.remembered = {}
        notice_its_end(transport)


def notice_its_end(transport: asyncio.Transport) -> None:
    """Have the system ask whether the other machine is still there, and end what it is not.

    Else whoever waits for an answer of a machine that is gone without a word waits for ever, and
    who has sent something for a quarter of an hour; no time-out of the server's reaches them.
    """
    its = transport.get_extra_info("socket")
    if its is None or its.family == socket.AF_UNIX:
        return
    with its.dup() as ours:  # the loop's own takes no options
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in NOTICED.items():
            if (option := getattr(socket, name, None)) is not None:  # not every system has all
                ours.setsockopt(socket.IPPROTO_TCP, option, value)


SERVER_PROCESS: Final = """
    -- connection.server_process
    SELECT pg_backend_pid()
"""


@asynccontextmanager
async def open_pool(
    settings: DatabaseSettings,
    *,
    application: str,
    statement_timeout: timedelta = STATEMENT_TIMEOUT,
) -> AsyncIterator[Pool]:
    """A pool of connections, at most `settings.pool_size`, closed when the block ends.

    None is opened before it is needed, so a service starts, and says it is not ready, while the
    database is away. `json` and `jsonb` columns are plain Python values both ways. Connections
    are given back without a RESET (one round trip less): code that takes one must change
    session state only with SET LOCAL.

    Behind PgBouncer in transaction mode nothing is prepared and no timeout is sent, since it
    accepts neither; the role carries the timeouts there (docs/runbooks/database.md).
    """
    pool = asyncpg.create_pool(
        settings.url.reveal(),
        min_size=0,
        max_size=settings.pool_size,
        timeout=CONNECT_SECONDS,
        init=partial(_prepare, bounds=settings.pooler == "none"),
        reset=_keep,
        connection_class=Remembering,
        max_inactive_connection_lifetime=IDLE_SECONDS,
        **_mode(settings, application, statement_timeout),
    )
    async with pool, beside(pool_gauges=partial(sample_for_ever, gauges_of(pool))):
        yield pool


def gauges_of(pool: Pool) -> dict[Gauge, Callable[[], float]]:
    """What is shown of a pool, and how it is looked at."""
    return {
        BUSY: lambda: pool.get_size() - pool.get_idle_size(),
        IDLE: pool.get_idle_size,
        MOST: pool.get_max_size,
    }


async def connect(url: str) -> Connection:
    """One connection for a command, PostgreSQL's own or a pooler's; whoever asks closes it.

    Raises DatabaseAwayError, in words, when there is none to be had.
    """
    try:
        conn: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(
            url, timeout=CONNECT_SECONDS, statement_cache_size=0
        )
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        if words := told(error, url):
            raise DatabaseAwayError(words) from error
        raise
    return conn


async def is_pooled(conn: Connection) -> bool:
    """Say whether a pooler stands between: it numbers its sessions by itself."""
    return bool(await conn.fetchval(SERVER_PROCESS) != conn.get_server_pid())


def _mode(
    settings: DatabaseSettings, application: str, statement_timeout: timedelta
) -> dict[str, Any]:
    named = {"application_name": application}
    if settings.pooler == "pgbouncer":
        return {"statement_cache_size": 0, "server_settings": named}
    return {
        "server_settings": {
            **named,
            "statement_timeout": _milliseconds(statement_timeout),
            "lock_timeout": _milliseconds(LOCK_TIMEOUT),
            "idle_in_transaction_session_timeout": _milliseconds(IDLE_TIMEOUT),
            "timezone": "UTC",
            "jit": "off",  # our statements are short; compiling one takes longer than running it
        },
    }


BEGIN_BRIEFLY: Final = """
    -- connection.waiting_briefly
    BEGIN;
    SET LOCAL lock_timeout = '200ms';
    SET LOCAL idle_in_transaction_session_timeout = '3s'
"""


@asynccontextmanager
async def waiting_briefly(conn: Connection) -> AsyncIterator[None]:
    """A transaction that waits a fifth of a second for what others hold, then gives up.

    Nor do others wait long for it: where its process stands still the server ends it after three
    seconds. It costs no round trip more than any other. Raises asyncpg.LockNotAvailableError.
    """
    await conn.execute(BEGIN_BRIEFLY)
    try:
        yield
    except BaseException:
        await _roll_back(conn)
        raise
    await conn.execute("COMMIT")


@asynccontextmanager
async def let_go_in_time(pool: Pool) -> AsyncIterator[Connection]:
    """A connection of a pool that is ended where it does not let go of what was broken off on it.

    Raises TimeoutError then; the library waits without end.
    """
    conn = await pool.acquire()
    try:
        yield conn
    finally:
        await pool.release(conn, timeout=LET_GO_SECONDS)


async def _roll_back(conn: Connection) -> None:
    """Roll back; a connection that does not answer is ended where it is given back."""
    with suppress(TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        if not conn.is_closed():
            await conn.execute("ROLLBACK", timeout=LET_GO_SECONDS)


BOUND: Final = """
    -- connection.bound_transactions
    SELECT set_config('transaction_timeout', $1, false)
"""


async def bound_transactions(conn: Connection) -> None:
    """Have the server end any transaction of this connection that takes too long, if it can."""
    if conn.get_server_version().major >= BOUNDS_TRANSACTIONS:
        await conn.execute(BOUND, _milliseconds(TRANSACTION_TIMEOUT))


async def _prepare(connection: Connection, *, bounds: bool) -> None:
    if bounds:
        await bound_transactions(connection)
    for name in ("json", "jsonb"):
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=_to_json, decoder=json.loads
        )


async def _keep(_connection: Connection) -> None:
    """Give a connection back as it is; asyncpg has already ended its transaction."""


def _to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _milliseconds(span: timedelta) -> str:
    return str(int(span.total_seconds() * 1000))

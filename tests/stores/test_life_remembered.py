"""Which life of which server this is: asked once on a connection, and every time of a pooler."""

import asyncio
from pathlib import Path

from shared.config.secret import Secret
from shared.config.settings import DatabaseSettings
from shared.db.connection import Connection, Pool, open_pool
from shared.db.restores import restores_store
from tests.support.pooler import running_pgbouncer

LOOKS = 3


async def asked(conn: Connection) -> int:
    """How many statements it takes to be told so often."""
    said: list[str] = []
    with conn.query_logger(lambda record: said.append(record.query)):
        lives = {await restores_store.live(conn) for _ in range(LOOKS)}
        await asyncio.sleep(0)  # the driver tells a moment later
    assert len(lives) == 1
    assert None not in lives
    return len(said)


async def test_a_connection_asks_its_server_once(pool: Pool) -> None:
    async with pool.acquire() as conn:
        first = await asked(conn)
        pid = conn.get_server_pid()
    async with pool.acquire() as conn:
        assert conn.get_server_pid() == pid
        again = await asked(conn)

    assert (first, again) == (1, 0)


async def test_another_connection_asks_for_itself(pool: Pool) -> None:
    async with pool.acquire() as one, pool.acquire() as other:
        assert [await asked(one), await asked(other)] == [1, 1]
    await pool.expire_connections()
    async with pool.acquire() as anew:
        assert await asked(anew) == 1


async def test_behind_a_pooler_it_is_asked_every_time(database: str, tmp_path: Path) -> None:
    """Whose process is beneath may be another's by the next transaction."""
    async with running_pgbouncer(database, tmp_path) as pooled:
        settings = DatabaseSettings(url=Secret.of(pooled), pool_size=1, pooler="pgbouncer")
        async with open_pool(settings, application="tests") as pool, pool.acquire() as conn:
            assert await asked(conn) == LOOKS

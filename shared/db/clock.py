"""The database's clock: the only one by which anything is due, held or told (design D20)."""

from datetime import datetime
from typing import Final

from shared.db.connection import Connection

NOW: Final = """
    -- clock.now
    SELECT now()
"""


async def now(conn: Connection) -> datetime:
    """The instant at which the connection's transaction began; outside of one, now."""
    instant: datetime = await conn.fetchval(NOW)
    return instant


THIS_INSTANT: Final = """
    -- clock.this_instant
    SELECT clock_timestamp()
"""


async def this_instant(conn: Connection) -> datetime:
    """The instant itself, also within a transaction that began earlier."""
    instant: datetime = await conn.fetchval(THIS_INSTANT)
    return instant

"""What PostgreSQL's own log says of our statements: which failed, and nothing of the rows.

By default it adds to an error the row that was refused, as plain text with whoever's name is in it,
and to a slow statement what it was given. Both settings are a superuser's: where whoever migrates
is none, `make doctor` says what to ask for.
"""

from typing import Final

import asyncpg

from shared.db.connection import Connection

# As SHOW says them.
DISCREET: Final = {"log_error_verbosity": "terse", "log_parameter_max_length": "0"}
TOLD: Final = """
    -- server_log.told
    SELECT current_setting('log_error_verbosity') AS log_error_verbosity,
           current_setting('log_parameter_max_length') AS log_parameter_max_length
"""
SET: Final = """
    -- server_log.keep_rows_out
    SELECT format('ALTER DATABASE %1$I SET log_error_verbosity = %2$L;'
                  'ALTER DATABASE %1$I SET log_parameter_max_length = %3$L',
                  current_database(), $1::text, $2::text)
"""


async def quotes_rows(conn: Connection) -> bool:
    """Whether the log may show what is in rows of this database, as this session would have it."""
    row = await conn.fetchrow(TOLD)
    return row is None or dict(row) != DISCREET


async def keep_rows_out(conn: Connection) -> bool:
    """Have the log quote no rows of this database, for sessions that begin from now on.

    Safe to repeat, also by several at once. False where whoever asks may not, or cannot here.
    """
    if not await quotes_rows(conn):
        return True
    try:
        await conn.execute(await conn.fetchval(SET, *DISCREET.values()))
    except (asyncpg.InsufficientPrivilegeError, asyncpg.ReadOnlySQLTransactionError):
        return False
    except asyncpg.InternalServerError:
        pass  # "tuple concurrently updated": another says the same just now
    return True

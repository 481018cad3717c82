"""Sessions whose process stands still between preparing a statement and asking for it.

The server waits for the question with the transaction and all its locks, is not idle, and no
timeout before PostgreSQL 17 ends it (from then on `transaction_timeout` does): for hours, until the
network gives the connection up. Whoever is of the same role may end it.
"""

from datetime import timedelta
from typing import Final

from msgspec import Struct

from shared.db.connection import TRANSACTION_TIMEOUT, Connection

OURS: Final = ("webhook", "emitter", "reconciler", "panel")

# A statement that runs waits for no client; one that is waited for so long was not cut short by
# anything else. What somebody types, a backup or a migration has another name.
END: Final = """
    -- still_sessions.end_ours
    SELECT application_name AS application,
           extract(epoch FROM clock_timestamp() - xact_start)::float8 AS seconds,
           pg_terminate_backend(pid) AS ended
      FROM pg_stat_activity
     WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
       AND application_name = ANY($1::text[]) AND state = 'active'
       AND wait_event_type = 'Client' AND wait_event = 'ClientRead'
       AND xact_start < clock_timestamp() - $2::interval
"""


class EndedSession(Struct, frozen=True, kw_only=True):
    """A session that was ended: whose it was, and for how long its transaction stood open."""

    application: str
    seconds: float


async def end_ours(
    conn: Connection, *, after: timedelta = TRANSACTION_TIMEOUT
) -> list[EndedSession]:
    """End sessions of this role's services that wait for their process for longer than `after`.

    Their transactions are undone; a process that goes on finds its connection broken, as after
    any timeout.
    """
    rows = await conn.fetch(END, list(OURS), after)
    return [
        EndedSession(application=row["application"], seconds=row["seconds"])
        for row in rows
        if row["ended"]
    ]

"""Who is signed in where: of each session the hash of its word."""

from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from shared.db.connection import Connection
from shared.domain.ids import PersonId
from shared.domain.people import Person


class Session(Struct, frozen=True, kw_only=True):
    """Somebody signed in; with `wants_code` only half: the authenticator has not spoken yet."""

    person: Person
    created_at: datetime
    seen_at: datetime
    wants_code: bool
    now: datetime  # as it was found


ADD: Final = """
    -- sessions_store.add
    INSERT INTO panel_sessions (token_hash, person_id, created_at, seen_at, expires_at, wants_code)
    VALUES ($1, $2, $3, $3, $4, $5)
"""


async def add(
    conn: Connection,
    token_hash: bytes,
    person: PersonId,
    *,
    now: datetime,
    expires_at: datetime,
    wants_code: bool,
) -> None:
    """Begin a session."""
    await conn.execute(ADD, token_hash, person, now, expires_at, wants_code)


FIND: Final = """
    -- sessions_store.find
    SELECT s.created_at, s.seen_at, s.wants_code, now() AS now, p.person_id, p.name, p.staff
      FROM panel_sessions s JOIN people p ON p.person_id = s.person_id
     WHERE s.token_hash = $1 AND s.expires_at > now() AND s.seen_at > now() - $2::interval
"""


async def find(conn: Connection, token_hash: bytes, *, idle: timedelta) -> Session | None:
    """A session that has not expired, and was not left unused for longer than `idle`."""
    row = await conn.fetchrow(FIND, token_hash, idle)
    if row is None:
        return None
    person = Person(id=PersonId(row["person_id"]), name=row["name"], staff=row["staff"])
    return Session(
        person=person,
        created_at=row["created_at"],
        seen_at=row["seen_at"],
        wants_code=row["wants_code"],
        now=row["now"],
    )


TOUCH: Final = """
    -- sessions_store.touch
    UPDATE panel_sessions SET seen_at = $2 WHERE token_hash = $1
"""


async def touch(conn: Connection, token_hash: bytes, now: datetime) -> None:
    """Note that a session is in use."""
    await conn.execute(TOUCH, token_hash, now)


END: Final = """
    -- sessions_store.end
    DELETE FROM panel_sessions WHERE token_hash = $1
"""


async def end(conn: Connection, token_hash: bytes) -> None:
    """Sign out here."""
    await conn.execute(END, token_hash)


END_ALL: Final = """
    -- sessions_store.end_all
    DELETE FROM panel_sessions WHERE person_id = $1
"""


async def end_all(conn: Connection, person: PersonId) -> None:
    """Sign a person out everywhere."""
    await conn.execute(END_ALL, person)


FORGET: Final = """
    -- sessions_store.forget
    DELETE FROM panel_sessions WHERE expires_at <= $1 OR seen_at <= $2
"""


async def forget(conn: Connection, *, now: datetime, idle_since: datetime) -> None:
    """Forget sessions that nobody can use any more."""
    await conn.execute(FORGET, now, idle_since)

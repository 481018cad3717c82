"""Tokens of the internal API: named, for a scope, until a day; of the token only its hash."""

from datetime import datetime, timedelta
from typing import Final, Literal

from msgspec import Struct

from shared.db.connection import Connection

TokenScope = Literal["read", "support", "operator"]
USED_EVERY: Final = timedelta(minutes=1)


class InternalToken(Struct, frozen=True, kw_only=True):
    """A token as people look at it."""

    name: str
    scope: TokenScope
    made_by: str
    made_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    used_at: datetime | None


class FoundToken(Struct, frozen=True, kw_only=True):
    """What is known of a token that was presented."""

    name: str
    scope: TokenScope
    expired: bool
    revoked: bool
    use_to_note: bool


ADD: Final = """
    -- tokens_store.add
    INSERT INTO internal_tokens (name, token_hash, scope, made_by, made_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO NOTHING
"""


async def add(
    conn: Connection,
    name: str,
    token_hash: bytes,
    scope: TokenScope,
    *,
    by: str,
    now: datetime,
    expires_at: datetime,
) -> bool:
    """Keep a new token; False when its name is taken, be it by one that has ended."""
    tag: str = await conn.execute(ADD, name, token_hash, scope, by, now, expires_at)
    return not tag.endswith(" 0")


FIND: Final = """
    -- tokens_store.find
    SELECT name, scope, expires_at <= now() AS expired, revoked_at IS NOT NULL AS revoked,
           used_at IS NULL OR now() - used_at > $2 AS use_to_note
      FROM internal_tokens WHERE token_hash = $1
"""


async def find(conn: Connection, token_hash: bytes) -> FoundToken | None:
    """The token of this hash, valid or not."""
    row = await conn.fetchrow(FIND, token_hash, USED_EVERY)
    return None if row is None else FoundToken(**dict(row))


NOTE_USE: Final = """
    -- tokens_store.note_use
    UPDATE internal_tokens SET used_at = now() WHERE name = $1
"""


async def note_use(conn: Connection, name: str) -> None:
    """It was used just now."""
    await conn.execute(NOTE_USE, name)


REVOKE: Final = """
    -- tokens_store.revoke
    UPDATE internal_tokens SET revoked_at = now() WHERE name = $1 AND revoked_at IS NULL
"""


async def revoke(conn: Connection, name: str) -> bool:
    """End a token at once; says whether there was one that had not been ended."""
    tag: str = await conn.execute(REVOKE, name)
    return not tag.endswith(" 0")


LIST: Final = """
    -- tokens_store.list_all
    SELECT name, scope, made_by, made_at, expires_at, revoked_at, used_at
      FROM internal_tokens ORDER BY made_at, name
"""


async def list_all(conn: Connection) -> list[InternalToken]:
    """Every token there was, the oldest first."""
    return [InternalToken(**dict(row)) for row in await conn.fetch(LIST)]

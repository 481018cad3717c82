"""Idempotency keys: a call that creates is done once, however often it is sent."""

from datetime import datetime, timedelta
from typing import Any, Final

from msgspec import Struct

from shared.db.connection import Connection
from shared.domain.ids import TenantId
from shared.domain.privacy import terms

# Longer than any call may take; a key that is older belongs to a process that died.
ABANDONED_AFTER: Final = timedelta(minutes=2)
KEPT_FOR: Final = terms.IDEMPOTENCY
# As the status of an answer: the work was committed, and its answer is not there, or never will be.
DONE: Final = 0


class KeyId(Struct, frozen=True, kw_only=True):
    """Which call: a key is its caller's own, within one tenant or none (`-`)."""

    tenant_id: TenantId
    actor: str
    key: str


class Begun(Struct, frozen=True, kw_only=True):
    """The call is ours to do; `at` proves it when the answer is kept."""

    at: datetime


class AnsweredBefore(Struct, frozen=True, kw_only=True):
    """The same call was answered before: give the same answer."""

    status: int
    response: dict[str, Any]


class Running(Struct, frozen=True, kw_only=True):
    """The same call is still being done elsewhere."""


class Reused(Struct, frozen=True, kw_only=True):
    """The key was used for another call."""


Beginning = Begun | AnsweredBefore | Running | Reused

BEGIN: Final = """
    -- idempotency_store.begin
    INSERT INTO idempotency_keys AS k (tenant_id, actor, key, request_hash, created_at)
    VALUES ($1, $2, $3, $4, now())
        ON CONFLICT (tenant_id, actor, key) DO UPDATE SET created_at = excluded.created_at
     WHERE k.status IS NULL AND k.request_hash = excluded.request_hash
       AND excluded.created_at - k.created_at > $5::interval
 RETURNING created_at
"""
LOOK: Final = """
    -- idempotency_store.look
    SELECT request_hash, status, response FROM idempotency_keys
     WHERE tenant_id = $1 AND actor = $2 AND key = $3
"""


async def begin(conn: Connection, key: KeyId, request_hash: bytes) -> Beginning:
    """Claim a key before doing its call; to be committed at once, before the work begins."""
    values = (key.tenant_id, key.actor, key.key)
    at = await conn.fetchval(BEGIN, *values, request_hash, ABANDONED_AFTER)
    if at is not None:
        return Begun(at=at)
    row = await conn.fetchrow(LOOK, *values)
    if row is None:  # given up between the two statements
        return Running()
    if row["request_hash"] != request_hash:
        return Reused()
    if row["status"] in (None, DONE):
        return Running()
    return AnsweredBefore(status=row["status"], response=row["response"])


NOTE: Final = """
    -- idempotency_store.note
    UPDATE idempotency_keys SET status = 0
     WHERE tenant_id = $1 AND actor = $2 AND key = $3 AND created_at = $4
       AND coalesce(status, 0) = 0
"""
TAKEN: Final = """
    -- idempotency_store.note taken
    SELECT created_at <> $4 FROM idempotency_keys
     WHERE tenant_id = $1 AND actor = $2 AND key = $3
"""


async def note(conn: Connection, key: KeyId, begun: Begun) -> bool:
    """Write down that the work was done, at the end of the transaction that did it.

    False when another took the key over: the caller must roll its work back. A transaction that
    wrote nothing has nothing to tell.
    """
    values = (key.tenant_id, key.actor, key.key, begun.at)
    if not (await conn.execute(NOTE, *values)).endswith(" 0"):
        return True
    return not await conn.fetchval(TAKEN, *values)


FINISH: Final = """
    -- idempotency_store.finish
    UPDATE idempotency_keys SET status = $5, response = $6
     WHERE tenant_id = $1 AND actor = $2 AND key = $3 AND created_at = $4
       AND coalesce(status, 0) = 0
"""


async def finish(
    conn: Connection, key: KeyId, begun: Begun, *, status: int, response: dict[str, Any]
) -> bool:
    """Keep the answer, in the transaction that did the work.

    False when another took the key over: the caller must roll its work back.
    """
    tag = await conn.execute(FINISH, key.tenant_id, key.actor, key.key, begun.at, status, response)
    return not tag.endswith(" 0")


GIVE_UP: Final = """
    -- idempotency_store.give_up
    DELETE FROM idempotency_keys
     WHERE tenant_id = $1 AND actor = $2 AND key = $3 AND created_at = $4
       AND (status IS NULL OR $5::boolean AND status = 0)
"""


async def give_up(conn: Connection, key: KeyId, begun: Begun, *, refused: bool = False) -> None:
    """Free a key whose call did nothing, so that it may be tried again.

    One that noted something is freed only where it was `refused`: then that is known not to count.
    """
    await conn.execute(GIVE_UP, key.tenant_id, key.actor, key.key, begun.at, refused)


FORGET_OLD: Final = """
    -- idempotency_store.forget_old_any_tenant
    DELETE FROM idempotency_keys WHERE created_at < now() - $1::interval
"""


async def forget_old_any_tenant(conn: Connection) -> int:
    """Delete keys that nobody will send again; returns how many."""
    return int((await conn.execute(FORGET_OLD, KEPT_FOR)).rpartition(" ")[2])

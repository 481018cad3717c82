"""Idempotency keys: a call that creates is done once, however often it is sent."""

from datetime import datetime, timedelta
from typing import Any, Final

from msgspec import Struct

from shared.db.connection import Connection
from shared.domain.ids import TenantId
from shared.domain.privacy import terms

# Longer than any call may take; a key that is older belongs to a process that died.
ABANDONED_AFTER: Final = timedelta(minutes=2)
# Whoever says that it is alive does so more often, five times in this; a key that is silent for so
# long belongs to a process that died, or to one that is overtaken: `note` rolls its work back.
SILENT_AFTER: Final = timedelta(seconds=10)
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
    """The same call is still being done elsewhere; `over` if it was done and nobody answers it."""

    over: bool = False


class Reused(Struct, frozen=True, kw_only=True):
    """The key was used for another call."""


Beginning = Begun | AnsweredBefore | Running | Reused

BEGIN: Final = """
    -- idempotency_store.begin
    INSERT INTO idempotency_keys AS k (tenant_id, actor, key, request_hash, created_at)
    VALUES ($1, $2, $3, $4, now())
        ON CONFLICT (tenant_id, actor, key)
        DO UPDATE SET created_at = excluded.created_at, alive_at = NULL
     WHERE k.status IS NULL AND k.request_hash = excluded.request_hash
       AND coalesce(excluded.created_at - k.alive_at > $6::interval,
                    excluded.created_at - k.created_at > $5::interval)
 RETURNING created_at
"""
BEGIN_ALIVE: Final = """
    -- idempotency_store.begin alive
    INSERT INTO idempotency_keys AS k (tenant_id, actor, key, request_hash, created_at, alive_at)
    VALUES ($1, $2, $3, $4, now(), now())
        ON CONFLICT (tenant_id, actor, key)
        DO UPDATE SET created_at = excluded.created_at, alive_at = excluded.alive_at
     WHERE k.status IS NULL AND k.request_hash = excluded.request_hash
       AND coalesce(excluded.created_at - k.alive_at > $6::interval,
                    excluded.created_at - k.created_at > $5::interval)
 RETURNING created_at
"""
LOOK: Final = """
    -- idempotency_store.look
    SELECT request_hash, status, response FROM idempotency_keys
     WHERE tenant_id = $1 AND actor = $2 AND key = $3
"""
IS_SILENT: Final = """
    -- idempotency_store.is_silent
    SELECT true FROM idempotency_keys
     WHERE tenant_id = $1 AND actor = $2 AND key = $3 AND now() - alive_at > $4::interval
"""


async def begin(
    conn: Connection, key: KeyId, request_hash: bytes, *, alive: bool = False
) -> Beginning:
    """Claim a key before doing its call; to be committed at once, before the work begins.

    `alive` promises a `beat` every fifth of `SILENT_AFTER` until the answer is kept: whoever keeps
    no such promise is taken for dead after `ABANDONED_AFTER`.
    """
    values = (key.tenant_id, key.actor, key.key)
    claim = BEGIN_ALIVE if alive else BEGIN
    at = await conn.fetchval(claim, *values, request_hash, ABANDONED_AFTER, SILENT_AFTER)
    if at is not None:
        return Begun(at=at)
    row = await conn.fetchrow(LOOK, *values)
    if row is None:  # given up between the two statements
        return Running()
    if row["request_hash"] != request_hash:
        return Reused()
    if row["status"] == DONE:
        return Running(over=bool(await conn.fetchval(IS_SILENT, *values, SILENT_AFTER)))
    if row["status"] is None:
        return Running()
    return AnsweredBefore(status=row["status"], response=row["response"])


BEAT: Final = """
    -- idempotency_store.beat
    UPDATE idempotency_keys SET alive_at = now()
     WHERE tenant_id = $1 AND actor = $2 AND key = $3 AND created_at = $4
       AND coalesce(status, 0) = 0
"""


async def beat(conn: Connection, key: KeyId, begun: Begun) -> bool:
    """Say that whoever began it still does it. False when another took the key over.

    Within the transaction that did the work it holds off, until the commit, whoever would.
    """
    values = (key.tenant_id, key.actor, key.key, begun.at)
    return not (await conn.execute(BEAT, *values)).endswith(" 0")


# Whoever wrote nothing has no number of a transaction: it has nothing to tell.
NOTE: Final = """
    -- idempotency_store.note
    UPDATE idempotency_keys SET status = 0
     WHERE tenant_id = $1 AND actor = $2 AND key = $3 AND created_at = $4
       AND coalesce(status, 0) = 0 AND pg_current_xact_id_if_assigned() IS NOT NULL
"""
TAKEN: Final = """
    -- idempotency_store.note taken
    SELECT created_at <> $4 FROM idempotency_keys
     WHERE tenant_id = $1 AND actor = $2 AND key = $3
"""


async def note(conn: Connection, key: KeyId, begun: Begun) -> bool | None:
    """Write down that the work was done, at the end of the transaction that did it.

    False when another took the key over: the caller must roll its work back. Does nothing, and
    answers None, in a transaction that wrote nothing.
    """
    values = (key.tenant_id, key.actor, key.key, begun.at)
    if not (await conn.execute(NOTE, *values)).endswith(" 0"):
        return True
    return False if await conn.fetchval(TAKEN, *values) else None


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

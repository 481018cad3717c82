"""Tenants that leave: when they asked, when they are deleted, and how much was."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Literal

from msgspec import Struct

from shared.crypto import columns
from shared.crypto.seal import Sealer
from shared.db.connection import Connection
from shared.domain.ids import TenantId

DepartureState = Literal["waiting", "cancelled", "deleting", "deleted"]


class Departure(Struct, frozen=True, kw_only=True):
    """One tenant's leaving. It may come back as long as it is `waiting`.

    `gone` counts the rows deleted of each table; `ended_at` is when it was cancelled or deleted.
    """

    tenant_id: TenantId
    reason: str
    asked_by: str
    asked_at: datetime
    delete_at: datetime
    state: DepartureState
    ended_by: str | None
    ended_at: datetime | None
    gone: Mapping[str, int]
    people: int


_COLUMNS: Final = """
           tenant_id, reason, asked_by, asked_at, delete_at, state, ended_by, ended_at, gone, people
"""
GET: Final = f"""
    -- departures_store.get
    SELECT {_COLUMNS} FROM departures WHERE tenant_id = $1
"""  # noqa: S608 - only our own constant is put in


async def get(conn: Connection, tenant: TenantId) -> Departure | None:
    """How a tenant's leaving stands; None for one that never asked."""
    row = await conn.fetchrow(GET, tenant)
    return None if row is None else Departure(**dict(row))


LOCK: Final = f"""
    -- departures_store.lock
    SELECT {_COLUMNS} FROM departures WHERE tenant_id = $1 FOR UPDATE
"""  # noqa: S608 - only our own constant is put in


async def lock(conn: Connection, tenant: TenantId) -> Departure | None:
    """The same, held until the transaction ends; services hold none that is over."""
    row = await conn.fetchrow(LOCK, tenant)
    return None if row is None else Departure(**dict(row))


# What is over is never changed, by nobody (migration 0038): one that was taken back makes room.
TAKEN_BACK: Final = """
    -- departures_store.put taken_back
    DELETE FROM departures WHERE tenant_id = $1 AND state = 'cancelled'
"""
PUT: Final = f"""
    -- departures_store.put
    INSERT INTO departures (tenant_id, reason, asked_by, asked_at, delete_at, state, turn_at)
    VALUES ($1, $2, $3, $4, $5, 'waiting', $5)
        ON CONFLICT (tenant_id) DO NOTHING
 RETURNING {_COLUMNS}
"""  # noqa: S608 - only our own constant is put in


async def put(
    conn: Connection,
    tenant: TenantId,
    *,
    reason: str,
    by: str,
    now: datetime,
    delete_at: datetime,
) -> Departure | None:
    """Write down that a tenant leaves; None where it does already.

    The database refuses services a `delete_at` that is less than seven days off.
    """
    await conn.execute(TAKEN_BACK, tenant)
    row = await conn.fetchrow(PUT, tenant, reason, by, now, delete_at)
    return None if row is None else Departure(**dict(row))


CANCEL: Final = f"""
    -- departures_store.cancel
    UPDATE departures SET state = 'cancelled', ended_by = $2, ended_at = $3
     WHERE tenant_id = $1 AND state = 'waiting'
 RETURNING {_COLUMNS}
"""  # noqa: S608 - only our own constant is put in


async def cancel(conn: Connection, tenant: TenantId, by: str, now: datetime) -> Departure | None:
    """Let a tenant stay; None where nothing waits any more."""
    row = await conn.fetchrow(CANCEL, tenant, by, now)
    return None if row is None else Departure(**dict(row))


LIST: Final = f"""
    -- departures_store.list_any_tenant
    SELECT {_COLUMNS} FROM departures
     WHERE $1::timestamptz IS NULL OR (asked_at, tenant_id) < ($1, $2::text)
     ORDER BY asked_at DESC, tenant_id DESC LIMIT $3
"""  # noqa: S608 - only our own constant is put in


async def list_any_tenant(
    conn: Connection, *, before: tuple[datetime, str] | None, limit: int
) -> Sequence[Departure]:
    """Every leaving, the newest first, beyond a place."""
    at, tenant = before or (None, "")
    return [Departure(**dict(row)) for row in await conn.fetch(LIST, at, tenant, limit)]


WAITING: Final = """
    -- departures_store.waiting_any_tenant
    SELECT tenant_id FROM departures
     WHERE state IN ('waiting', 'deleting') AND turn_at <= now() AND delete_at <= now()
     ORDER BY turn_at LIMIT $1
"""


async def waiting_any_tenant(conn: Connection, *, limit: int) -> list[TenantId]:
    """Tenants whose time has come, the one first whose last turn is longest ago."""
    return [TenantId(row["tenant_id"]) for row in await conn.fetch(WAITING, limit)]


TAKE: Final = f"""
    -- departures_store.take
    SELECT {_COLUMNS} FROM departures
     WHERE tenant_id = $1 AND state IN ('waiting', 'deleting') AND delete_at <= now()
       FOR UPDATE SKIP LOCKED
"""  # noqa: S608 - only our own constant is put in


async def take(conn: Connection, tenant: TenantId) -> Departure | None:
    """One whose time has come, held until the transaction ends; None where another has it."""
    row = await conn.fetchrow(TAKE, tenant)
    return None if row is None else Departure(**dict(row))


SAVE: Final = """
    -- departures_store.save
    UPDATE departures
       SET state = $2, gone = $3, people = $4, ended_at = $5, turn_at = now(), failures = 0
     WHERE tenant_id = $1
"""


async def save(conn: Connection, departure: Departure) -> None:
    """Write down how far it is, in the transaction that went so far."""
    await conn.execute(
        SAVE,
        departure.tenant_id,
        departure.state,
        dict(departure.gone),
        departure.people,
        departure.ended_at,
    )


PUT_OFF: Final = """
    -- departures_store.put_off
    UPDATE departures SET failures = failures + 1, turn_at = $2 WHERE tenant_id = $1
"""


async def put_off(conn: Connection, tenant: TenantId, again_at: datetime) -> None:
    """A step failed: the next turn comes later."""
    await conn.execute(PUT_OFF, tenant, again_at)


OPEN_NOTAS: Final = """
    -- departures_store.open_notas
    SELECT count(*) FROM notas
     WHERE tenant_id = $1 AND status IN ('sending', 'uncertain', 'pending', 'cancelling')
"""
FORGET_VINDI: Final = """
    -- departures_store.forget_keys
    DELETE FROM vindi_connections WHERE tenant_id = $1
"""
FORGET_ISSUER: Final = """
    -- departures_store.forget_keys
    DELETE FROM issuer_connections WHERE tenant_id = $1
"""
# Notas stay with the connection they were born under; connecting its company again renews the key.
LEFT_ONES: Final = """
    -- departures_store.forget_keys left
    SELECT connection_id FROM nota_connections WHERE tenant_id = $1 FOR UPDATE
"""
FORGET_LEFT: Final = """
    -- departures_store.forget_keys
    UPDATE nota_connections k
       SET api_key = w.nothing, key_hint = '', key_word = 'gone-' || k.connection_id::text,
           state = 'issuer_key_refused', state_since = $4
      FROM unnest($2::integer[], $3::bytea[]) AS w (connection_id, nothing)
     WHERE k.tenant_id = $1 AND k.connection_id = w.connection_id
"""


async def open_notas(conn: Connection, tenant: TenantId) -> int:
    """How many notas are under way at the issuer."""
    return int(await conn.fetchval(OPEN_NOTAS, tenant))


async def forget_keys(conn: Connection, sealer: Sealer, tenant: TenantId, now: datetime) -> None:
    """Forget every key of a tenant's accounts, in the caller's transaction.

    An empty one takes the place of those that notas were born under.
    """
    await conn.execute(FORGET_VINDI, tenant)
    await conn.execute(FORGET_ISSUER, tenant)
    left: list[int] = [row["connection_id"] for row in await conn.fetch(LEFT_ONES, tenant)]
    nothing = [columns.NOTA_CONNECTION_KEY.seal(sealer, tenant, b"", one) for one in left]
    await conn.execute(FORGET_LEFT, tenant, left, nothing, now)


FIRST_MOMENT: Final = """
    -- departures_store.first_moment
    SELECT moment_at FROM sales WHERE tenant_id = $1 AND moment_at IS NOT NULL
     ORDER BY moment_at LIMIT 1
"""


async def first_moment(conn: Connection, tenant: TenantId) -> datetime | None:
    """When a tenant's oldest sale was; None without any."""
    found: datetime | None = await conn.fetchval(FIRST_MOMENT, tenant)
    return found

"""Files of months that are made behind: one of a kind for each month, shared through leases."""

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal, get_args

import asyncpg
from msgspec import Struct

from shared.db import clock
from shared.db.connection import Connection, Pool
from shared.domain.closing import Month
from shared.domain.ids import TenantId
from shared.domain.privacy import terms

MonthFileKind = Literal["csv-excel", "csv-excel-notas", "xlsx"]
MonthFileState = Literal["queued", "working", "ready", "failed"]
KINDS: Final[tuple[MonthFileKind, ...]] = get_args(MonthFileKind)
KEEP: Final = terms.MONTH_FILES


class MonthFile(Struct, frozen=True, kw_only=True):
    """A file and how far it is; `rows_total` is None until the month was added up."""

    tenant_id: TenantId
    month: Month
    kind: MonthFileKind
    state: MonthFileState
    asked_by: str
    asked_at: datetime
    attempt: int
    failures: int
    rows_done: int
    rows_total: int | None
    bytes: int | None
    ready_at: datetime | None


_COLUMNS: Final = (
    "tenant_id, month, kind, state, asked_by, asked_at, attempt, failures, rows_done, rows_total,"
    " bytes, ready_at"
)
# One that is being made stays; one that has ended gives way, and its pieces are forgotten below.
ASK: Final = """
    -- month_files_store.ask
    INSERT INTO month_files AS f (tenant_id, month, kind, asked_by, asked_at)
    VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (tenant_id, month, kind) DO UPDATE
       SET state = 'queued', asked_by = excluded.asked_by, asked_at = excluded.asked_at,
           attempt = f.attempt + 1, failures = 0, lease_until = NULL, rows_done = 0,
           rows_total = NULL, bytes = NULL, ready_at = NULL
     WHERE f.state IN ('ready', 'failed')
 RETURNING true
"""


async def ask(
    conn: Connection, tenant: TenantId, month: Month, kind: MonthFileKind, *, by: str
) -> bool:
    """Ask for a file; False when it is being made already, which is then the one."""
    now = await clock.now(conn)
    return bool(await conn.fetchval(ASK, tenant, month.first_day, kind, by, now))


GET: Final = f"""
    -- month_files_store.get
    SELECT {_COLUMNS} FROM month_files WHERE tenant_id = $1 AND month = $2 AND kind = $3
"""  # noqa: S608 - only our own constant is put in


async def get(
    conn: Connection, tenant: TenantId, month: Month, kind: MonthFileKind
) -> MonthFile | None:
    """A file; None when nobody asked for it, or it is forgotten."""
    row = await conn.fetchrow(GET, tenant, month.first_day, kind)
    return None if row is None else _file(row)


OPEN: Final = """
    -- month_files_store.open_any_tenant
    SELECT tenant_id, month, kind FROM month_files
     WHERE state IN ('queued', 'working') AND coalesce(lease_until, '-infinity') <= now()
     ORDER BY asked_at LIMIT $1
"""


async def open_any_tenant(
    conn: Connection, *, limit: int
) -> list[tuple[TenantId, Month, MonthFileKind]]:
    """Files that nobody is making now, the longest waiting first."""
    rows = await conn.fetch(OPEN, limit)
    return [(TenantId(row["tenant_id"]), _month(row["month"]), row["kind"]) for row in rows]


CLAIM: Final = f"""
    -- month_files_store.claim
    UPDATE month_files
       SET state = 'working', attempt = attempt + 1, rows_done = 0, rows_total = NULL,
           lease_until = $5::timestamptz + $4::interval
     WHERE tenant_id = $1 AND month = $2 AND kind = $3 AND state IN ('queued', 'working')
       AND coalesce(lease_until, '-infinity') <= $5
 RETURNING {_COLUMNS}
"""  # noqa: S608 - only our own constant is put in


async def claim(
    conn: Connection, tenant: TenantId, month: Month, kind: MonthFileKind, *, lease: timedelta
) -> MonthFile | None:
    """Lease a file to be made from its beginning; None when somebody else has it."""
    now = await clock.now(conn)
    row = await conn.fetchrow(CLAIM, tenant, month.first_day, kind, lease, now)
    return None if row is None else _file(row)


TELL: Final = """
    -- month_files_store.tell
    UPDATE month_files
       SET rows_done = $5, rows_total = coalesce($6, rows_total),
           lease_until = $8::timestamptz + $7::interval
     WHERE tenant_id = $1 AND month = $2 AND kind = $3 AND attempt = $4 AND state = 'working'
       AND asked_at = $9
 RETURNING true
"""


async def tell(
    conn: Connection, file: MonthFile, *, done: int, total: int | None, lease: timedelta
) -> bool:
    """Say how far it is, and keep the lease; False when it was lost."""
    now = await clock.now(conn)
    return bool(await conn.fetchval(TELL, *_key(file), done, total, lease, now, file.asked_at))


PUT: Final = """
    -- month_files_store.put_piece
    INSERT INTO month_file_pieces (tenant_id, month, kind, attempt, place, piece)
    SELECT f.tenant_id, f.month, f.kind, f.attempt, $5::integer, $6::bytea FROM month_files f
     WHERE f.tenant_id = $1 AND f.month = $2 AND f.kind = $3 AND f.attempt = $4
       AND f.asked_at = $7 AND f.state = 'working'
 RETURNING true
"""


async def put_piece(conn: Connection, file: MonthFile, place: int, piece: bytes) -> bool:
    """Keep a piece of this attempt; False when the lease was lost.

    A file that was forgotten, for somebody in it was erased, and asked for anew counts its
    attempts from the beginning: it is told by when it was asked for.
    """
    return bool(await conn.fetchval(PUT, *_key(file), place, piece, file.asked_at))


FINISH: Final = """
    -- month_files_store.finish
    UPDATE month_files
       SET state = 'ready', bytes = $5, rows_done = $6, rows_total = $6,
           ready_at = $7, lease_until = NULL
     WHERE tenant_id = $1 AND month = $2 AND kind = $3 AND attempt = $4 AND state = 'working'
       AND asked_at = $8
 RETURNING true
"""
DROP_OTHERS: Final = """
    -- month_files_store.finish others
    DELETE FROM month_file_pieces
     WHERE tenant_id = $1 AND month = $2 AND kind = $3 AND attempt <> $4
"""


async def finish(conn: Connection, file: MonthFile, *, size: int, rows: int) -> bool:
    """The file is whole; pieces of earlier attempts go. False when the lease was lost."""
    now = await clock.now(conn)
    done = await conn.fetchval(FINISH, *_key(file), size, rows, now, file.asked_at)
    if done:
        await conn.execute(DROP_OTHERS, *_key(file))
    return bool(done)


FAIL: Final = """
    -- month_files_store.fail
    UPDATE month_files
       SET state = CASE WHEN failures + 1 >= $5 THEN 'failed' ELSE 'queued' END,
           failures = failures + 1, lease_until = now() + $6::interval
     WHERE tenant_id = $1 AND month = $2 AND kind = $3 AND attempt = $4 AND state = 'working'
       AND asked_at = $7
"""


async def fail(conn: Connection, file: MonthFile, *, most: int, again_in: timedelta) -> None:
    """It could not be made: again a little later, or given up after so many times."""
    await conn.execute(FAIL, *_key(file), most, again_in, file.asked_at)


PIECE: Final = """
    -- month_files_store.piece
    SELECT piece FROM month_file_pieces
     WHERE tenant_id = $1 AND month = $2 AND kind = $3 AND attempt = $4 AND place = $5
"""


async def pieces(pool: Pool, file: MonthFile) -> AsyncIterator[bytes]:
    """The file as it was made, holding no connection between pieces."""
    place = 0
    while True:
        async with pool.acquire() as conn:
            piece: bytes | None = await conn.fetchval(PIECE, *_key(file), place)
        if piece is None:
            return
        yield piece
        place += 1


FORGET: Final = """
    -- month_files_store.forget_old_any_tenant
    DELETE FROM month_files
     WHERE state IN ('ready', 'failed') AND asked_at < now() - $1::interval
"""


async def forget_old_any_tenant(conn: Connection) -> int:
    """Forget files that nobody fetches any more; returns how many."""
    return int((await conn.execute(FORGET, KEEP)).rpartition(" ")[2])


def _key(file: MonthFile) -> tuple[TenantId, date, MonthFileKind, int]:
    return file.tenant_id, file.month.first_day, file.kind, file.attempt


def _file(row: asyncpg.Record) -> MonthFile:
    fields: dict[str, Any] = dict(row)
    tenant = TenantId(fields.pop("tenant_id"))
    return MonthFile(tenant_id=tenant, month=_month(fields.pop("month")), **fields)


def _month(first: date) -> Month:
    return Month(year=first.year, month=first.month)

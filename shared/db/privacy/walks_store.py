"""How far the sales and bills whose time is up were walked through, at each tenant.

A walk goes by key from the oldest to a border, keeps its place, and rests once it is through. It
begins anew when the border moves, at each new year, and some days after its end, for what was not
over yet and for what was read from Vindi since.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final, Literal

from msgspec import Struct

from shared.db.connection import Connection
from shared.domain.ids import BillId, TenantId

START: Final = datetime(1, 1, 2, tzinfo=UTC)  # before all that can be stored
WalkedRows = Literal["sales", "bills"]


class Walk(Struct, frozen=True, kw_only=True):
    """How far it is: behind a bill's instant and number. `since` is when the one before began."""

    before: datetime
    after_at: datetime
    after_bill: int
    since: datetime
    began_at: datetime
    ended_at: datetime | None


class WalkPage(Struct, frozen=True, kw_only=True):
    """What of some rows has to be looked at, and the last of them, None behind the end."""

    bills: Sequence[BillId]
    last: tuple[datetime, int] | None


# A sale's day is that of its moment; one that never had any is found by its bill's, as is a bill
# without a sale.
DUE: Final[dict[WalkedRows, str]] = {
    "sales": """
    -- walks_store.due_any_tenant
    SELECT t.tenant_id FROM tenants t
      CROSS JOIN LATERAL (
           SELECT s.moment_at FROM sales s
            WHERE s.tenant_id = t.tenant_id AND s.moment_at < $1 LIMIT 1) old
      LEFT JOIN retention_walks w ON w.tenant_id = t.tenant_id AND w.what = 'sales'
     WHERE t.tenant_id > $3
       AND (w.tenant_id IS NULL OR w.before < $1 OR w.ended_at IS NULL OR w.ended_at < $2)
     ORDER BY t.tenant_id LIMIT $4
""",
    "bills": """
    -- walks_store.due_any_tenant
    SELECT t.tenant_id FROM tenants t
      CROSS JOIN LATERAL (
           SELECT b.created_at FROM bills b
            WHERE b.tenant_id = t.tenant_id AND b.created_at < $1 LIMIT 1) old
      LEFT JOIN retention_walks w ON w.tenant_id = t.tenant_id AND w.what = 'bills'
     WHERE t.tenant_id > $3
       AND (w.tenant_id IS NULL OR w.before < $1 OR w.ended_at IS NULL OR w.ended_at < $2)
     ORDER BY t.tenant_id LIMIT $4
""",
}


async def due_any_tenant(
    conn: Connection,
    what: WalkedRows,
    *,
    before: datetime,
    rested: datetime,
    after: str,
    limit: int,
) -> list[TenantId]:
    """Tenants with rows of before an instant that were not walked through since `rested`."""
    rows = await conn.fetch(DUE[what], before, rested, after, limit)
    return [TenantId(row["tenant_id"]) for row in rows]


BEGIN: Final = """
    -- walks_store.begin
    INSERT INTO retention_walks (tenant_id, what, before, began_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (tenant_id, what) DO NOTHING
"""
TAKE: Final = """
    -- walks_store.take
    SELECT before, after_at, after_bill, since, began_at, ended_at FROM retention_walks
     WHERE tenant_id = $1 AND what = $2 FOR UPDATE SKIP LOCKED
"""


async def take(
    conn: Connection, tenant: TenantId, what: WalkedRows, *, before: datetime, now: datetime
) -> Walk | None:
    """A tenant's walk, held until the transaction ends; None where another process has it."""
    await conn.execute(BEGIN, tenant, what, before, now)
    row = await conn.fetchrow(TAKE, tenant, what)
    return None if row is None else Walk(**dict(row))


SAVE: Final = """
    -- walks_store.save
    UPDATE retention_walks
       SET before = $3, after_at = $4, after_bill = $5, since = $6, began_at = $7, ended_at = $8
     WHERE tenant_id = $1 AND what = $2
"""


async def save(conn: Connection, tenant: TenantId, what: WalkedRows, walk: Walk) -> None:
    """Write down how far it is, in the transaction that went so far."""
    await conn.execute(
        SAVE,
        tenant,
        what,
        walk.before,
        walk.after_at,
        walk.after_bill,
        walk.since,
        walk.began_at,
        walk.ended_at,
    )


# A sale with a name is not bare yet, and one whose bill was read since has it again. What has a
# nota of a day that is kept waits for the year in which that is over.
PAGE: Final[dict[WalkedRows, str]] = {
    "sales": """
    -- walks_store.page
    SELECT s.moment_at AS at, s.bill_id,
           (s.customer_name <> '' OR s.customer IS NOT NULL OR coalesce(b.read_at >= $5, false))
           AND NOT EXISTS (SELECT FROM notas n WHERE n.tenant_id = $1 AND n.bill_id = s.bill_id
                              AND n.competencia >= $6) AS is_over
      FROM sales s
      LEFT JOIN bills b ON b.tenant_id = $1 AND b.bill_id = s.bill_id
     WHERE s.tenant_id = $1 AND s.moment_at < $4 AND (s.moment_at, s.bill_id) > ($2, $3)
     ORDER BY s.moment_at, s.bill_id LIMIT $7
""",
    "bills": """
    -- walks_store.page
    SELECT b.created_at AS at, b.bill_id,
           b.read_at >= $5 AND s.moment_at IS NULL
           AND NOT EXISTS (SELECT FROM notas n WHERE n.tenant_id = $1 AND n.bill_id = b.bill_id
                              AND n.competencia >= $6) AS is_over
      FROM bills b
      LEFT JOIN sales s ON s.tenant_id = $1 AND s.bill_id = b.bill_id
     WHERE b.tenant_id = $1 AND b.created_at < $4 AND (b.created_at, b.bill_id) > ($2, $3)
     ORDER BY b.created_at, b.bill_id LIMIT $7
""",
}


async def page(
    conn: Connection,
    tenant: TenantId,
    what: WalkedRows,
    walk: Walk,
    first_kept: date,
    *,
    rows: int,
    limit: int,
) -> WalkPage:
    """The next rows of a walk, `rows` of them, up to the one that makes `limit` to look at."""
    found = await conn.fetch(
        PAGE[what],
        tenant,
        walk.after_at,
        walk.after_bill,
        walk.before,
        walk.since,
        first_kept,
        rows,
    )
    over = [row for row in found if row["is_over"]]
    taken = [BillId(row["bill_id"]) for row in over[:limit]]
    if len(over) > limit:
        last = over[limit - 1]
    elif len(found) == rows:
        last = found[-1]
    else:
        return WalkPage(bills=taken, last=None)
    return WalkPage(bills=taken, last=(last["at"], last["bill_id"]))

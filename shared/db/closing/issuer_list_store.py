"""The issuer's own list of the real environment: which days are known as of when, and its notas.

There is one for each company that real notas were born at. Companies are in small letters here.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

from msgspec import Struct

from shared.db.connection import Connection
from shared.db.rows import rows_json
from shared.db.tenants.nota_connections_store import BORN_UNDER
from shared.domain.ids import BillId, ExternalId, IssuerNotaId, TenantId
from shared.domain.money import Cents
from shared.domain.nota import NotaStatus

REAL: Final = "Producao"


class ListedNota(Struct, frozen=True, kw_only=True):
    """One row of the list; `bill_id` where its id is one of ours, `differs` in what from ours."""

    issuer_id: str
    external_id: ExternalId | None
    bill_id: BillId | None
    valid: bool
    raw_status: str
    amount: Cents | None
    competencia: date | None
    number: str | None
    created_on: date
    changed_at: datetime | None
    differs: str | None


# A reading that began earlier and comes later, since its process was stopped, changes nothing.
STORE: Final = """
    -- issuer_list_store.store
    INSERT INTO issuer_notas AS i (
        tenant_id, company_id, issuer_id, external_id, bill_id, valid, raw_status, amount,
        competencia, number, created_on, changed_at, differs, read_at)
    SELECT $1, $2, r.*, $4
      FROM json_to_recordset($3::text::json)
           AS r (issuer_id text, external_id text, bill_id bigint, valid boolean, raw_status text,
                 amount bigint, competencia date, number text, created_on date,
                 changed_at timestamptz, differs text)
        ON CONFLICT (tenant_id, issuer_id) DO UPDATE
       SET company_id = excluded.company_id, external_id = excluded.external_id,
           bill_id = excluded.bill_id, valid = excluded.valid, raw_status = excluded.raw_status,
           amount = excluded.amount, competencia = excluded.competencia,
           number = excluded.number, created_on = excluded.created_on,
           changed_at = excluded.changed_at, differs = excluded.differs,
           read_at = excluded.read_at
     WHERE i.read_at <= excluded.read_at
"""


async def store(
    conn: Connection, tenant: TenantId, company: str, rows: Sequence[ListedNota], at: datetime
) -> None:
    """Write notas down as a reading that began at `at` lists them; none twice in one call."""
    if rows:
        await conn.execute(STORE, tenant, company, rows_json(rows), at)


class OurNota(Struct, frozen=True, kw_only=True):
    """A nota of ours, to be held against the list."""

    external_id: ExternalId
    bill_id: BillId
    issuer_id: IssuerNotaId | None
    status: NotaStatus
    raw_status: str | None
    changed_at: datetime | None
    sent_again_at: datetime | None
    then_cancel: str | None
    total: Cents  # as its issuer lists it: with the discounts shown on it
    competencia: date
    part: int
    revision: int
    request: bytes  # sealed (`columns.REQUEST`)
    superseded: bool  # a later revision of it stands or is wanted


OURS: Final = """
    -- issuer_list_store.ours
    SELECT external_id, bill_id, issuer_id, status, raw_status, changed_at,
           CASE WHEN sends > 1 THEN sent_at END AS sent_again_at, then_cancel,
           coalesce(total, amount) AS total, competencia, part, revision, request, EXISTS (
               SELECT FROM notas m
                WHERE m.tenant_id = $1 AND m.bill_id = n.bill_id AND m.part = n.part
                  AND m.revision > n.revision AND m.status <> 'cancelled') AS superseded
      FROM notas n
     WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND external_id = ANY($3::text[])
"""


async def ours(
    conn: Connection, tenant: TenantId, bills: Sequence[BillId], ids: Sequence[ExternalId]
) -> dict[ExternalId, OurNota]:
    """Our notas by their ids; those we do not know are absent."""
    rows = await conn.fetch(OURS, tenant, bills, ids)
    return {
        row["external_id"]: OurNota(**{**dict(row), "status": NotaStatus(row["status"])})
        for row in rows
    }


DIFFERED: Final = """
    -- issuer_list_store.differed
    SELECT issuer_id, differs FROM issuer_notas
     WHERE tenant_id = $1 AND issuer_id = ANY($2::text[]) AND differs IS NOT NULL
"""


async def differed(conn: Connection, tenant: TenantId, ids: Sequence[str]) -> dict[str, str]:
    """In what these notas differed from ours when they were listed before."""
    rows = await conn.fetch(DIFFERED, tenant, ids)
    return {row["issuer_id"]: row["differs"] for row in rows}


WANT: Final = """
    -- issuer_list_store.want
    INSERT INTO issuer_days AS d (tenant_id, company_id, day, wanted_at, urgent)
    SELECT $1, $2, day, $4, $5 FROM unnest($3::date[]) AS day
        ON CONFLICT (tenant_id, company_id, day) DO UPDATE
       SET wanted_at = excluded.wanted_at, urgent = d.urgent OR excluded.urgent
"""


async def want(
    conn: Connection,
    tenant: TenantId,
    company: str,
    days: Sequence[date],
    at: datetime,
    *,
    urgent: bool,
) -> None:
    """Have days read again by a reading that begins after `at`."""
    await conn.execute(WANT, tenant, company, days, at, urgent)


# A month that is locked was handed in; before our first nota there is nothing of ours to compare,
# and what others issued before activation is none of our business.
OPEN_SINCE: Final = """
    -- issuer_list_store.open_since
    SELECT least(min(n.created_at), t.active_from) AS since
      FROM tenants t
      LEFT JOIN notas n ON n.tenant_id = t.tenant_id AND n.environment = 'Producao'
       AND NOT EXISTS (
           SELECT FROM closing_locks k
            WHERE k.tenant_id = $1
              AND k.month = date_trunc('month', n.competencia::timestamp)::date)
     WHERE t.tenant_id = $1
     GROUP BY t.active_from
"""
PLANS: Final = """
    -- issuer_list_store.to_plan_any_tenant
    SELECT i.tenant_id, lower(i.company_id) AS company_id
      FROM issuer_connections i JOIN tenants t ON t.tenant_id = i.tenant_id
      LEFT JOIN issuer_lists l ON l.tenant_id = i.tenant_id
     WHERE t.status = 'active' AND i.state = 'ok' AND i.environment = 'Producao'
       AND (l.planned_at IS NULL OR l.planned_at <= $1)
     ORDER BY l.planned_at NULLS FIRST LIMIT $2
"""
# Where notas are born no more there is nothing to be found but those of ours, around their days.
WANT_LEFT: Final = f"""
    -- issuer_list_store.want_left
    INSERT INTO issuer_days AS d (tenant_id, company_id, day, wanted_at, urgent)
    SELECT DISTINCT $1, lower(k.company_id), (n.created_at AT TIME ZONE 'UTC')::date + beside,
           $3::timestamptz, false
      FROM notas n
      JOIN nota_connections k ON k.tenant_id = $1 AND k.connection_id = {BORN_UNDER}
     CROSS JOIN (VALUES (-1), (0), (1)) AS around (beside)
     WHERE n.tenant_id = $1 AND n.environment = 'Producao' AND lower(k.company_id) <> $2
       AND (n.created_at AT TIME ZONE 'UTC')::date + beside <= $4::date
       AND NOT EXISTS (
           SELECT FROM closing_locks l
            WHERE l.tenant_id = $1
              AND l.month = date_trunc('month', n.competencia::timestamp)::date)
        ON CONFLICT (tenant_id, company_id, day) DO UPDATE SET wanted_at = excluded.wanted_at
"""  # noqa: S608 - only our own constant is put in
PLANNED: Final = """
    -- issuer_list_store.planned
    INSERT INTO issuer_lists AS l (tenant_id, planned_at) VALUES ($1, $2)
        ON CONFLICT (tenant_id) DO UPDATE SET planned_at = excluded.planned_at
"""


async def to_plan_any_tenant(
    conn: Connection, before: datetime, *, limit: int
) -> list[tuple[TenantId, str]]:
    """Tenants whose open months were not planned to be read since `before`, and their companies."""
    rows = await conn.fetch(PLANS, before, limit)
    return [(row["tenant_id"], row["company_id"]) for row in rows]


async def plan(conn: Connection, tenant: TenantId, company: str, now: datetime) -> None:
    """Want every day of a tenant's open months, also at companies that were left."""
    since = await conn.fetchval(OPEN_SINCE, tenant)
    today = now.date()
    first = min(since.date() if since else today, today)
    days = [first + timedelta(days=n) for n in range((today - first).days + 1)]
    await want(conn, tenant, company, days, now, urgent=False)
    await conn.execute(WANT_LEFT, tenant, company, now, today)
    await conn.execute(PLANNED, tenant, now)


DUE: Final = """
    -- issuer_list_store.due_any_tenant
    SELECT d.tenant_id
      FROM issuer_days d
      LEFT JOIN issuer_lists l ON l.tenant_id = d.tenant_id
     WHERE d.wanted_at <= $1
       AND EXISTS (
           SELECT FROM nota_connections k
             LEFT JOIN issuer_connections i
               ON i.tenant_id = k.tenant_id AND lower(i.company_id) = lower(k.company_id)
            WHERE k.tenant_id = d.tenant_id AND lower(k.company_id) = d.company_id
              AND k.environment = 'Producao' AND coalesce(i.state, k.state) = 'ok')
       AND (l.lease_until IS NULL OR l.lease_until <= $1)
       AND (l.not_before IS NULL OR l.not_before <= $1)
     GROUP BY d.tenant_id
     ORDER BY bool_or(d.urgent) DESC, min(d.wanted_at) LIMIT $2
"""


async def due_any_tenant(conn: Connection, now: datetime, *, limit: int) -> list[TenantId]:
    """Tenants with days to read: first those a person waits for, then the longest waiting."""
    return [row["tenant_id"] for row in await conn.fetch(DUE, now, limit)]


CLAIM: Final = """
    -- issuer_list_store.claim
    INSERT INTO issuer_lists AS l (tenant_id, lease_until, attempt) VALUES ($1, $3, 1)
        ON CONFLICT (tenant_id) DO UPDATE
       SET lease_until = excluded.lease_until, attempt = l.attempt + 1
     WHERE l.lease_until IS NULL OR l.lease_until <= $2
 RETURNING attempt
"""
RENEW: Final = """
    -- issuer_list_store.renew
    UPDATE issuer_lists SET lease_until = $3 WHERE tenant_id = $1 AND attempt = $2
 RETURNING attempt
"""
RELEASE: Final = """
    -- issuer_list_store.release
    UPDATE issuer_lists SET lease_until = NULL, not_before = $3
     WHERE tenant_id = $1 AND attempt = $2
"""


async def claim(
    conn: Connection, tenant: TenantId, now: datetime, *, lease: timedelta
) -> int | None:
    """Be the one reader of a tenant's list; None while another is."""
    attempt: int | None = await conn.fetchval(CLAIM, tenant, now, now + lease)
    return attempt


async def renew(conn: Connection, tenant: TenantId, attempt: int, until: datetime) -> bool:
    """Read on; False when another reader took over."""
    return await conn.fetchval(RENEW, tenant, attempt, until) is not None


async def release(
    conn: Connection, tenant: TenantId, attempt: int, *, not_before: datetime | None = None
) -> None:
    """Let others read; nobody before `not_before`."""
    await conn.execute(RELEASE, tenant, attempt, not_before)


WANTED: Final = """
    -- issuer_list_store.wanted
    SELECT day FROM issuer_days
     WHERE tenant_id = $1 AND company_id = $2 AND wanted_at <= now()
     ORDER BY urgent DESC, day LIMIT 400
"""


async def wanted(conn: Connection, tenant: TenantId, company: str) -> list[date]:
    """Days to read by now, first those a person waits for."""
    return [row["day"] for row in await conn.fetch(WANTED, tenant, company)]


GONE: Final = """
    -- issuer_list_store.gone
    UPDATE issuer_notas SET valid = false, raw_status = 'gone', read_at = $4
     WHERE tenant_id = $1 AND company_id = $2 AND created_on = ANY($3::date[]) AND read_at < $4
       AND valid
"""
DONE: Final = """
    -- issuer_list_store.done
    UPDATE issuer_days
       SET read_at = $4, urgent = urgent AND wanted_at > $4,
           wanted_at = CASE WHEN wanted_at > $4 THEN wanted_at END
     WHERE tenant_id = $1 AND company_id = $2 AND day = ANY($3::date[])
       AND (read_at IS NULL OR read_at <= $4)
"""


async def done(
    conn: Connection, tenant: TenantId, company: str, days: Sequence[date], at: datetime
) -> None:
    """These days were read whole by a reading that began at `at`; what it did not list is gone.

    A reading that began later stands.
    """
    await conn.execute(GONE, tenant, company, days, at)
    await conn.execute(DONE, tenant, company, days, at)


MISSING: Final = f"""
    -- issuer_list_store.missing
    SELECT DISTINCT n.bill_id
      FROM notas n
      JOIN nota_connections k
        ON k.tenant_id = $1 AND k.connection_id = {BORN_UNDER} AND lower(k.company_id) = $5
     WHERE n.tenant_id = $1 AND n.environment = 'Producao'
       AND n.status IN ('issued', 'cancelling', 'cancel_refused')
       AND n.raw_status IS DISTINCT FROM 'stated_by_person'
       AND n.created_at >= $2 AND n.created_at < $3 AND coalesce(n.issued_at, n.sent_at) < $4
       AND NOT EXISTS (
           SELECT FROM issuer_notas i
            WHERE i.tenant_id = $1 AND i.bill_id = n.bill_id AND i.external_id = n.external_id
              AND i.valid)
"""  # noqa: S608 - only our own constant is put in


async def missing(
    conn: Connection, tenant: TenantId, company: str, since: datetime, end: datetime, at: datetime
) -> list[BillId]:
    """Sales whose valid nota of that time a company's reading begun at `at` did not list."""
    rows = await conn.fetch(MISSING, tenant, since, end, at, company)
    return [BillId(row["bill_id"]) for row in rows]

"""Which companies' lists are to be read for a restore, before anything more is issued there."""

from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from shared.db import clock
from shared.db.connection import Connection
from shared.db.restores import restores_store
from shared.db.restores.restores_store import Restore
from shared.domain.ids import TenantId

LATELY: Final = timedelta(days=60)  # a company that is connected so long after is read as well

WANT: Final = """
    -- restore_checks_store.want
    INSERT INTO restore_checks (tenant_id, restore_id, company_id, since_on, until_on, read_after)
    SELECT DISTINCT $1, $2::int, lower(k.company_id), $3::date, $4::date, $5::timestamptz
      FROM nota_connections k WHERE k.tenant_id = $1 AND k.environment = 'Producao'
        ON CONFLICT (tenant_id, restore_id, company_id) DO NOTHING
 RETURNING company_id
"""
WANT_DAYS: Final = """
    -- restore_checks_store.want days
    INSERT INTO issuer_days AS d (tenant_id, company_id, day, wanted_at, urgent)
    SELECT $1, company_id, day::date, $5::timestamptz, true
      FROM unnest($2::text[]) AS company_id
     CROSS JOIN generate_series($3::date, $4::date, '1 day') AS day
        ON CONFLICT (tenant_id, company_id, day) DO UPDATE
       SET wanted_at = excluded.wanted_at, urgent = true
"""


async def want(conn: Connection, tenant: TenantId) -> None:
    """A company that is connected again after a restore may have notas of what is missing.

    Lives in the transaction that connects it.
    """
    restore = await restores_store.newest(conn)
    now = await clock.now(conn)
    if restore is None or now - restore.noticed_at > LATELY:
        return
    days = restore.since.date(), restore.read_after.date()
    number, after = restore.restore_id, restore.read_after
    rows = await conn.fetch(WANT, tenant, number, *days, after)
    if rows:
        companies = [row["company_id"] for row in rows]
        await conn.execute(WANT_DAYS, tenant, companies, *days, max(after, now))


UNREAD: Final = """
    -- restore_checks_store.unread
    SELECT EXISTS (
        SELECT FROM restore_checks c
          JOIN issuer_connections i
            ON i.tenant_id = $1 AND lower(i.company_id) = c.company_id
           AND i.environment = 'Producao'
         WHERE c.tenant_id = $1 AND c.read_at IS NULL)
"""


async def unread(conn: Connection, tenant: TenantId) -> bool:
    """Whether the list of the company in use is still to be read for a restore."""
    found: bool = await conn.fetchval(UNREAD, tenant)
    return found


CHECKED_FOR: Final = """
    -- restore_checks_store.checked_for
    SELECT max(restore_id) FROM restore_checks
     WHERE tenant_id = $1 AND company_id = $2 AND read_at IS NULL
"""


async def checked_for(conn: Connection, tenant: TenantId, company: str) -> int | None:
    """The restore that a company's list is being read for; None where there is none."""
    found: int | None = await conn.fetchval(CHECKED_FOR, tenant, company)
    return found


READ: Final = """
    -- restore_checks_store.read
    UPDATE restore_checks c SET read_at = $3
     WHERE c.tenant_id = $1 AND c.company_id = $2 AND c.read_at IS NULL
       AND NOT EXISTS (
           SELECT FROM issuer_days d
            WHERE d.tenant_id = $1 AND d.company_id = $2
              AND d.day BETWEEN c.since_on AND c.until_on
              AND (d.read_at IS NULL OR d.read_at < c.read_after))
 RETURNING restore_id
"""
UNLISTED: Final = """
    -- restore_checks_store.unlisted
    UPDATE restore_checks SET read_at = $3
     WHERE tenant_id = $1 AND company_id = $2 AND read_at IS NULL
"""


async def read(conn: Connection, tenant: TenantId, company: str, at: datetime) -> list[int]:
    """Have a company go on, if every wanted day was read by now; the restores it is done for."""
    return [row["restore_id"] for row in await conn.fetch(READ, tenant, company, at)]


async def unlisted(conn: Connection, tenant: TenantId, company: str, at: datetime) -> None:
    """Have a company go on whose issuer has no list: each nota is looked up before it is sent."""
    await conn.execute(UNLISTED, tenant, company, at)


class RestoreProgress(Struct, frozen=True, kw_only=True):
    """How far a restore is made up for, over all tenants."""

    restore: Restore
    companies: int
    companies_read: int
    notas_found: int
    notas_known: int


PROGRESS_CHECKS: Final = """
    -- restore_checks_store.progress_any_tenant checks
    SELECT restore_id, count(*) AS companies, count(read_at) AS companies_read
      FROM restore_checks GROUP BY restore_id
"""
PROGRESS_FINDS: Final = """
    -- restore_checks_store.progress_any_tenant finds
    SELECT restore_id, count(*) AS notas_found, count(known_at) AS notas_known
      FROM restore_finds GROUP BY restore_id
"""
ALL: Final = """
    -- restore_checks_store.progress_any_tenant
    SELECT restore_id, why, since, noticed_at, read_after
      FROM restores ORDER BY restore_id DESC LIMIT $1
"""


async def progress_any_tenant(conn: Connection, *, limit: int) -> list[RestoreProgress]:
    """Restores, the newest first, with what was read and found for each."""
    checks = {row["restore_id"]: row for row in await conn.fetch(PROGRESS_CHECKS)}
    finds = {row["restore_id"]: row for row in await conn.fetch(PROGRESS_FINDS)}
    found = []
    for row in await conn.fetch(ALL, limit):
        restore = Restore(**dict(row))
        check, nota = checks.get(restore.restore_id), finds.get(restore.restore_id)
        found.append(
            RestoreProgress(
                restore=restore,
                companies=check["companies"] if check else 0,
                companies_read=check["companies_read"] if check else 0,
                notas_found=nota["notas_found"] if nota else 0,
                notas_known=nota["notas_known"] if nota else 0,
            )
        )
    return found

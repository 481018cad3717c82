"""Which companies' lists are to be read for a restore, before anything more is issued there."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from shared.db import clock
from shared.db.connection import Connection
from shared.db.restores import restores_store
from shared.db.restores.emitters_store import Sale
from shared.db.restores.restores_store import Restore
from shared.domain.ids import BillId, TenantId

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
    SELECT $1, company_id, $3::date + later, $5::timestamptz, true
      FROM unnest($2::text[]) AS company_id
     CROSS JOIN generate_series(0, $4::date - $3::date) AS later
        ON CONFLICT (tenant_id, company_id, day) DO UPDATE
       SET wanted_at = excluded.wanted_at, urgent = true,
           read_at = CASE WHEN d.read_at < excluded.wanted_at THEN d.read_at END
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
    SELECT c.opened_at IS NULL AS closed, c.waits_for
      FROM restore_checks c
      JOIN issuer_connections i
        ON i.tenant_id = $1 AND lower(i.company_id) = c.company_id
       AND i.environment = 'Producao'
     WHERE c.tenant_id = $1 AND c.read_at IS NULL
"""


class UnreadLists(Struct, frozen=True, kw_only=True):
    """What waits for the list of the company in use: everything, or some sales, or nothing."""

    everything: bool = False
    sales: frozenset[BillId] = frozenset()


async def unread(conn: Connection, tenant: TenantId) -> UnreadLists:
    """What is not issued before the list of the company in use was read for a restore."""
    rows = await conn.fetch(UNREAD, tenant)
    return UnreadLists(
        everything=any(row["closed"] for row in rows),
        sales=frozenset(BillId(bill) for row in rows for bill in row["waits_for"]),
    )


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


DUE: Final = """
    -- restore_checks_store.due_any_tenant
    SELECT c.tenant_id, c.company_id
      FROM restore_checks c
     WHERE c.read_at IS NULL
       AND EXISTS (
           SELECT FROM nota_connections k
             LEFT JOIN issuer_connections i
               ON i.tenant_id = k.tenant_id AND lower(i.company_id) = lower(k.company_id)
            WHERE k.tenant_id = c.tenant_id AND lower(k.company_id) = c.company_id
              AND k.environment = 'Producao' AND coalesce(i.state, k.state) = 'ok')
     GROUP BY c.tenant_id, c.company_id
    HAVING bool_and(c.opened_at IS NOT NULL OR least(c.read_after, c.open_after) <= $1)
       AND bool_or(c.read_after <= $1 OR c.opened_at IS NULL AND c.open_after <= $1)
       AND coalesce(max(c.lease_until) <= $1, true)
     ORDER BY min(c.read_after), c.tenant_id, c.company_id LIMIT $2
"""
CLAIM: Final = """
    -- restore_checks_store.claim
    UPDATE restore_checks SET lease_until = $4
     WHERE tenant_id = $1 AND company_id = $2 AND read_at IS NULL
       AND (lease_until IS NULL OR lease_until <= $3)
 RETURNING restore_id
"""
WINDOW: Final = """
    -- restore_checks_store.window
    SELECT min(r.since) FROM restores r WHERE r.restore_id = ANY($1::int[])
"""
HOLD: Final = """
    -- restore_checks_store.hold
    UPDATE restore_checks SET lease_until = $4
     WHERE tenant_id = $1 AND company_id = $2 AND restore_id = ANY($3::int[]) AND read_at IS NULL
"""
LISTED: Final = """
    -- restore_checks_store.listed
    UPDATE restore_checks
       SET opened_at = coalesce(opened_at, $4), lease_until = NULL,
           read_at = CASE WHEN read_after <= $4 OR waits_for = '{}' THEN $4 END
     WHERE tenant_id = $1 AND company_id = $2 AND restore_id = ANY($3::int[]) AND read_at IS NULL
       AND (read_after <= $4 OR open_after <= $4)
 RETURNING restore_id
"""


async def due_any_tenant(
    conn: Connection, now: datetime, *, limit: int
) -> list[tuple[TenantId, str]]:
    """Companies whose list may be read now for every restore it was not read for yet.

    What of an earlier one waits for its sales meanwhile keeps no later one from being read for.
    """
    rows = await conn.fetch(DUE, now, limit)
    return [(row["tenant_id"], row["company_id"]) for row in rows]


class WantedList(Struct, frozen=True, kw_only=True):
    """A company's list to be read: for which restores, and from when on something is missing."""

    restores: Sequence[int]
    since: datetime


async def claim(
    conn: Connection, tenant: TenantId, company: str, now: datetime, *, lease: timedelta
) -> WantedList | None:
    """Be the one reader of a company's list for its restores; None while another is."""
    rows = await conn.fetch(CLAIM, tenant, company, now, now + lease)
    restores = [row["restore_id"] for row in rows]
    since: datetime | None = await conn.fetchval(WINDOW, restores)
    return None if since is None else WantedList(restores=restores, since=since)


async def hold(
    conn: Connection, tenant: TenantId, company: str, claimed: WantedList, until: datetime
) -> None:
    """Keep it from other readers until then."""
    await conn.execute(HOLD, tenant, company, claimed.restores, until)


async def listed(
    conn: Connection, tenant: TenantId, company: str, claimed: WantedList, began: datetime
) -> list[int]:
    """Have a company go on whose list was read back to what is missing; which restores are done."""
    rows = await conn.fetch(LISTED, tenant, company, claimed.restores, began)
    return [row["restore_id"] for row in rows]


SETTLE: Final = """
    -- restore_checks_store.settle_any_tenant
    UPDATE restore_checks SET open_after = $2
     WHERE restore_id <= $1 AND read_at IS NULL AND open_after IS NULL
"""
WAIT_FOR: Final = """
    -- restore_checks_store.settle_any_tenant but for some sales
    UPDATE restore_checks SET open_after = $2, waits_for = $4
     WHERE tenant_id = $3 AND restore_id <= $1 AND read_at IS NULL AND open_after IS NULL
"""


async def settle_any_tenant(
    conn: Connection, restore: Restore, at: datetime, *, but: Iterable[Sale]
) -> None:
    """Nothing that left before is under way any more, but of these sales: read from `at` on.

    Said once for each list: whose answer comes later than the reading that it opens is waited for
    all the same, since the reading may not have seen it. Opens transactions of its own.
    """
    open_of: dict[TenantId, list[BillId]] = defaultdict(list)
    for tenant, bill in but:
        open_of[tenant].append(bill)
    async with conn.transaction():
        for tenant, bills in sorted(open_of.items()):
            await conn.execute(WAIT_FOR, restore.restore_id, at, tenant, sorted(bills))
        await conn.execute(SETTLE, restore.restore_id, at)


class RestoreProgress(Struct, frozen=True, kw_only=True):
    """How far a restore is made up for, over all tenants."""

    restore: Restore
    companies: int
    companies_read: int
    notas_found: int
    notas_known: int
    sales_waiting: int  # of which a request of before may still arrive


PROGRESS_CHECKS: Final = """
    -- restore_checks_store.progress_any_tenant checks
    SELECT restore_id, count(*) AS companies,
           count(coalesce(read_at, opened_at)) AS companies_read,
           coalesce(sum(cardinality(waits_for)) FILTER (WHERE read_at IS NULL), 0) AS sales_waiting
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
                sales_waiting=check["sales_waiting"] if check else 0,
            )
        )
    return found

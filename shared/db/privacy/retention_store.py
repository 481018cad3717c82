"""What time ends, for each table of the inventory that nothing else sweeps.

Each chore has two statements: which tenants have something that is over, and one batch of one of
them. A batch is short and safe to repeat; whoever is killed between two leaves nothing by halves.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from shared.db.connection import Connection
from shared.db.distribution import one_after_another
from shared.domain.ids import TenantId

# Tenants come in the order of their ids, a page behind the one before, so that each has its turn.
# Each is asked by an index that begins with it: what is younger is not read, however much it is.
# A text is of a nota's refusal, or of that to cancel it, which has no instant of its own: it came
# after we asked, or, where others did, with what the issuer changed last.
DUE: Final[dict[str, str]] = {
    "denied_texts": """
    -- retention_store.due_any_tenant
    SELECT t.tenant_id FROM tenants t
      CROSS JOIN LATERAL (
           SELECT n.bill_id FROM notas n
            WHERE n.tenant_id = t.tenant_id AND n.reason IS NOT NULL
              AND coalesce(n.denied_at, n.cancel_sent_at, n.changed_at, n.created_at) < $1
            LIMIT 1) old
     WHERE t.tenant_id > $2 ORDER BY t.tenant_id LIMIT $3
""",
    "unread_answers": """
    -- retention_store.due_any_tenant
    SELECT t.tenant_id FROM tenants t
      CROSS JOIN LATERAL (
           SELECT s.bill_id FROM sales s
            WHERE s.tenant_id = t.tenant_id AND s.unread IS NOT NULL AND s.updated_at < $1
            LIMIT 1) old
     WHERE t.tenant_id > $2 ORDER BY t.tenant_id LIMIT $3
""",
    "unknown_denials": """
    -- retention_store.due_any_tenant
    SELECT DISTINCT tenant_id FROM unknown_denials
     WHERE last_at < $1 AND tenant_id > $2 ORDER BY tenant_id LIMIT $3
""",
    "person_links": """
    -- retention_store.due_any_tenant
    SELECT DISTINCT tenant_id FROM person_links
     WHERE expires_at < $1 AND tenant_id > $2 ORDER BY tenant_id LIMIT $3
""",
}
SWEEP: Final[dict[str, str]] = {
    "denied_texts": """
    -- retention_store.sweep
    UPDATE notas n SET reason = NULL
      FROM (SELECT bill_id, part, revision FROM notas
             WHERE tenant_id = $1 AND reason IS NOT NULL
               AND coalesce(denied_at, cancel_sent_at, changed_at, created_at) < $2 LIMIT $3) old
     WHERE n.tenant_id = $1 AND n.bill_id = old.bill_id AND n.part = old.part
       AND n.revision = old.revision
""",
    "unread_answers": """
    -- retention_store.sweep
    UPDATE sales s SET unread = NULL
      FROM (SELECT bill_id FROM sales
             WHERE tenant_id = $1 AND unread IS NOT NULL AND updated_at < $2 LIMIT $3) old
     WHERE s.tenant_id = $1 AND s.bill_id = old.bill_id
""",
    "unknown_denials": """
    -- retention_store.sweep
    DELETE FROM unknown_denials WHERE tenant_id = $1 AND denial_group IN (
           SELECT denial_group FROM unknown_denials
            WHERE tenant_id = $1 AND last_at < $2 LIMIT $3)
""",
    "person_links": """
    -- retention_store.sweep
    DELETE FROM person_links WHERE tenant_id = $1 AND token_hash IN (
           SELECT token_hash FROM person_links
            WHERE tenant_id = $1 AND expires_at < $2 LIMIT $3)
""",
}


async def due_any_tenant(
    conn: Connection, chore: str, before: datetime, *, after: str, limit: int
) -> list[TenantId]:
    """Tenants at whom a chore has something to do, beyond one of them."""
    rows = await conn.fetch(DUE[chore], before, after, limit)
    return [TenantId(row["tenant_id"]) for row in rows]


async def sweep(
    conn: Connection, tenant: TenantId, chore: str, before: datetime, *, limit: int
) -> int:
    """A batch of a chore; how many rows it ended."""
    return int((await conn.execute(SWEEP[chore], tenant, before, limit)).rpartition(" ")[2])


AUDIT_DUE: Final = """
    -- retention_store.audit_due_any_tenant
    SELECT t.tenant_id FROM tenants t
      CROSS JOIN LATERAL (
           SELECT a.at FROM audit a WHERE a.tenant_id = t.tenant_id AND a.at < $1
            ORDER BY a.at LIMIT 1) old
     WHERE t.tenant_id > $2 ORDER BY t.tenant_id LIMIT $3
"""
FORGET_AUDIT: Final = """
    -- retention_store.forget_audit
    SELECT forget_old_audit($1, $2, $3)
"""


async def audit_due_any_tenant(
    conn: Connection, before: datetime, *, after: str, limit: int
) -> list[TenantId]:
    """Tenants whose audit has lines of before an instant, beyond one of them."""
    rows = await conn.fetch(AUDIT_DUE, before, after, limit)
    return [TenantId(row["tenant_id"]) for row in rows]


async def forget_audit(conn: Connection, tenant: TenantId, before: datetime, *, limit: int) -> int:
    """A batch of old lines of the audit, deleted as its owner, who adds a line of it; how many.

    Alone in its transaction: nodes of Citus refuse what two roles change of a tenant in one.
    """
    return int(await conn.fetchval(FORGET_AUDIT, tenant, before, limit))


# Whoever belongs to no company, was invited to none and was here lately by no session.
PEOPLE: Final = """
    -- retention_store.forget_people_any_tenant people
    DELETE FROM people p
     WHERE p.person_id = ANY($1::text[]) AND p.staff IS NULL
       AND p.created_at < $2 AND p.password_at < $2
"""
CANDIDATES: Final = """
    -- retention_store.forget_people_any_tenant candidates
    SELECT p.person_id FROM people p
     WHERE p.staff IS NULL AND p.created_at < $1 AND p.password_at < $1 AND p.person_id > $2
     ORDER BY p.person_id LIMIT $3 FOR UPDATE SKIP LOCKED
"""
MEMBERS: Final = """
    -- retention_store.members_any_tenant
    SELECT DISTINCT person_id FROM memberships WHERE person_id = ANY($1::text[])
"""
SIGNED_IN: Final = """
    -- retention_store.signed_in
    SELECT DISTINCT person_id FROM panel_sessions WHERE person_id = ANY($1::text[])
"""


async def forget_people_any_tenant(
    conn: Connection, before: datetime, *, after: str, limit: int
) -> tuple[int, str | None]:
    """A batch of people who belong nowhere any more; how many went, and where to go on.

    In the caller's transaction. Three statements, since one would join what nodes keep apart. Each
    is held first, so that nobody is added to a company meanwhile; who is just being added is left.
    """
    await one_after_another(conn)
    rows = await conn.fetch(CANDIDATES, before, after, limit)
    found: list[str] = [row["person_id"] for row in rows]
    members = {row["person_id"] for row in await conn.fetch(MEMBERS, found)}
    present = await signed_in(conn, found)
    alone = [one for one in found if one not in members | present]
    gone = 0
    if alone:
        gone = int((await conn.execute(PEOPLE, alone, before)).rpartition(" ")[2])
    return gone, found[-1] if len(found) == limit else None


async def signed_in(conn: Connection, people: Sequence[str]) -> set[str]:
    """Which of these people have a session."""
    return {row["person_id"] for row in await conn.fetch(SIGNED_IN, people)}

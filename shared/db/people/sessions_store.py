"""Who is signed in where: of each session the hash of its word."""

from datetime import datetime, timedelta
from typing import Final

import asyncpg
from msgspec import Struct

from shared.db.connection import Connection
from shared.db.tenants.tenants_store import Tenant
from shared.domain.ids import PersonId, TenantId
from shared.domain.people import Person, Role


class Session(Struct, frozen=True, kw_only=True):
    """Somebody signed in; with `wants_code` only half: the authenticator has not spoken yet."""

    person: Person
    created_at: datetime
    seen_at: datetime
    wants_code: bool
    now: datetime  # as it was found


class AtTenant(Struct, frozen=True, kw_only=True):
    """Somebody signed in, at a tenant that is there; without a role they may be a stranger."""

    session: Session
    tenant: Tenant
    role: Role | None


ADD: Final = """
    -- sessions_store.add
    INSERT INTO panel_sessions (token_hash, person_id, created_at, seen_at, expires_at, wants_code)
    VALUES ($1, $2, $3, $3, $4, $5)
"""


async def add(
    conn: Connection,
    token_hash: bytes,
    person: PersonId,
    *,
    now: datetime,
    expires_at: datetime,
    wants_code: bool,
) -> None:
    """Begin a session."""
    await conn.execute(ADD, token_hash, person, now, expires_at, wants_code)


FIND: Final = """
    -- sessions_store.find
    SELECT s.created_at, s.seen_at, s.wants_code, now() AS now, p.person_id, p.name, p.staff
      FROM panel_sessions s JOIN people p ON p.person_id = s.person_id
     WHERE s.token_hash = $1 AND s.expires_at > now() AND s.seen_at > now() - $2::interval
"""


async def find(conn: Connection, token_hash: bytes, *, idle: timedelta) -> Session | None:
    """A session that has not expired, and was not left unused for longer than `idle`."""
    row = await conn.fetchrow(FIND, token_hash, idle)
    return None if row is None else _session(row)


# One of a tenant's every page: three look-ups in one. Outer joins go from the tenant, so that one
# node answers.
FIND_AT: Final = """
    -- sessions_store.find_at
    SELECT s.created_at, s.seen_at, s.wants_code, now() AS now, p.person_id, p.name, p.staff,
           m.role, t.tenant_id, t.name AS tenant_name, t.plan, t.timezone, t.status, t.active_from,
           t.shadow_from, t.created_at AS tenant_created_at
      FROM panel_sessions s
      JOIN people p ON p.person_id = s.person_id
      JOIN tenants t ON t.tenant_id = $3
      LEFT JOIN memberships m ON m.tenant_id = t.tenant_id AND m.person_id = p.person_id
     WHERE s.token_hash = $1 AND s.expires_at > now() AND s.seen_at > now() - $2::interval
"""


async def find_at(
    conn: Connection, token_hash: bytes, tenant: TenantId, *, idle: timedelta
) -> AtTenant | None:
    """A session as `find` gives it, with its tenant; None also where the tenant is not there."""
    row = await conn.fetchrow(FIND_AT, token_hash, idle, tenant)
    if row is None:
        return None
    tenant_found = Tenant(
        id=TenantId(row["tenant_id"]),
        name=row["tenant_name"],
        plan=row["plan"],
        timezone=row["timezone"],
        status=row["status"],
        active_from=row["active_from"],
        shadow_from=row["shadow_from"],
        created_at=row["tenant_created_at"],
    )
    return AtTenant(session=_session(row), tenant=tenant_found, role=row["role"])


TOUCH: Final = """
    -- sessions_store.touch
    UPDATE panel_sessions SET seen_at = $2 WHERE token_hash = $1
"""


async def touch(conn: Connection, token_hash: bytes, now: datetime) -> None:
    """Note that a session is in use."""
    await conn.execute(TOUCH, token_hash, now)


END: Final = """
    -- sessions_store.end
    DELETE FROM panel_sessions WHERE token_hash = $1 RETURNING true
"""


async def end(conn: Connection, token_hash: bytes) -> bool:
    """Sign out here; False where it had ended."""
    return bool(await conn.fetchval(END, token_hash))


END_ALL: Final = """
    -- sessions_store.end_all
    DELETE FROM panel_sessions WHERE person_id = $1
"""


async def end_all(conn: Connection, person: PersonId) -> None:
    """Sign a person out everywhere."""
    await conn.execute(END_ALL, person)


FORGET: Final = """
    -- sessions_store.forget
    DELETE FROM panel_sessions WHERE token_hash IN (
           SELECT token_hash FROM panel_sessions
            WHERE expires_at <= $1 OR seen_at <= $2 FOR UPDATE SKIP LOCKED)
"""


async def forget(conn: Connection, *, now: datetime, idle_since: datetime) -> None:
    """Forget sessions that nobody can use any more."""
    await conn.execute(FORGET, now, idle_since)


def _session(row: asyncpg.Record) -> Session:
    person = Person(id=PersonId(row["person_id"]), name=row["name"], staff=row["staff"])
    return Session(
        person=person,
        created_at=row["created_at"],
        seen_at=row["seen_at"],
        wants_code=row["wants_code"],
        now=row["now"],
    )

"""Who is what at which tenant."""

from datetime import datetime
from typing import Final

from msgspec import Struct

from shared.db.connection import Connection
from shared.domain.ids import PersonId, TenantId
from shared.domain.people import Role


class Member(Struct, frozen=True, kw_only=True):
    """Somebody with a role at a tenant."""

    person: PersonId
    name: str
    role: Role
    added_at: datetime
    added_by: str


class TenantOfPerson(Struct, frozen=True, kw_only=True):
    """A tenant somebody has a role at."""

    id: TenantId
    name: str
    role: Role


PUT: Final = """
    -- memberships_store.put
    INSERT INTO memberships (tenant_id, person_id, role, added_by) VALUES ($1, $2, $3, $4)
        ON CONFLICT (tenant_id, person_id) DO UPDATE SET role = excluded.role
"""


async def put(conn: Connection, tenant: TenantId, person: PersonId, role: Role, *, by: str) -> None:
    """Give somebody a role at a tenant, instead of the one they may have there."""
    await conn.execute(PUT, tenant, person, role, by)


REMOVE: Final = """
    -- memberships_store.remove
    DELETE FROM memberships WHERE tenant_id = $1 AND person_id = $2 RETURNING role
"""


async def remove(conn: Connection, tenant: TenantId, person: PersonId) -> Role | None:
    """Take somebody's role away; None when they had none."""
    role: Role | None = await conn.fetchval(REMOVE, tenant, person)
    return role


ROLE: Final = """
    -- memberships_store.role_of
    SELECT role FROM memberships WHERE tenant_id = $1 AND person_id = $2
"""


async def role_of(conn: Connection, tenant: TenantId, person: PersonId) -> Role | None:
    """What somebody is at a tenant; None for nobody."""
    role: Role | None = await conn.fetchval(ROLE, tenant, person)
    return role


LOCK_ROLE: Final = """
    -- memberships_store.lock_role
    SELECT role FROM memberships WHERE tenant_id = $1 AND person_id = $2 FOR UPDATE
"""


async def lock_role(conn: Connection, tenant: TenantId, person: PersonId) -> Role | None:
    """What somebody is at a tenant, held until the transaction ends; None for nobody."""
    role: Role | None = await conn.fetchval(LOCK_ROLE, tenant, person)
    return role


OWNERS: Final = """
    -- memberships_store.lock_owners
    SELECT person_id FROM memberships WHERE tenant_id = $1 AND role = 'owner'
     ORDER BY person_id FOR UPDATE
"""


async def lock_owners(conn: Connection, tenant: TenantId) -> list[PersonId]:
    """The owners of a tenant, held until the transaction ends: one of them has to be left."""
    return [PersonId(row["person_id"]) for row in await conn.fetch(OWNERS, tenant)]


MEMBERS: Final = """
    -- memberships_store.members
    SELECT m.person_id, p.name, m.role, m.added_at, m.added_by
      FROM memberships m JOIN people p ON p.person_id = m.person_id
     WHERE m.tenant_id = $1 ORDER BY m.added_at, m.person_id
"""


async def members(conn: Connection, tenant: TenantId) -> list[Member]:
    """Everybody with a role at a tenant, in the order they came."""
    return [
        Member(
            person=PersonId(row["person_id"]),
            name=row["name"],
            role=row["role"],
            added_at=row["added_at"],
            added_by=row["added_by"],
        )
        for row in await conn.fetch(MEMBERS, tenant)
    ]


OF_PERSON: Final = """
    -- memberships_store.of_person_any_tenant
    SELECT m.tenant_id, t.name, m.role
      FROM memberships m JOIN tenants t ON t.tenant_id = m.tenant_id
     WHERE m.person_id = $1 ORDER BY t.name, m.tenant_id
"""


async def of_person_any_tenant(conn: Connection, person: PersonId) -> list[TenantOfPerson]:
    """The tenants somebody has a role at, by name."""
    return [
        TenantOfPerson(id=TenantId(row["tenant_id"]), name=row["name"], role=row["role"])
        for row in await conn.fetch(OF_PERSON, person)
    ]

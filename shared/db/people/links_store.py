"""Links that let somebody in once."""

from datetime import datetime
from typing import Final, Literal

import asyncpg
from msgspec import Struct

from shared.crypto import columns
from shared.crypto.seal import Sealer
from shared.db.connection import Connection
from shared.domain.ids import PersonId, TenantId
from shared.domain.people import Rank

LinkKind = Literal["invitation", "password"]


class Link(Struct, frozen=True, kw_only=True):
    """A link that was not used yet. `email` is None where whoever opens it names theirs."""

    tenant: TenantId
    token_hash: bytes
    kind: LinkKind
    role: Rank | None
    email: str | None
    person: PersonId | None
    made_by: str
    made_at: datetime
    expires_at: datetime


ADD: Final = """
    -- links_store.add
    INSERT INTO person_links (tenant_id, token_hash, kind, role, email, person_id, made_by,
                              made_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""


async def add(conn: Connection, sealer: Sealer, link: Link) -> None:
    """Keep a link, by the hash of its token."""
    sealed = link.email and columns.LINK_EMAIL.seal(
        sealer, link.tenant, link.email.encode(), link.token_hash
    )
    await conn.execute(
        ADD,
        link.tenant,
        link.token_hash,
        link.kind,
        link.role,
        sealed,
        link.person,
        link.made_by,
        link.made_at,
        link.expires_at,
    )


_COLUMNS: Final = (
    "tenant_id, token_hash, kind, role, email, person_id, made_by, made_at, expires_at"
)
FIND: Final = f"""
    -- links_store.find
    SELECT {_COLUMNS} FROM person_links
     WHERE tenant_id = $1 AND token_hash = $2 AND used_at IS NULL AND expires_at > $3
"""  # noqa: S608 - only our own constant is put in


async def find(
    conn: Connection, sealer: Sealer, tenant: TenantId, token_hash: bytes, now: datetime
) -> Link | None:
    """A link that can still be used."""
    row = await conn.fetchrow(FIND, tenant, token_hash, now)
    return None if row is None else _link(sealer, row)


USE: Final = """
    -- links_store.use
    UPDATE person_links SET used_at = $3
     WHERE tenant_id = $1 AND token_hash = $2 AND used_at IS NULL AND expires_at > $3
 RETURNING true
"""


async def use(conn: Connection, tenant: TenantId, token_hash: bytes, now: datetime) -> bool:
    """Spend a link; False when somebody was quicker. Of two at once one waits for the other."""
    return bool(await conn.fetchval(USE, tenant, token_hash, now))


OPEN: Final = f"""
    -- links_store.open_invitations
    SELECT {_COLUMNS} FROM person_links
     WHERE tenant_id = $1 AND kind = 'invitation' AND used_at IS NULL AND expires_at > $2
     ORDER BY made_at
"""  # noqa: S608 - only our own constant is put in


async def open_invitations(
    conn: Connection, sealer: Sealer, tenant: TenantId, now: datetime
) -> list[Link]:
    """Invitations of a tenant that nobody has used yet."""
    return [_link(sealer, row) for row in await conn.fetch(OPEN, tenant, now)]


WITHDRAW: Final = """
    -- links_store.withdraw
    DELETE FROM person_links WHERE tenant_id = $1 AND token_hash = $2 AND used_at IS NULL
 RETURNING true
"""


async def withdraw(conn: Connection, tenant: TenantId, token_hash: bytes) -> bool:
    """Take a link back; False when there is none such any more."""
    return bool(await conn.fetchval(WITHDRAW, tenant, token_hash))


WITHDRAW_ALL: Final = """
    -- links_store.withdraw_all_of
    DELETE FROM person_links
     WHERE tenant_id = $1 AND used_at IS NULL AND kind = $2 AND person_id IS NOT DISTINCT FROM $3
       AND made_by = $4
"""


async def withdraw_all_of(
    conn: Connection, tenant: TenantId, kind: LinkKind, person: PersonId | None, made_by: str
) -> None:
    """Take back what the same maker made for the same person before: the newest alone counts."""
    await conn.execute(WITHDRAW_ALL, tenant, kind, person, made_by)


OPEN_PASSWORDS: Final = """
    -- links_store.open_passwords
    SELECT count(*) FROM person_links
     WHERE tenant_id = $1 AND kind = 'password' AND person_id = $2 AND made_by = $3
       AND used_at IS NULL AND expires_at > now()
"""


async def open_passwords(conn: Connection, tenant: TenantId, person: PersonId, by: str) -> int:
    """How many links by which a person could set a password are open, made by one maker."""
    return int(await conn.fetchval(OPEN_PASSWORDS, tenant, person, by))


WITHDRAW_PASSWORDS: Final = """
    -- links_store.withdraw_passwords_of
    DELETE FROM person_links
     WHERE tenant_id = $1 AND used_at IS NULL AND kind = 'password' AND person_id = $2
"""


async def withdraw_passwords_of(conn: Connection, tenant: TenantId, person: PersonId) -> None:
    """Take back every link by which a person could set a password, whoever made it."""
    await conn.execute(WITHDRAW_PASSWORDS, tenant, person)


def _link(sealer: Sealer, row: asyncpg.Record) -> Link:
    fields = dict(row)
    tenant = TenantId(fields.pop("tenant_id"))
    email = fields.pop("email")
    person = fields.pop("person_id")
    return Link(
        tenant=tenant,
        email=email
        and columns.LINK_EMAIL.open(sealer, tenant, email, fields["token_hash"]).decode(),
        person=None if person is None else PersonId(person),
        **fields,
    )

"""What other doors call people: kept sealed, found by a keyed word."""

from datetime import datetime
from typing import Final

from shared.crypto.seal import Sealer
from shared.db.connection import Connection
from shared.db.tenants.audit_store import NO_TENANT
from shared.domain.ids import PersonId

IDENTITY: Final = "person_identity"

FIND: Final = """
    -- identities_store.find
    SELECT person_id FROM person_identities WHERE identity_word = $1
"""


async def find(conn: Connection, sealer: Sealer, identity: str) -> PersonId | None:
    """Who another door means by this name."""
    found: str | None = await conn.fetchval(FIND, _word(sealer, identity))
    return None if found is None else PersonId(found)


ADD: Final = """
    -- identities_store.add
    INSERT INTO person_identities (identity_word, identity, person_id, made_at)
    VALUES ($1, $2, $3, $4)
        ON CONFLICT (identity_word) DO NOTHING
"""


async def add(
    conn: Connection, sealer: Sealer, identity: str, person: PersonId, now: datetime
) -> None:
    """Remember whom another door means; one that is known already stays as it is."""
    sealed = sealer.seal(identity.encode(), tenant=NO_TENANT, purpose=IDENTITY)
    await conn.execute(ADD, _word(sealer, identity), sealed, person, now)


def _word(sealer: Sealer, identity: str) -> bytes:
    return sealer.word(identity, tenant=NO_TENANT, purpose=IDENTITY)

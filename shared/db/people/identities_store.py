"""What other doors call people: kept sealed, found by a keyed word."""

from datetime import datetime
from typing import Final

from shared.crypto import columns
from shared.crypto.seal import Sealer
from shared.db.connection import Connection
from shared.db.tenants.audit_store import NO_TENANT
from shared.domain.ids import PersonId

FIND: Final = """
    -- identities_store.find
    SELECT person_id FROM person_identities WHERE identity_word = ANY($1::bytea[]) LIMIT 1
"""


async def find(conn: Connection, sealer: Sealer, identity: str) -> PersonId | None:
    """Who another door means by this name."""
    found: str | None = await conn.fetchval(FIND, _words(sealer, identity))
    return None if found is None else PersonId(found)


ADD: Final = """
    -- identities_store.add
    INSERT INTO person_identities (identity_word, identity, person_id, made_at)
    SELECT ($1::bytea[])[1], $2, $3, $4
     WHERE NOT EXISTS (SELECT FROM person_identities WHERE identity_word = ANY($1::bytea[]))
        ON CONFLICT (identity_word) DO NOTHING
"""


async def add(
    conn: Connection, sealer: Sealer, identity: str, person: PersonId, now: datetime
) -> None:
    """Remember whom another door means; one that is known already stays as it is."""
    words = _words(sealer, identity)
    sealed = columns.IDENTITY.seal(sealer, NO_TENANT, identity.encode(), words[0])
    await conn.execute(ADD, words, sealed, person, now)


def _words(sealer: Sealer, identity: str) -> list[bytes]:
    return sealer.words(identity, tenant=NO_TENANT, purpose=columns.IDENTITY.purpose)

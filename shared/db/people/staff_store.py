"""Our own people: support and operators, who see every tenant."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from shared.crypto.seal import Sealer
from shared.db.connection import Connection
from shared.db.people import people_store
from shared.domain.ids import PersonId
from shared.domain.people import Staff


class StaffMember(Struct, frozen=True, kw_only=True):
    """One of ours, and since when they have an account."""

    id: PersonId
    name: str
    email: str
    role: Staff
    since: datetime


LIST: Final = """
    -- staff_store.list_all
    SELECT person_id, name, staff, created_at FROM people WHERE staff IS NOT NULL
     ORDER BY created_at, person_id
"""


async def list_all(conn: Connection, sealer: Sealer) -> Sequence[StaffMember]:
    """Everybody with a role of ours, the first first."""
    rows = await conn.fetch(LIST)
    emails = await people_store.emails(conn, sealer, [row["person_id"] for row in rows])
    return [
        StaffMember(
            id=PersonId(row["person_id"]),
            name=row["name"],
            email=emails[row["person_id"]],
            role=row["staff"],
            since=row["created_at"],
        )
        for row in rows
    ]


DISMISS: Final = """
    -- staff_store.dismiss
    UPDATE people SET staff = NULL WHERE person_id = $1 AND staff IS NOT NULL RETURNING true
"""


async def dismiss(conn: Connection, person: PersonId) -> bool:
    """Take a role of ours from somebody, who keeps their account; False where they had none."""
    return bool(await conn.fetchval(DISMISS, person))

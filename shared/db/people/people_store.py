"""People who may sign in; they belong to no tenant."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import asyncpg
from msgspec import Struct

from shared.crypto import columns
from shared.crypto.seal import Sealer
from shared.db.connection import Connection
from shared.db.tenants.audit_store import NO_TENANT
from shared.domain.ids import PersonId
from shared.domain.people import Person, Staff


class Account(Struct, frozen=True, kw_only=True):
    """What signing in looks at."""

    person: Person
    email: str
    password: str  # argon2id
    totp: str | None  # the secret of the authenticator; None: it is not used
    totp_step: int  # the last step that let the person in: none lets in twice
    recovery: Sequence[str]  # hashes, in hex


ADD: Final = """
    -- people_store.add
    INSERT INTO people (person_id, email_word, email, name, password, staff)
    VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (email_word) DO NOTHING
 RETURNING person_id
"""
KNOWN: Final = """
    -- people_store.add known
    SELECT EXISTS (SELECT FROM people WHERE email_word = ANY($1::bytea[]))
"""


async def add(
    conn: Connection,
    sealer: Sealer,
    person: Person,
    *,
    email: str,
    password: str,
) -> bool:
    """Add a person; False when the address has an account already."""
    words = _words(sealer, email)
    if await conn.fetchval(KNOWN, words):
        return False
    sealed = columns.PERSON_EMAIL.seal(sealer, NO_TENANT, email.encode(), person.id)
    added = await conn.fetchval(
        ADD, person.id, words[0], sealed, person.name, password, person.staff
    )
    return added is not None


FIND: Final = """
    -- people_store.find
    SELECT person_id FROM people WHERE email_word = ANY($1::bytea[]) LIMIT 1
"""


async def find(conn: Connection, sealer: Sealer, email: str) -> PersonId | None:
    """Who signs in with an address as `plain_email` gives it; nothing of them is opened."""
    person: str | None = await conn.fetchval(FIND, _words(sealer, email))
    return None if person is None else PersonId(person)


_COLUMNS: Final = "person_id, email, name, password, staff, totp, totp_step, recovery"
BY_EMAIL: Final = f"""
    -- people_store.by_email
    SELECT {_COLUMNS} FROM people WHERE email_word = ANY($1::bytea[]) LIMIT 1
"""  # noqa: S608 - only our own constant is put in


async def by_email(conn: Connection, sealer: Sealer, email: str) -> Account | None:
    """The account of an address as `plain_email` gives it."""
    row = await conn.fetchrow(BY_EMAIL, _words(sealer, email))
    return None if row is None else _account(sealer, row)


GET: Final = f"""
    -- people_store.get
    SELECT {_COLUMNS} FROM people WHERE person_id = $1
"""  # noqa: S608 - only our own constant is put in


async def get(conn: Connection, sealer: Sealer, person: PersonId) -> Account | None:
    """The account of a person."""
    row = await conn.fetchrow(GET, person)
    return None if row is None else _account(sealer, row)


LOCK: Final = """
    -- people_store.lock_password
    SELECT password FROM people WHERE person_id = $1 FOR NO KEY UPDATE
"""


async def lock_password(conn: Connection, person: PersonId) -> str | None:
    """The hash that is kept now, which nobody changes until the transaction ends."""
    password: str | None = await conn.fetchval(LOCK, person)
    return password


PUT_HASH: Final = """
    -- people_store.set_password
    UPDATE people SET password = $2, password_at = $3 WHERE person_id = $1
"""


async def set_password(conn: Connection, person: PersonId, password: str, now: datetime) -> None:
    """Keep a new hash; ending the person's sessions is the caller's."""
    await conn.execute(PUT_HASH, person, password, now)


SET_TOTP: Final = """
    -- people_store.set_totp
    UPDATE people SET totp = $2, recovery = $3::text[], totp_step = $4 WHERE person_id = $1
"""


async def set_totp(
    conn: Connection,
    sealer: Sealer,
    person: PersonId,
    secret: str | None,
    recovery: Sequence[str],
    *,
    step: int = 0,
) -> None:
    """Use an authenticator from now on, or none; `step` is that of the code which proved it."""
    sealed = secret and columns.PERSON_TOTP.seal(sealer, NO_TENANT, secret.encode(), person)
    await conn.execute(SET_TOTP, person, sealed, list(recovery), step)


USE_STEP: Final = """
    -- people_store.use_step
    UPDATE people SET totp_step = $2 WHERE person_id = $1 AND totp_step < $2 RETURNING true
"""


async def use_step(conn: Connection, person: PersonId, step: int) -> bool:
    """Spend a code's step; False when that one, or a later one, was spent already."""
    return bool(await conn.fetchval(USE_STEP, person, step))


USE_RECOVERY: Final = """
    -- people_store.use_recovery
    UPDATE people SET recovery = array_remove(recovery, $2)
     WHERE person_id = $1 AND $2 = ANY (recovery) RETURNING true
"""


async def use_recovery(conn: Connection, person: PersonId, hashed: str) -> bool:
    """Spend a recovery code; False when there is none such."""
    return bool(await conn.fetchval(USE_RECOVERY, person, hashed))


ANY_BODY: Final = """
    -- people_store.is_anybody_here
    SELECT EXISTS (SELECT FROM people)
"""


async def is_anybody_here(conn: Connection) -> bool:
    """Whether anybody can sign in yet."""
    return bool(await conn.fetchval(ANY_BODY))


NAMED: Final = """
    -- people_store.emails
    SELECT person_id, email FROM people WHERE person_id = ANY($1::text[])
"""


async def emails(
    conn: Connection, sealer: Sealer, people: Sequence[PersonId]
) -> dict[PersonId, str]:
    """The addresses of people, for who may see them."""
    rows = await conn.fetch(NAMED, list(people))
    return {PersonId(row["person_id"]): _email(sealer, row) for row in rows}


def _words(sealer: Sealer, email: str) -> list[bytes]:
    return sealer.words(email, tenant=NO_TENANT, purpose=columns.PERSON_EMAIL.purpose)


def _email(sealer: Sealer, row: asyncpg.Record) -> str:
    return columns.PERSON_EMAIL.open(sealer, NO_TENANT, row["email"], row["person_id"]).decode()


def _totp(sealer: Sealer, row: asyncpg.Record) -> str | None:
    if row["totp"] is None:
        return None
    return columns.PERSON_TOTP.open(sealer, NO_TENANT, row["totp"], row["person_id"]).decode()


def _account(sealer: Sealer, row: asyncpg.Record) -> Account:
    fields: dict[str, Any] = dict(row)
    staff: Staff | None = fields["staff"]
    return Account(
        person=Person(id=PersonId(fields["person_id"]), name=fields["name"], staff=staff),
        email=_email(sealer, row),
        password=fields["password"],
        totp=_totp(sealer, row),
        totp_step=fields["totp_step"],
        recovery=tuple(fields["recovery"]),
    )

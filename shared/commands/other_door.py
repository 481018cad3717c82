"""Signing in by another door: what it says of somebody becomes a person of ours, or nobody."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from shared.commands.people import PeopleRefused, join
from shared.commands.sign_in import Door, Entered, begin
from shared.db import clock
from shared.db.connection import Connection
from shared.db.people import identities_store, people_store
from shared.db.people.people_store import Account
from shared.db.tenants import audit_store
from shared.db.tenants.audit_store import NO_TENANT
from shared.domain.ids import TenantId
from shared.domain.people import plain_email, plain_name
from shared.ways_in.oidc import Introduced

NO_PASSWORD: Final = "-"  # noqa: S105 - no hash: no password fits it until one is set by a link


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """That door knows them, we do not: somebody has to invite them."""

    code: Literal["not_invited", "other_email"]


async def enter_by_other_door(door: Door, who: Introduced) -> Entered | Stranger:
    """Begin a session for somebody we know, by that door's own name for them or by their address.

    An address is taken only as one that door has proven (`email_verified`). A code of the
    authenticator is wanted here all the same, where one is used.
    """
    email = plain_email(who.email)
    async with door.pool.acquire() as conn, conn.transaction():
        now = await clock.now(conn)
        account = await _known(conn, door, who, email, now)
        if account is None:
            return Stranger(code="not_invited")
        return await begin(conn, account, now)


async def join_by_other_door(
    door: Door, token: str, who: Introduced, company: str | None = None
) -> tuple[Entered, TenantId] | Stranger:
    """Take an invitation with that door's word in the place of a password.

    Raises PeopleRefused (`link_unknown`). An invitation for one address is for that one alone.
    """
    email = plain_email(who.email)
    if email is None:
        return Stranger(code="not_invited")
    async with door.pool.acquire() as conn, conn.transaction():
        now = await clock.now(conn)
        known = await _known(conn, door, who, email, now)
        try:
            person, tenant = await join(
                conn,
                door.sealer,
                token,
                known,
                name=_name(who, email),
                email=email,
                password=NO_PASSWORD,
                company=company,
            )
        except PeopleRefused as refused:
            if refused.code == "email_taken":
                return Stranger(code="other_email")
            raise
        await identities_store.add(conn, door.sealer, _identity(who), person.id, now)
        account = await people_store.get(conn, door.sealer, person.id)
        if account is None:
            raise AssertionError("somebody who joined has an account")
        return await begin(conn, account, now), tenant


async def _known(
    conn: Connection, door: Door, who: Introduced, email: str | None, now: datetime
) -> Account | None:
    person = await identities_store.find(conn, door.sealer, _identity(who))
    if person is not None:
        return await people_store.get(conn, door.sealer, person)
    account = await people_store.by_email(conn, door.sealer, email) if email else None
    if account is not None:
        await identities_store.add(conn, door.sealer, _identity(who), account.person.id, now)
        actor = f"{account.person.name} ({account.person.id})"
        await audit_store.add(conn, NO_TENANT, actor=actor, action="other_door_known")
    return account


def _identity(who: Introduced) -> str:
    return f"{who.issuer}\n{who.subject}"


def _name(who: Introduced, email: str) -> str:
    return plain_name(who.name) or email.partition("@")[0]

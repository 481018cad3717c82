"""Letting people in: invitations, new passwords, roles. Panel and internal API come here."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from msgspec.structs import replace

from shared.commands.sign_in import Door, Entered, SlowedDown, begin, knows_password
from shared.crypto.seal import Sealer
from shared.crypto.tokens import (
    hash_secret,
    new_link_token,
    new_person_id,
    new_tenant_id,
    tenant_of_link,
)
from shared.db import clock
from shared.db.connection import Connection, Pool
from shared.db.people import links_store, memberships_store, people_store, sessions_store
from shared.db.people.links_store import Link
from shared.db.people.people_store import Account
from shared.db.tenants import audit_store, tenants_store
from shared.db.tenants.audit_store import NO_TENANT
from shared.domain.ids import PersonId, TenantId
from shared.domain.people import (
    RIGHTS,
    ROLES,
    STAFF,
    PasswordFault,
    Person,
    Rank,
    Role,
    Staff,
    password_fault,
)

INVITED_FOR: Final = timedelta(days=7)
PASSWORD_LINK_LIVES: Final = timedelta(hours=2)
FIRST_OWNER: Final = "first start"
DEFAULT_ZONE: Final = "America/Sao_Paulo"

PeopleRefusal = Literal[
    "link_unknown",
    "other_email",
    "already_in",
    "password",
    "email_taken",
    "wrong_password",
    "last_owner",
    "not_a_member",
    "not_only_here",
]


class PeopleRefused(Exception):
    """It cannot be done; `fault` says what is wrong with a password, where that is why."""

    def __init__(self, code: PeopleRefusal, fault: PasswordFault | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.fault = fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """What somebody says of themselves who follows an invitation and has no account yet.

    `company` is asked of the first owner, whose company does not exist yet.
    """

    name: str
    email: str
    password: str
    company: str | None = None


async def invite(
    pool: Pool, sealer: Sealer, tenant: TenantId, role: Rank, *, email: str | None, by: str
) -> str:
    """Make an invitation and return its token, which is kept nowhere.

    With an address the invitation is for that one alone. Roles of our own staff go with NO_TENANT.
    """
    token = new_link_token(tenant)
    async with pool.acquire() as conn, conn.transaction():
        now = await clock.now(conn)
        link = Link(
            tenant=tenant,
            token_hash=hash_secret(token),
            kind="invitation",
            role=role,
            email=email,
            person=None,
            made_by=by,
            made_at=now,
            expires_at=now + INVITED_FOR,
        )
        await links_store.add(conn, sealer, link)
        await audit_store.add(conn, tenant, actor=by, action="invited", detail={"role": role})
    return token


async def first_owner_link(pool: Pool, sealer: Sealer) -> str | None:
    """The token for whoever is first, who names a company; None once anybody can sign in.

    Only the newest one counts.
    """
    async with pool.acquire() as conn:
        if await people_store.is_anybody_here(conn):
            return None
        await links_store.withdraw_all_of(conn, NO_TENANT, "invitation", None, FIRST_OWNER)
    return await invite(pool, sealer, NO_TENANT, "owner", email=None, by=FIRST_OWNER)


async def first_owner_url(pool: Pool, sealer: Sealer, public_url: str) -> str | None:
    """The address for whoever is first; None once anybody can sign in."""
    token = await first_owner_link(pool, sealer)
    return None if token is None else f"{public_url}/convite/{token}"


async def find_link(pool: Pool, sealer: Sealer, token: str) -> Link | None:
    """What a link is for; None for one that is unknown, spent or expired."""
    tenant = tenant_of_link(token)
    if tenant is None:
        return None
    async with pool.acquire() as conn:
        now = await clock.now(conn)
        return await links_store.find(conn, sealer, tenant, hash_secret(token), now)


async def join_as_new(door: Door, token: str, newcomer: Newcomer) -> tuple[Entered, TenantId]:
    """Make an account of an invitation and sign in; raises PeopleRefused.

    `email_taken` says no more than that this address signs in with its own password: it is told
    to somebody who was invited.
    """
    fault = password_fault(newcomer.password, email=newcomer.email, name=newcomer.name)
    if fault is not None:
        raise PeopleRefused("password", fault)
    hashed = await door.passwords.hash(newcomer.password)
    async with door.pool.acquire() as conn, conn.transaction():
        now = await clock.now(conn)
        person, tenant = await join(
            conn,
            door.sealer,
            token,
            None,
            name=newcomer.name,
            email=newcomer.email,
            password=hashed,
            company=newcomer.company,
        )
        account = await people_store.get(conn, door.sealer, person.id)
        if account is None:
            raise AssertionError("it was added just now")
        return await begin(conn, account, now), tenant


async def join(
    conn: Connection,
    sealer: Sealer,
    token: str,
    known: Account | None,
    *,
    name: str,
    email: str,
    password: str,
    company: str | None,
) -> tuple[Person, TenantId]:
    """Spend an invitation for an account there is, or for one that is made of the rest.

    Lives in the caller's transaction. Raises PeopleRefused: `link_unknown` also where it is for
    another address, or gives a known person a role with us.
    """
    link, _ = await _spend(conn, sealer, token, "invitation")
    if link.email not in (None, known.email if known else email):
        raise PeopleRefused("link_unknown")
    if known is not None:
        if link.role in STAFF:
            raise PeopleRefused("link_unknown")
        return known.person, await _let_in(conn, link, known.person, company)
    staff: Staff | None = next((one for one in STAFF if one == link.role), None)
    person = Person(id=new_person_id(), name=name, staff=staff)
    if not await people_store.add(conn, sealer, person, email=email, password=password):
        raise PeopleRefused("email_taken")
    return person, await _let_in(conn, link, person, company)


async def join_as_known(
    door: Door, token: str, person: Person, company: str | None = None
) -> TenantId:
    """Take an invitation with the account somebody is signed in with; raises PeopleRefused.

    `other_email` and `already_in` leave the invitation for the one whom it is meant for.
    """
    async with door.pool.acquire() as conn, conn.transaction():
        link, _ = await _spend(conn, door.sealer, token, "invitation")
        account = await people_store.get(conn, door.sealer, person.id)
        if account is None or link.role in STAFF:
            raise PeopleRefused("link_unknown")
        if link.email not in (None, account.email):
            raise PeopleRefused("other_email")
        return await _let_in(conn, link, person, company)


async def password_link(
    pool: Pool, sealer: Sealer, person: PersonId, *, by: str, instead: bool = True
) -> str:
    """Make a link with which a person sets a new password.

    The one that was made `by` the same before ends, if this one comes `instead` of it.
    """
    token = new_link_token(NO_TENANT)
    async with pool.acquire() as conn, conn.transaction():
        now = await clock.now(conn)
        if instead:
            await links_store.withdraw_all_of(conn, NO_TENANT, "password", person, by)
        link = Link(
            tenant=NO_TENANT,
            token_hash=hash_secret(token),
            kind="password",
            role=None,
            email=None,
            person=person,
            made_by=by,
            made_at=now,
            expires_at=now + PASSWORD_LINK_LIVES,
        )
        await links_store.add(conn, sealer, link)
        await audit_store.add(
            conn, NO_TENANT, actor=by, action="password_link_made", detail={"person": person}
        )
    return token


async def password_link_for_member(
    pool: Pool, sealer: Sealer, tenant: TenantId, person: PersonId, *, by: str
) -> str:
    """The same by an owner, for somebody of that tenant alone; raises PeopleRefused.

    Who belongs elsewhere too, or to us, would be let into more than the owner's own company.
    """
    async with pool.acquire() as conn:
        of = await memberships_store.of_person_any_tenant(conn, person)
        account = await people_store.get(conn, sealer, person)
    if tenant not in {one.id for one in of} or account is None:
        raise PeopleRefused("not_a_member")
    if len(of) > 1 or account.person.staff is not None:
        raise PeopleRefused("not_only_here")
    return await password_link(pool, sealer, person, by=by)


async def invite_again(
    pool: Pool, sealer: Sealer, tenant: TenantId, token_hash: bytes, *, by: str
) -> tuple[str, Link]:
    """A new link in the place of an open invitation; the one before ends. Raises PeopleRefused.

    The token of the one before was kept nowhere, so it cannot be sent again.
    """
    token = new_link_token(tenant)
    async with pool.acquire() as conn, conn.transaction():
        now = await clock.now(conn)
        before = await links_store.find(conn, sealer, tenant, token_hash, now)
        if before is None or before.kind != "invitation" or before.role is None:
            raise PeopleRefused("link_unknown")
        if not await links_store.withdraw(conn, tenant, token_hash):
            raise PeopleRefused("link_unknown")
        link = replace(
            before,
            token_hash=hash_secret(token),
            made_by=by,
            made_at=now,
            expires_at=now + INVITED_FOR,
        )
        await links_store.add(conn, sealer, link)
        detail = {"role": before.role}
        await audit_store.add(conn, tenant, actor=by, action="invitation_renewed", detail=detail)
    return token, link


async def withdraw_invitation(pool: Pool, tenant: TenantId, token_hash: bytes, *, by: str) -> None:
    """Take an invitation back; safe to repeat."""
    async with pool.acquire() as conn, conn.transaction():
        if await links_store.withdraw(conn, tenant, token_hash):
            await audit_store.add(conn, tenant, actor=by, action="invitation_withdrawn")


async def reset_password(door: Door, token: str, password: str) -> Entered:
    """Set a password by link: every session of the person ends, and a new one begins."""
    link = await find_link(door.pool, door.sealer, token)
    if link is None or link.kind != "password" or link.person is None:
        raise PeopleRefused("link_unknown")
    hashed = await _new_hash(door, link.person, password)
    async with door.pool.acquire() as conn, conn.transaction():
        _, now = await _spend(conn, door.sealer, token, "password")
        return await _changed(conn, door.sealer, link.person, hashed, now)


async def change_password(
    door: Door, person: PersonId, *, old: str, new: str, source: str
) -> Entered | SlowedDown:
    """Change a password: signed out everywhere, but here, under a new word.

    Guesses of the old one are slowed down as at the door.
    """
    known = await knows_password(door, person, old, source)
    if isinstance(known, SlowedDown):
        return known
    if not known:
        raise PeopleRefused("wrong_password")
    hashed = await _new_hash(door, person, new)
    async with door.pool.acquire() as conn, conn.transaction():
        now = await clock.now(conn)
        return await _changed(conn, door.sealer, person, hashed, now, code_given=True)


async def change_role(
    pool: Pool, tenant: TenantId, person: PersonId, role: Role, *, by: str
) -> None:
    """Give a member another role; one owner is always left. Raises PeopleRefused."""
    async with pool.acquire() as conn, conn.transaction():
        before = await memberships_store.role_of(conn, tenant, person)
        if before is None:
            raise PeopleRefused("not_a_member")
        if role != "owner":
            await _an_owner_is_left(conn, tenant, person)
        await memberships_store.put(conn, tenant, person, role, by=by)
        detail = {"person": person, "role": role, "before": before}
        await audit_store.add(conn, tenant, actor=by, action="role_changed", detail=detail)


async def remove_member(pool: Pool, tenant: TenantId, person: PersonId, *, by: str) -> None:
    """Take somebody's role at a tenant away; one owner is always left. Raises PeopleRefused."""
    async with pool.acquire() as conn, conn.transaction():
        await _an_owner_is_left(conn, tenant, person)
        if await memberships_store.remove(conn, tenant, person) is None:
            raise PeopleRefused("not_a_member")
        detail = {"person": person}
        await audit_store.add(conn, tenant, actor=by, action="member_removed", detail=detail)


async def _an_owner_is_left(conn: Connection, tenant: TenantId, without: PersonId) -> None:
    owners = await memberships_store.lock_owners(conn, tenant)
    if owners == [without]:
        raise PeopleRefused("last_owner")


async def _spend(
    conn: Connection, sealer: Sealer, token: str, kind: links_store.LinkKind
) -> tuple[Link, datetime]:
    tenant = tenant_of_link(token)
    now = await clock.now(conn)
    hashed = hash_secret(token)
    link = tenant and await links_store.find(conn, sealer, tenant, hashed, now)
    if not link or link.kind != kind or not await links_store.use(conn, link.tenant, hashed, now):
        raise PeopleRefused("link_unknown")
    return link, now


async def _let_in(conn: Connection, link: Link, person: Person, company: str | None) -> TenantId:
    """What an invitation gives: a role at its tenant, or at one that is made now."""
    tenant = link.tenant
    actor = f"{person.name} ({person.id})"
    if tenant == NO_TENANT and link.role in ROLES:
        made = await tenants_store.add(
            conn,
            new_tenant_id(),
            name=company or person.name,
            plan="basic",
            timezone=DEFAULT_ZONE,
        )
        tenant = made.id
        detail = {"plan": "basic"}
        await audit_store.add(conn, tenant, actor=actor, action="tenant_added", detail=detail)
    for role in ROLES:
        if role == link.role:
            await _gains(conn, tenant, person.id, role)
            await memberships_store.put(conn, tenant, person.id, role, by=link.made_by)
    detail = {"role": str(link.role), "invited_by": link.made_by}
    await audit_store.add(conn, tenant, actor=actor, action="joined", detail=detail)
    return tenant


async def _gains(conn: Connection, tenant: TenantId, person: PersonId, role: Role) -> None:
    """An invitation takes nothing away: the last owner who tries one out stays an owner."""
    before = await memberships_store.lock_role(conn, tenant, person)
    if before is not None and RIGHTS[role] <= RIGHTS[before]:
        raise PeopleRefused("already_in")


async def _new_hash(door: Door, person: PersonId, password: str) -> str:
    async with door.pool.acquire() as conn:
        account = await people_store.get(conn, door.sealer, person)
    if account is None:
        raise PeopleRefused("link_unknown")
    fault = password_fault(password, email=account.email, name=account.person.name)
    if fault is not None:
        raise PeopleRefused("password", fault)
    return await door.passwords.hash(password)


async def _changed(
    conn: Connection,
    sealer: Sealer,
    person: PersonId,
    hashed: str,
    now: datetime,
    *,
    code_given: bool = False,
) -> Entered:
    """Keep a new hash: every session ends, and every link by which another could be set."""
    await people_store.set_password(conn, person, hashed, now)
    await sessions_store.end_all(conn, person)
    await links_store.withdraw_passwords_of(conn, NO_TENANT, person)
    account = await people_store.get(conn, sealer, person)
    if account is None:
        raise PeopleRefused("link_unknown")
    actor = f"{account.person.name} ({person})"
    await audit_store.add(conn, NO_TENANT, actor=actor, action="password_changed")
    return await begin(conn, account, now, code_given=code_given)

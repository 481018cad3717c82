"""Signing in and out: a word for the browser, of which the hash alone is kept."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import pyotp

from shared.crypto.passwords import Passwords
from shared.crypto.seal import Sealer
from shared.crypto.tokens import hash_secret
from shared.db import clock
from shared.db.connection import Connection, Pool
from shared.db.people import failures_store, people_store, sessions_store
from shared.db.people.people_store import Account
from shared.db.people.sessions_store import AtTenant, Session
from shared.db.tenants import audit_store
from shared.db.tenants.audit_store import NO_TENANT
from shared.domain.ids import PersonId, TenantId
from shared.domain.people import plain_email
from shared.domain.sign_in import (
    FORGOTTEN_AFTER,
    FREE_FOR_ACCOUNT,
    FREE_FOR_SOURCE,
    fresh,
    wait_until,
)

IDLE: Final = timedelta(hours=12)
WHOLE: Final = timedelta(days=14)
FOR_THE_CODE: Final = timedelta(minutes=10)
SEEN_EVERY: Final = timedelta(minutes=1)
EVERY_ACCOUNT: Final = b""
_SOURCE: Final = "sign_in_source"
_ACCOUNT: Final = "sign_in_account"
_STEP_SECONDS: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What signing in works with."""

    pool: Pool
    sealer: Sealer
    passwords: Passwords


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """A session has begun; `word` goes to the browser and is kept nowhere."""

    word: str
    person: PersonId
    wants_code: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongPassword:
    """Address and password do not go together; which of them is wrong is not told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowedDown:
    """Too many failures from here: nothing was looked at."""

    until: datetime


async def sign_in(
    door: Door, *, email: str, password: str, source: str
) -> Entered | WrongPassword | SlowedDown:
    """Check who somebody is. `source` is where they come from: an address of the network.

    A failure is counted before the password is looked at, so that many tries at once are many.
    Raises TooManyPasswords, where nothing is counted either.
    """
    with door.passwords.room(source):
        return await _sign_in(door, email, password, source)


async def _sign_in(
    door: Door, email: str, password: str, source: str
) -> Entered | WrongPassword | SlowedDown:
    plain = plain_email(email) or ""
    words = _words(door.sealer, source, plain)
    waiting = await _count(door.pool, words)
    if waiting is not None:
        return SlowedDown(until=waiting)
    async with door.pool.acquire() as conn:
        account = await people_store.by_email(conn, door.sealer, plain) if plain else None
    if not await door.passwords.fits(password, account.password if account else None):
        return WrongPassword()
    if account is None:
        raise AssertionError("nobody's password fits nothing")
    renewed = None
    if door.passwords.is_old(account.password):
        renewed = await door.passwords.hash(password)
    async with door.pool.acquire() as conn, conn.transaction():
        # Another one may have been set since it was read, which ended every session that there was.
        if await people_store.lock_password(conn, account.person.id) != account.password:
            return WrongPassword()
        now = await clock.now(conn)
        for source_word, account_word in words:
            await failures_store.clear(conn, source_word, account_word)
        if renewed is not None:
            await people_store.set_password(conn, account.person.id, renewed, now)
        return await begin(conn, account, now)


async def knows_password(
    door: Door, person: PersonId, password: str, source: str
) -> bool | SlowedDown:
    """Whether who is signed in knows their own password.

    Guesses are counted with those at the door: a session that somebody else has is no way around.
    """
    async with door.pool.acquire() as conn:
        account = await people_store.get(conn, door.sealer, person)
    if account is None:
        return False
    words = _words(door.sealer, source, account.email)
    waiting = await _count(door.pool, words)
    if waiting is not None:
        return SlowedDown(until=waiting)
    if not await door.passwords.fits(password, account.password):
        return False
    async with door.pool.acquire() as conn, conn.transaction():
        for source_word, account_word in words:
            await failures_store.clear(conn, source_word, account_word)
    return True


async def is_slowed_down(door: Door, source: str, account: str) -> bool:
    """Count a try of something else than a password; whether there were too many already."""
    return await _count(door.pool, _words(door.sealer, source, account)) is not None


async def begin(
    conn: Connection, account: Account, now: datetime, *, code_given: bool = False
) -> Entered:
    """Begin a session in the caller's transaction; half of one where a code is still wanted."""
    wants_code = account.totp is not None and not code_given
    await sessions_store.forget(conn, now=now, idle_since=now - IDLE)
    word = secrets.token_urlsafe(32)
    await sessions_store.add(
        conn,
        hash_secret(word),
        account.person.id,
        now=now,
        expires_at=now + (FOR_THE_CODE if wants_code else WHOLE),
        wants_code=wants_code,
    )
    if not wants_code:
        await _tell(conn, account, "signed_in")
    return Entered(word=word, person=account.person.id, wants_code=wants_code)


async def give_code(door: Door, word: str, code: str, source: str) -> Entered | SlowedDown | None:
    """Finish a sign-in with a code of the authenticator or a recovery code; None when it is wrong.

    The session goes on under a new word. A code lets in once.
    """
    half = await find_session(door.pool, word)
    if half is None or not half.wants_code:
        return None
    words = _words(door.sealer, source, f"code:{half.person.id}")
    waiting = await _count(door.pool, words)
    if waiting is not None:
        return SlowedDown(until=waiting)
    async with door.pool.acquire() as conn, conn.transaction():
        # A new password waits for this, or has ended the half session.
        await people_store.lock_password(conn, half.person.id)
        account = await people_store.get(conn, door.sealer, half.person.id)
        now = await clock.now(conn)
        if account is None or not await _code_fits(conn, account, code, now):
            return None
        if not await sessions_store.end(conn, hash_secret(word)):
            return None
        for source_word, account_word in words:
            await failures_store.clear(conn, source_word, account_word)
        return await begin(conn, account, now, code_given=True)


async def find_session(pool: Pool, word: str) -> Session | None:
    """Who a browser's word belongs to; None for one that is unknown, expired or long unused."""
    hashed = hash_secret(word)
    async with pool.acquire() as conn:
        found = await sessions_store.find(conn, hashed, idle=IDLE)
        await _touch(conn, hashed, found)
    return found


async def find_session_at(pool: Pool, word: str, tenant: TenantId) -> AtTenant | None:
    """The same with a tenant and the role there; None also where the tenant is not there."""
    hashed = hash_secret(word)
    async with pool.acquire() as conn:
        found = await sessions_store.find_at(conn, hashed, tenant, idle=IDLE)
        await _touch(conn, hashed, found.session if found else None)
    return found


async def _touch(conn: Connection, hashed: bytes, found: Session | None) -> None:
    if found is not None and found.now - found.seen_at > SEEN_EVERY:
        await sessions_store.touch(conn, hashed, found.now)


async def sign_out(pool: Pool, word: str) -> None:
    """End a session; safe to repeat."""
    async with pool.acquire() as conn:
        await sessions_store.end(conn, hash_secret(word))


def matching_step(secret: str, code: str, now: datetime) -> int | None:
    """The 30-second step whose code this is, one before or after now included; None for none."""
    digits = code.replace(" ", "")
    if not (len(digits) == 6 and digits.isascii() and digits.isdigit()):
        return None
    here = int(now.timestamp()) // _STEP_SECONDS
    totp = pyotp.TOTP(secret)
    fits = [
        step
        for step in (here - 1, here, here + 1)
        if hmac.compare_digest(totp.at(step * _STEP_SECONDS), digits)
    ]
    return fits[-1] if fits else None


def recovery_hash(code: str) -> str:
    """How a recovery code is kept; it has 80 random bits, so a plain hash will do."""
    plain = code.replace("-", "").replace(" ", "").casefold()
    return hashlib.sha256(plain.encode("utf-8", "surrogateescape")).hexdigest()


async def _code_fits(conn: Connection, account: Account, code: str, now: datetime) -> bool:
    if account.totp is None:
        return False
    step = matching_step(account.totp, code, now)
    if step is not None:
        return await people_store.use_step(conn, account.person.id, step)
    return await people_store.use_recovery(conn, account.person.id, recovery_hash(code))


def _words(sealer: Sealer, source: str, account: str) -> tuple[tuple[bytes, bytes], ...]:
    """Keyed words of a source with one account, and of it with all."""
    source_word = sealer.word(source, tenant=NO_TENANT, purpose=_SOURCE)
    account_word = sealer.word(account, tenant=NO_TENANT, purpose=_ACCOUNT)
    return (source_word, account_word), (source_word, EVERY_ACCOUNT)


async def _count(pool: Pool, words: tuple[tuple[bytes, bytes], ...]) -> datetime | None:
    """Count a try as failed; or until when none may be made, and then it is not counted."""
    async with pool.acquire() as conn, conn.transaction():
        now = await clock.now(conn)
        await failures_store.forget(conn, now - FORGOTTEN_AFTER)
        found = [await failures_store.lock(conn, *pair, now) for pair in words]
        waits = [
            until
            for failures, free in zip(found, (FREE_FOR_ACCOUNT, FREE_FOR_SOURCE), strict=True)
            if (until := wait_until(failures, free, now)) is not None
        ]
        if waits:
            return max(waits)
        for pair, failures in zip(words, found, strict=True):
            await failures_store.count(conn, *pair, fresh(failures, now) + 1, now)
    return None


async def _tell(conn: Connection, account: Account, action: str) -> None:
    actor = f"{account.person.name} ({account.person.id})"
    await audit_store.add(conn, NO_TENANT, actor=actor, action=action)

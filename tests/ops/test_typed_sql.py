"""Each statement of the documents was typed: at a database in the state that its text speaks of.

What is asked has to answer with rows, to the owner (`make psql`) and to the services' login, which
is all that a pod has; what changes something is taken back.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from shared.config.secret import Secret
from shared.db.connection import Connection
from shared.db.logins import let_in
from shared.ops.look_into import READ_ONLY
from tests.support.servers import PostgresForTests
from tests.support.typed import DOCUMENTS, Typed, one_by_one, statements

PASSWORD = "of-a-test"
OWNER = "the owner"
STATEMENTS = [*statements(DOCUMENTS)]
# A night on which all is wrong: every breaker open, an emitter that knows of no restore, a lock.
NIGHT = """
    INSERT INTO tenants (tenant_id, name, plan, timezone)
    VALUES ('taaaaaaaaaa', 'Escola Exemplo', 'pro', 'America/Sao_Paulo');
    INSERT INTO issuer_breakers (tenant_id, scope, state, since, cause)
    VALUES ('taaaaaaaaaa', 'city', 'open', now(), 'city_outage');
    INSERT INTO company_breakers (tenant_id, state, since, cause)
    VALUES ('taaaaaaaaaa', 'open', now(), 'denied_certificate');
    INSERT INTO restores (restore_id, why, since, noticed_at, read_after)
    VALUES (1, 'told', now(), now(), now());
    INSERT INTO emitters (emitter, beats_at) VALUES ('one', now());
    INSERT INTO key_canaries (key_id, value, created_at) VALUES ('\\x01020304', '\\x00', now());
    UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'sales_of_month'::regclass;
    SELECT make_event_day('2026-01-31');
    ALTER TABLE events DETACH PARTITION events_20260131;
"""
LOCKED = "LOCK TABLE events_default IN ACCESS SHARE MODE"
WANTED = "LOCK TABLE events_default IN ACCESS EXCLUSIVE MODE"
END_THEM = """
    SELECT pg_terminate_backend(pid) FROM pg_locks
     WHERE relation = 'events_default'::regclass AND pid <> pg_backend_pid()
"""
NEW_ROLE = re.compile(r"CREATE ROLE (\w+)")
CHANGED_ROLE = re.compile(r"ALTER ROLE (\w+)")
BRACKETS = {"BEGIN READ WRITE", "COMMIT"}  # around what the reader means to keep
OUTSIDE = re.compile(r"(CREATE DATABASE) \w+")  # PostgreSQL takes it in no transaction
OURS = re.compile(r"(ALTER DATABASE) notaponte\b")
PLACE = "PID"  # what the answer before it names


class NotTypedError(AssertionError):
    """A statement that whoever types it at night gets nothing from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """A database in trouble, as two logins see it."""

    server: PostgresForTests
    name: str
    urls: dict[str, str]
    holder: int  # the session that others wait for


@pytest_asyncio.fixture
async def night(postgres: PostgresForTests, database: str) -> AsyncIterator[Night]:
    name = urlsplit(database).path.strip("/")
    login = f"app_{name}"
    async with open_to(database) as owner:
        await owner.execute(NIGHT)
        await let_in(owner, login, Secret.of(PASSWORD))
        async with waiting_for_another(database) as holder:
            yield Night(
                server=postgres,
                name=name,
                urls={OWNER: database, "a service": as_login(database, login)},
                holder=holder,
            )
    await postgres.run(f"DROP ROLE {login}")


@asynccontextmanager
async def open_to(url: str) -> AsyncIterator[Connection]:
    conn = await asyncpg.connect(url, server_settings={"application_name": "notaponte-tests"})
    try:
        yield conn
    finally:
        await conn.close()


@asynccontextmanager
async def waiting_for_another(database: str) -> AsyncIterator[int]:
    """One session left open with a lock, and one that waits for it; the process of the first."""
    async with open_to(database) as holder, open_to(database) as waiter:
        await holder.execute(f"BEGIN; {LOCKED}")
        waits = asyncio.create_task(waiter.execute(f"BEGIN; {WANTED}"))
        try:
            yield holder.get_server_pid()
        finally:
            waits.cancel()
            await asyncio.gather(waits, return_exceptions=True)


def as_login(database: str, login: str) -> str:
    parts = urlsplit(database)
    place = f"{login}:{PASSWORD}@{parts.hostname}:{parts.port}"
    return urlunsplit(parts._replace(netloc=place))


async def type_it(piece: Typed, night: Night) -> None:
    """Type a piece as its reader does; NotTypedError says where it stands and what came of it."""
    try:
        if one_by_one(piece)[0].startswith("SELECT"):
            for who, url in night.urls.items():
                # Whoever ends another's session is its superuser, or of the same role.
                if who == OWNER or PLACE not in piece.text:
                    await ask(piece, night, who, url)
        else:
            await change(piece, night)
    except asyncpg.PostgresError as error:
        raise NotTypedError(f"{piece.where}: {piece.text}: {error}") from error


async def ask(piece: Typed, night: Night, who: str, url: str) -> None:
    name, _, value = READ_ONLY.split()[1].partition("=")
    conn = await asyncpg.connect(url, server_settings={name: value})
    try:
        for statement in one_by_one(piece):
            rows = await conn.fetch(re.sub(rf"\b{PLACE}\b", str(night.holder), statement))
            if not rows:
                raise NotTypedError(f"{piece.where}: {statement}: shows {who} nothing")
    finally:
        await conn.close()


async def change(piece: Typed, night: Night) -> None:
    """Do what a piece says, in a transaction that is taken back."""
    async with open_to(night.urls[OWNER]) as owner:
        await owner.execute(END_THEM)  # as the reader has done by then
        begun = owner.transaction()
        await begun.start()
        try:
            for statement in one_by_one(piece):
                if OUTSIDE.match(statement):
                    await make_and_drop(statement, night)
                elif statement not in BRACKETS:
                    await set_up_roles(owner, statement)
                    await owner.execute(OURS.sub(rf"\1 {night.name}", statement))
        finally:
            await begun.rollback()


async def set_up_roles(owner: Connection, statement: str) -> None:
    """One that is made is not there yet; one that is changed is."""
    there = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)"
    for role in NEW_ROLE.findall(statement):
        if await owner.fetchval(there, role):
            await owner.execute(f"ALTER ROLE {role} RENAME TO {role}_of_before")
    for role in CHANGED_ROLE.findall(statement):
        if not await owner.fetchval(there, role):
            await owner.execute(f"CREATE ROLE {role} LOGIN IN ROLE notaponte_services")


async def make_and_drop(statement: str, night: Night) -> None:
    another = f"another_{uuid4().hex}"
    await night.server.run(OUTSIDE.sub(rf"\1 {another}", statement))
    await night.server.drop(another)


@pytest.mark.parametrize("piece", STATEMENTS, ids=lambda piece: piece.where)
async def test_a_statement_of_the_documents_can_be_typed(piece: Typed, night: Night) -> None:
    await type_it(piece, night)


WRONG = (
    ("Look: `SELECT scop FROM issuer_breakers`.", 'column "scop" does not exist'),
    ("`SELECT * FROM\nissuer_braker`", 'relation "issuer_braker" does not exist'),
    ("`SELECT * FROM issuer_breakers WHERE state = 'opened'`", "shows the owner nothing"),
    ("`SELECT tenant_id FROM tenants FOR UPDATE`", "read-only transaction"),
    ("```sql\nSELECT 1;\nSELECT rolpassword FROM pg_authid;\n```", "permission denied"),
    ('```sh\nmake psql SQL="SELECT count(*) FROM salse"\n```', 'relation "salse" does not exist'),
    ("`ALTER ROLE notaponte SET statement_timeuot = '30s'`", "unrecognized"),
    ("```sql\nCREATE ROLE one LOGIN IN ROLE notaponte_servises;\n```", "does not exist"),
    ("`SELECT pg_relation_size(…)`", 'column "…" does not exist'),
    ("`CREATE DATABASE notaponte OWNER nobody_here`", 'role "nobody_here" does not exist'),
)


@pytest.mark.parametrize(("text", "told"), WRONG)
async def test_one_that_cannot_is_told_with_its_place(
    text: str, told: str, night: Night, tmp_path: Path
) -> None:
    document = tmp_path / "at-night.md"
    document.write_text(f"# A page\n\n{text}\n", "utf-8")

    [piece] = statements([document])
    with pytest.raises(NotTypedError, match=re.escape(told)) as wrong:
        await type_it(piece, night)
    assert str(wrong.value).startswith(f"{document}:{4 if '```' in text else 3}: ")


def test_the_documents_have_statements_in_every_way_of_writing() -> None:
    found = {piece.where.rpartition(":")[0] for piece in STATEMENTS}

    assert {f"docs/runbooks/{one}.md" for one in ("alerts", "at-night", "database")} <= found
    assert {"", "sql", "sh"} == {piece.language for piece in STATEMENTS}

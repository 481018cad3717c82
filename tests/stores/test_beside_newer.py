"""Services of the release before run for days beside a schema and services that are newer.

An upgrade that stopped half-way, or was taken back after its migration. What that release (0.3.0,
revision 0031) says and knows is kept here word for word.
"""

import ast
import json
import re
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from pydantic import ValidationError

from shared.db.connection import Connection, Pool
from shared.db.migrate import bring, migrate
from shared.db.restores import emitters_store, restores_store
from shared.db.tenants.rules_store import UNKNOWN_BEFORE, as_json, from_json
from shared.domain.backfill_run import Summary
from shared.domain.rule import Rule
from tests.support.servers import PostgresForTests

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BEFORE = "0031"
TEXT = (HERE / "statements_of_0031.sql").read_text(encoding="utf-8")
KNOWN = json.loads((HERE / "words_of_0031.json").read_text(encoding="utf-8"))
# Words that are stored since, and what that release does with one: each was looked at there.
PASSED_OVER = {
    "Oddity": {"lists_failing", "not_theirs"},  # health names those that it knows
}
LEASED = (
    "INSERT INTO outbox (tenant_id, bill_id, due_at, origin, state, lease_until, leased_by)"
    " VALUES ('tabcdefghij', 1, now(), 'webhook', 'leased', now() + interval '12 s', $1)"
)


@pytest_asyncio.fixture
async def at_release(postgres: PostgresForTests) -> AsyncIterator[str]:
    """The URL of an empty database at the revision of the release before."""
    name = f"beside_{uuid4().hex}"
    await postgres.run(f"CREATE DATABASE {name}")
    conn = await asyncpg.connect(postgres.url(name))
    await bring(conn, None, BEFORE)
    await conn.close()
    yield postgres.url(name)
    await postgres.drop(name)


def said() -> Iterator[tuple[str, str]]:
    for one in re.split(r"\n\n(?=-- )", TEXT):
        yield one.partition("\n")[0].removeprefix("-- "), one


async def test_every_statement_of_the_release_before_is_planned_on_this_schema(pool: Pool) -> None:
    refused, taken = {}, 0
    async with pool.acquire() as conn:
        for name, text in said():
            if name.startswith("distribution."):  # they need Citus
                continue
            planned = text if "LOCK TABLE" in text else f"EXPLAIN (GENERIC_PLAN) {text}"
            try:
                async with conn.transaction():
                    await conn.execute(planned)
                taken += 1
            except asyncpg.PostgresError as error:
                refused[name] = str(error)
    assert refused == {}
    assert taken > 400


SHAPE = """
    SELECT c.relname::text AS table, a.attname::text AS column, a.atttypid::regtype::text AS type,
           a.attnotnull AS demanded, a.atthasdef OR a.attidentity <> '' AS filled
      FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
       AND NOT c.relispartition AND NOT a.attisdropped AND c.relname <> 'alembic_version'
"""
RULES = """
    SELECT c.relname || ' ' || o.conname AS name, pg_get_constraintdef(o.oid) AS said
      FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid
     WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition AND o.contype <> 'n'
     UNION ALL
    SELECT c.relname || ' ' || t.tgname, pg_get_triggerdef(t.oid)
      FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
     WHERE c.relnamespace = 'public'::regnamespace AND NOT t.tgisinternal AND NOT c.relispartition
"""


async def test_what_the_release_before_writes_no_column_and_no_constraint_refuses(
    at_release: str,
) -> None:
    before = await shape(at_release)
    await migrate(at_release)
    after = await shape(at_release)
    tables = {table for table, _ in before[0]}

    gone = before[0].keys() - after[0].keys()
    other = [
        key for key, (kind, *_) in before[0].items() if key in after[0] and after[0][key][0] != kind
    ]
    demanded = [
        key
        for key, (_, demanded, filled) in after[0].items()
        if key[0] in tables and demanded and not filled and not before[0].get(key, ("", False))[1]
    ]
    new = {
        name: said
        for name, said in after[1].items()
        if name.split()[0] in tables and before[1].get(name) != said
    }

    assert len(before[0]) > 400
    assert (gone, other, demanded, new) == (set(), [], [], {})


async def shape(url: str) -> tuple[dict[tuple[str, str], tuple[Any, ...]], dict[str, str]]:
    conn = await asyncpg.connect(url)
    try:
        columns = {
            (row["table"], row["column"]): (row["type"], row["demanded"], row["filled"])
            for row in await conn.fetch(SHAPE)
        }
        return columns, {row["name"]: row["said"] for row in await conn.fetch(RULES)}
    finally:
        await conn.close()


def test_no_word_is_stored_that_the_release_before_would_die_of() -> None:
    """Of each kind of word that its services read back, by the name of its type."""
    now = words()

    assert KNOWN["stored"].keys() <= now.keys()
    assert {
        kind: set(now[kind]) - set(known)
        for kind, known in KNOWN["stored"].items()
        if set(now[kind]) - set(known)
    } == PASSED_OVER


def words() -> dict[str, set[str]]:
    """The words of every enumeration and literal type of `shared`, by its name."""
    found: dict[str, set[str]] = {}
    for file in (ROOT / "shared").rglob("*.py"):
        if "api_client" in file.parts:
            continue
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            match node:
                case ast.ClassDef(name=name, bases=[ast.Name(id="StrEnum")], body=body):
                    values = [line.value for line in body if isinstance(line, ast.Assign)]
                case ast.Assign(
                    targets=[ast.Name(id=name)],
                    value=ast.Subscript(value=ast.Name(id="Literal"), slice=ast.Tuple(elts=values)),
                ):
                    pass
                case _:
                    continue
            found[name] = {str(one.value) for one in values if isinstance(one, ast.Constant)}
    return found


def test_a_rule_is_written_in_names_that_the_release_before_knows() -> None:
    rule = Rule.model_validate({"issue_when": "bill_paid", "service": {"lc116": "1.07"}})
    parts = Rule.model_json_schema(by_alias=True)
    names = {"Rule": set(parts["properties"])} | {
        part: set(said["properties"])
        for part, said in parts["$defs"].items()
        if "properties" in said
    }

    assert as_json(rule).keys() <= set(KNOWN["rule"]["Rule"])
    assert from_json(as_json(rule)) == rule
    assert {
        part: said - set(KNOWN["rule"][part])
        for part, said in names.items()
        if part in KNOWN["rule"] and said - set(KNOWN["rule"][part])
    } == {"Rule": set(UNKNOWN_BEFORE)}


def test_a_rule_of_a_later_version_is_read_where_its_new_names_say_nothing() -> None:
    rule = Rule.model_validate({"issue_when": "bill_paid", "service": {"lc116": "1.07"}})
    later = {**as_json(rule), "of_later": {}, "also_of_later": None}

    assert from_json(later) == rule
    with pytest.raises(ValidationError, match="of_later"):
        from_json({**later, "of_later": {"a": 1}})
    with pytest.raises(ValidationError, match="issue_when"):
        from_json({**later, "issue_when": "of_later"})


def test_what_an_import_of_a_later_version_found_is_read_as_far_as_it_is_known() -> None:
    found = Summary(bills=3, known=1, issue=2)

    assert Summary.from_json({**found.to_json(), "of_later": {"a": 1}}) == found


@pytest.mark.parametrize(("holder", "is_older"), [("of-before", True), ("of-now", False)])
async def test_an_emitter_that_says_nothing_of_itself_is_noticed_by_its_leases(
    pool: Pool, holder: str, is_older: bool
) -> None:
    """After a failover the half minute is waited for, however long ago the migration was."""
    async with pool.acquire() as conn:
        await settled_long_ago(conn)
        now = await conn.fetchval("SELECT now()")
        await emitters_store.beat_any_tenant(
            conn, "of-now", at=now, knows_of=None, waits_for=frozenset()
        )
        await conn.execute(LEASED, holder)

        await restores_store.note_older_code_any_tenant(conn, ["of-now"])

        until = await restores_store.older_code_until(conn)
    assert (until is not None and until > now + timedelta(minutes=20)) is is_older


async def settled_long_ago(conn: Connection) -> None:
    await conn.execute(
        "INSERT INTO tenants (tenant_id, name, plan, timezone)"
        " VALUES ('tabcdefghij', 'x', 'pro', 'America/Sao_Paulo')"
    )
    await conn.execute(
        "INSERT INTO database_life (one, system_identifier, wal_timeline, seen_at,"
        " older_code_until) VALUES (true, 1, 1, now(), now() - interval '1 day')"
    )

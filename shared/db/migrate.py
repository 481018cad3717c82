"""Bringing a database to the schema this code needs: forward only, safe to start in parallel.

Alembic renders the SQL of what is missing and asyncpg runs it, statement by statement. So what
`--sql` prints for a database administrator is word for word what would run.
"""

import asyncio
import io
import re
from typing import Final

from alembic import command, op
from alembic.config import Config
from alembic.util import CommandError

from shared.db.connection import Connection, connect, is_pooled
from shared.db.distribution import distribute
from shared.db.revision import MIGRATIONS, SchemaError, current_revision, head_revision

TOGETHER: Final = "\n-- Together:\n"
LOCK_KEY: Final = 0x4E6F7461706F6E74  # "Notapont": any number no other program locks

# Asked for again and again: who waits inside a statement is waited for by an index that is built
# concurrently, and would wait for it.
TAKE_TURN: Final = """
    -- migrate.take_turn
    SELECT pg_try_advisory_lock($1)
"""
ASK_AGAIN_SECONDS: Final = 0.2

# Services queue behind whoever waits for a table's lock. Behind an index that is built or dropped
# concurrently nobody does, and it waits for every transaction that was open before: an export of a
# month, a copy of the database.
WAIT: Final = """
    -- migrate.wait
    SET lock_timeout = '2s'
"""
WAIT_CONCURRENTLY: Final = """
    -- migrate.wait_concurrently
    SET lock_timeout = '10min'
"""
CONCURRENTLY: Final = "INDEX CONCURRENTLY"
_BUILDS: Final = re.compile(
    r"^CREATE (?:UNIQUE )?INDEX CONCURRENTLY IF NOT EXISTS (\w+)", re.MULTILINE
)
# An index of which the building ended half-way stays, and is never read: `IF NOT EXISTS` takes it
# for one that is there, and the one in whose place it comes would be dropped for it.
DROP_HALF_BUILT: Final = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_index
                WHERE indexrelid = to_regclass('{name}') AND NOT indisvalid) THEN
        DROP INDEX {name};
    END IF;
END $$
"""

POOLED: Final = (
    "DATABASE_URL leads to a pooler, where a migration cannot keep its lock: give the address of"
    " PostgreSQL itself, for this command alone."
)


def run_sql(sql: str) -> None:
    """Run SQL by hand inside a migration's `upgrade`.

    The text is passed on as it is (no bind parameters, `:` and `%` mean themselves). It may hold
    several statements, except around `CREATE INDEX CONCURRENTLY`, which has to stand alone inside
    `with op.get_context().autocommit_block():`.
    """
    op.get_context().impl.static_output(sql.strip().removesuffix(";") + ";")


def run_sql_file(name: str) -> None:
    """Run a file of migrations/sql inside a migration's `upgrade`, as `run_sql` does.

    What stands before a line `-- Together:` is run statement by statement, each in a transaction of
    its own: none holds what it locked longer than it needs, and indexes are built concurrently.
    Such statements end with `;` and a blank line, and are safe to repeat, since all of the file is
    tried again if a later one fails; an index that was left half built is built afresh. Nothing has
    to follow that line.
    """
    text = (MIGRATIONS / "sql" / name).read_text(encoding="utf-8")
    apart, _, together = text.rpartition(TOGETHER)
    if apart:
        with op.get_context().autocommit_block():
            for statement in apart.strip().split(";\n\n"):
                for index in _BUILDS.findall(statement):
                    run_sql(DROP_HALF_BUILT.format(name=index))
                run_sql(statement)
    if together.strip():
        run_sql(together)


async def migrate(url: str, *, citus: bool = False) -> str:
    """Bring a database to head and return that revision; do nothing when it is there.

    Of several that start at once, one works and the others wait for it. A migration that waits
    over 2 s for a table's lock gives up (asyncpg.LockNotAvailableError) with what is complete
    kept, so it never makes the services queue behind it; run it again. What is done to an index
    concurrently waits ten minutes for transactions that were open before. `url` must lead to
    PostgreSQL itself: SchemaError where a pooler stands between and there is something to do. With
    `citus` the tables are distributed afterwards.
    """
    conn = await connect(url)
    try:
        if not citus and await current_revision(conn) == head_revision():
            return head_revision()
        if await is_pooled(conn):
            raise SchemaError(POOLED)
        while not await conn.fetchval(TAKE_TURN, LOCK_KEY):  # noqa: ASYNC110 - another process has it
            await asyncio.sleep(ASK_AGAIN_SECONDS)
        await conn.execute(WAIT)
        await conn.execute("SET statement_timeout = 0")  # a role behind a pooler has one of its own
        await bring(conn, await current_revision(conn))
        if citus:
            await distribute(conn)
    finally:
        await conn.close()  # releases the advisory lock too
    return head_revision()


async def bring(conn: Connection, current: str | None, to: str | None = None) -> None:
    """Run the SQL from a revision to another, or to head."""
    for statement in statements(current, to):
        if _is_comment(statement):  # asyncpg trips over a text without a command
            continue
        if CONCURRENTLY in statement:
            await conn.execute(WAIT_CONCURRENTLY)
            await conn.execute(statement)
            await conn.execute(WAIT)
        else:
            await conn.execute(statement)


def statements(current: str | None, to: str | None = None) -> list[str]:
    """The SQL from a revision to another, or to head, in the pieces that may be sent at once."""
    to = to or head_revision()
    pieces = _Pieces()
    if current == to:
        return []
    config = Config(output_buffer=pieces)
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    try:
        command.upgrade(config, f"{current}:{to}" if current else to, sql=True)
    except CommandError as error:
        raise SchemaError(
            f"The database is at revision {current}, which this version does not know;"
            " a newer version has been here (run that one), or a program that is not ours."
        ) from error
    return pieces.found


def offline_sql(current: str | None = None) -> str:
    """The same SQL as one text, for whoever runs migrations by hand."""
    return "\n\n".join(statements(current)) + "\n"


def _is_comment(statement: str) -> bool:
    return all(line.startswith("--") for line in statement.splitlines())


class _Pieces(io.StringIO):
    """Collects what Alembic writes: one statement at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def write(self, text: str, /) -> int:
        if text.strip():
            self.found.append(text.strip())
        return len(text)

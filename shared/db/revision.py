"""Which revision this code was written for, known without loading what migrates.

Every service asks for it; Alembic and SQLAlchemy, which only a migration needs, would cost each of
them twenty MiB.
"""

import re
from functools import cache
from pathlib import Path
from typing import Final

from shared.db.connection import Connection, Pool
from shared.telemetry.health import Check, NotReadyError

MIGRATIONS: Final = Path(__file__).parent / "migrations"
# Files are named for their revision, and revisions only grow: tests/stores/test_migrate.py looks.
VERSION: Final = re.compile(r"(\d{4})_\w+\.py")

HAS_REVISIONS: Final = """
    -- revision.has_revisions
    SELECT to_regclass('alembic_version') IS NOT NULL
"""
CURRENT_REVISION: Final = """
    -- revision.current_revision
    SELECT version_num FROM alembic_version
"""


class SchemaError(Exception):
    """The database cannot be migrated by this code; the text says why in plain words."""


@cache
def head_revision() -> str:
    """The revision this code was written for."""
    names = (VERSION.fullmatch(file.name) for file in (MIGRATIONS / "versions").iterdir())
    return max(name[1] for name in names if name)


async def current_revision(conn: Connection) -> str | None:
    """The revision a database is at; None when it has never been migrated."""
    if not await conn.fetchval(HAS_REVISIONS):
        return None
    revision: str | None = await conn.fetchval(CURRENT_REVISION)
    return revision


def schema_check(pool: Pool) -> Check:
    """A readiness check: the database is reached and has been brought to this code's revision.

    A later revision will do: migrations run before the services of a new version are started, and
    those of this one stay in service meanwhile. What would break them (`contract`) comes only
    after they are gone.
    """

    async def check() -> None:
        async with pool.acquire() as conn:
            current = await current_revision(conn)
        if current is None or current < head_revision():  # four digits each
            raise NotReadyError(f"schema at {current or 'nothing'}, not at {head_revision()}")

    return check

"""`make schema`: the tables as the migrations make them, in one file, for whoever reviews a change.

A server of its own is migrated from nothing, so what lies on this machine is not in it.
"""

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

from shared.db.migrate import migrate
from shared.local.postgres import installation, running_postgres

SCHEMA: Final = Path(__file__).parents[1] / "shared" / "db" / "schema.sql"
HEAD: Final = "-- Made by `make schema` from the migrations; nobody edits it.\n"
# What a dump says of the program that made it, of its session and of who may read it back.
_NOISE: Final = re.compile(
    r"^(--.*|SET .*|SELECT pg_catalog\.set_config.*|\\(un)?restrict .*)\n", re.MULTILINE
)
_GAPS: Final = re.compile(r"\n{3,}")


def dump(url: str) -> str:
    """The schema of a database as text, the same for the same schema; blocks for half a second."""
    parts = urlsplit(url)
    bare = parts._replace(netloc=f"{parts.username}@{parts.hostname}:{parts.port}")
    said = subprocess.run(  # noqa: S603 - our own command line
        [
            str(installation() / "bin" / "pg_dump"),
            "--schema-only",
            "--no-owner",
            "--no-privileges",
            "--exclude-table=alembic_version",
            f"--dbname={urlunsplit(bare)}",
        ],
        env={**os.environ, "PGPASSWORD": unquote(parts.password or "")},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return HEAD + "\n" + _GAPS.sub("\n\n", _NOISE.sub("", said)).strip() + "\n"


async def schema_of_migrations() -> str:
    """The schema that the migrations of this checkout make."""
    with tempfile.TemporaryDirectory(prefix="np-", ignore_cleanup_errors=True) as folder:
        async with running_postgres(Path(folder)) as server:
            await migrate(server.url())
            return await asyncio.to_thread(dump, server.url())


def main() -> None:
    """Write shared/db/schema.sql and say so."""
    SCHEMA.write_text(asyncio.run(schema_of_migrations()), encoding="utf-8")
    sys.stdout.write(f"{SCHEMA.relative_to(SCHEMA.parents[2])}\n")


if __name__ == "__main__":
    main()

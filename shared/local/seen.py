"""What a home remembers of its database outside of it, so that older files do not pass for it.

Whoever puts the files of yesterday in the place of today's leaves no mark inside them. How far the
server had written, which never goes back in one life of it, is therefore written down beside them.
"""

import json
from pathlib import Path
from typing import Final

from msgspec import Struct

from shared.db.connection import Connection
from shared.db.restores import restores_store
from shared.db.restores.restores_store import Life, Restore
from shared.local.files import write_private
from shared.local.home import Home

WRITTEN: Final = """
    -- seen.written
    SELECT (pg_current_wal_flush_lsn() - '0/0')::bigint
"""


class WrittenSoFar(Struct, frozen=True, kw_only=True):
    """A server's life, and how many bytes of it were written."""

    life: Life
    written: int


async def note(home: Home, conn: Connection) -> None:
    """Write down how far the server is."""
    now = await _now(conn)
    if now is not None:
        said = {
            "system_identifier": now.life.system_identifier,
            "wal_timeline": now.life.wal_timeline,
            "written": now.written,
        }
        write_private(_file(home), json.dumps(said) + "\n")


async def look_any_tenant(home: Home, conn: Connection) -> Restore | None:
    """Hold the database against what it, and the home, remember; the restore if it is older."""
    now, before = await _now(conn), _read(_file(home))
    behind = (
        now is not None
        and before is not None
        and now.life == before.life
        and now.written < before.written
    )
    found = await restores_store.look_any_tenant(conn, told="older_copy" if behind else None)
    await note(home, conn)
    return found


async def _now(conn: Connection) -> WrittenSoFar | None:
    life = await restores_store.live(conn)
    if life is None:
        return None
    return WrittenSoFar(life=life, written=await conn.fetchval(WRITTEN))


def _file(home: Home) -> Path:
    return home.folder / "database-seen"


def _read(path: Path) -> WrittenSoFar | None:
    """What was written down; None for a file that is not there, or is none of ours."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        life = Life(system_identifier=said["system_identifier"], wal_timeline=said["wal_timeline"])
        return WrittenSoFar(life=life, written=said["written"])
    except (OSError, ValueError, KeyError, TypeError):
        return None

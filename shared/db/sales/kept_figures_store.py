"""Figures that took long to add up, with the instant they are of; nothing is decided by them."""

from datetime import datetime
from typing import Final

from msgspec import Struct

from shared.db.connection import Connection
from shared.domain.ids import TenantId


class KeptFigures(Struct, frozen=True, kw_only=True):
    """What was kept: `body` is JSON; `now` the database's clock as it was read."""

    as_of: datetime  # before the first of what it was added up from was read
    took_ms: int  # milliseconds it took to add up
    body: str
    outdated_at: datetime | None  # when somebody changed what it is about
    now: datetime

    @property
    def outdated(self) -> bool:
        """Somebody's own act is not in it."""
        return self.outdated_at is not None and self.outdated_at >= self.as_of


READ: Final = """
    -- kept_figures_store.read
    SELECT as_of, took_ms, body, outdated_at, now() AS now
      FROM kept_figures WHERE tenant_id = $1 AND name = $2
"""


async def read(conn: Connection, tenant: TenantId, name: str) -> KeptFigures | None:
    """What is kept under a name."""
    row = await conn.fetchrow(READ, tenant, name)
    return None if row is None else KeptFigures(**dict(row))


# Who began earlier and ends later has older figures: they are left out. A row of the future is a
# clock's error (statements end within minutes), and would otherwise stay until that day has come.
KEEP: Final = """
    -- kept_figures_store.keep
    INSERT INTO kept_figures AS k (tenant_id, name, as_of, took_ms, body)
    VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (tenant_id, name) DO UPDATE
       SET as_of = excluded.as_of, took_ms = excluded.took_ms, body = excluded.body
     WHERE k.as_of < excluded.as_of OR k.as_of - excluded.as_of > interval '1 hour'
"""


async def keep(
    conn: Connection, tenant: TenantId, name: str, *, as_of: datetime, took_ms: int, body: str
) -> None:
    """Keep figures, unless newer ones are kept already. Safe to repeat."""
    await conn.execute(KEEP, tenant, name, as_of, took_ms, body)


OUTDATE: Final = """
    -- kept_figures_store.outdate
    UPDATE kept_figures SET outdated_at = now() WHERE tenant_id = $1
"""


async def outdate(conn: Connection, tenant: TenantId) -> None:
    """Say that a person changed something: whoever looks next waits for new figures."""
    await conn.execute(OUTDATE, tenant)


FORGET: Final = """
    -- kept_figures_store.forget_any_tenant
    DELETE FROM kept_figures
"""


async def forget_any_tenant(conn: Connection) -> None:
    """Keep no figures of anybody: they are added up again when somebody looks."""
    await conn.execute(FORGET)

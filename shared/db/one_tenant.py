"""Connections that see one tenant and no other, whatever a statement forgets.

Each is a transaction in which the role `notaponte_panel` was taken on: row-level security shows it
the rows of the tenant that is named beside it, and nothing of that outlives the transaction, so it
holds behind PgBouncer too. A function of the database does both, by statements, which Citus passes
on to the nodes that hold the rows; nothing may be read before it, since nodes are reached as the
role that one has.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Literal, cast

from shared.db.connection import Connection, Pool
from shared.domain.ids import TenantId

PANEL_ROLE: Final = "notaponte_panel"
Isolation = Literal["read_committed", "repeatable_read"]

TAKE_ON: Final = """
    -- one_tenant.acquire
    SELECT see_one_tenant($1)
"""


class OneTenant:
    """What commands use of a pool: `acquire`. Each block is one transaction, committed at its end.

    A transaction that is begun inside becomes part of it.
    """

    def __init__(
        self, pool: Pool, tenant: TenantId, isolation: Isolation = "read_committed"
    ) -> None:
        self._pool = pool
        self._tenant = tenant
        self._isolation = isolation

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        """A connection as the panel's role."""
        async with (
            self._pool.acquire() as conn,
            conn.transaction(isolation=self._isolation),
        ):
            await conn.fetchrow(TAKE_ON, self._tenant)
            yield conn


def pool_of(pool: Pool, tenant: TenantId, isolation: Isolation = "read_committed") -> Pool:
    """A pool whose every connection sees this tenant alone; only `acquire` may be used of it."""
    return cast("Pool", OneTenant(pool, tenant, isolation))

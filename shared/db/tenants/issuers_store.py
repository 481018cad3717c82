"""The issuer's connections of a tenant: the one in use, and those its older notas belong to."""

from collections.abc import Sequence

from msgspec import Struct

from shared.crypto.seal import Sealer
from shared.db.connection import Connection
from shared.db.tenants import connections_store, nota_connections_store
from shared.db.tenants.connections_store import IssuerConnection, left_issuer
from shared.domain.ids import TenantId


class Issuers(Struct, frozen=True, kw_only=True):
    """Where notas of a tenant are born now, and where they were born before."""

    current: IssuerConnection | None
    left: Sequence[IssuerConnection] = ()  # by id, so by age

    def of(self, connection: int | None) -> IssuerConnection | None:
        """The connection of that id; without one the one in use."""
        if connection is None:
            return self.current
        known = [one for one in (self.current, *self.left) if one is not None]
        return next((one for one in known if one.id == connection), None)


async def load(conn: Connection, sealer: Sealer, tenant: TenantId) -> Issuers:
    """All connections of a tenant to its issuers, keys opened. Raises UnsealError.

    One whose key was forgotten, since the tenant leaves, is none: there is nothing to ask with.
    """
    current = await connections_store.get_issuer(conn, sealer, tenant)
    return await beside(conn, sealer, tenant, current)


async def beside(
    conn: Connection, sealer: Sealer, tenant: TenantId, current: IssuerConnection | None
) -> Issuers:
    """The same where the connection in use was read already."""
    if current is not None and not current.has_left:
        return Issuers(current=current)
    left = await nota_connections_store.left_ones(conn, tenant, current.id if current else None)
    opened = [left_issuer(row, sealer, tenant) for row in left]
    return Issuers(current=current, left=[one for one in opened if one.api_key.reveal()])

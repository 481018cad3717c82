"""Where a nota is asked about: the connection it was born under, with that one's key and limits."""

from datetime import datetime, timedelta
from typing import Final

import structlog
from msgspec import Struct

from shared.clients import Clients
from shared.db.connection import Connection
from shared.db.tenants import connections_store, nota_connections_store
from shared.db.tenants.connections_store import IssuerConnection
from shared.domain.errors import TenantBlockedError
from shared.domain.ids import TenantId
from shared.issuer.interface import Issuer
from shared.run.fair_line import OwnLine

log = structlog.get_logger()

ASK_LEFT_AGAIN: Final = timedelta(hours=1)  # nobody enters the key of a connection that was left


class Place(Struct, frozen=True, kw_only=True):
    """One issuer's company as notas of the pass meet it; `issuer` is None while it is blocked."""

    connection: IssuerConnection | None
    issuer: Issuer | None
    slots: OwnLine  # requests that may be under way for its key
    backfill_slots: OwnLine  # those that sales of a backfill may wait for at once
    follow_slots: OwnLine  # those that questions nobody waits for may take of the slots
    is_left: bool = False  # the tenant has gone on to another one


def place_of(
    clients: Clients, connection: IssuerConnection | None, *, is_left: bool, now: datetime
) -> Place:
    """The way to a connection; no request leaves here."""
    waits = connection is not None and connection.state.blocked
    if is_left and connection is not None:
        waits = waits and connection.state.since > now - ASK_LEFT_AGAIN
    return Place(
        connection=connection,
        issuer=clients.issuer(connection) if connection and not waits else None,
        slots=clients.slots(connection),
        backfill_slots=clients.slots(connection, for_backfill=True),
        follow_slots=clients.slots(connection, to_follow=True),
        is_left=is_left,
    )


async def block(
    conn: Connection, tenant: TenantId, place: Place, error: TenantBlockedError, now: datetime
) -> None:
    """Note that a connection refuses us.

    The one in use waits for a person; one that was left stops nobody, and is asked again by itself.
    """
    connection = place.connection
    log.warning("issuer_blocked", tenant_id=tenant, code=error.code, left=place.is_left)
    if place.is_left and connection is not None and connection.id is not None:
        await nota_connections_store.mark(conn, tenant, connection.id, error.code, now)
        return
    await connections_store.block(
        conn,
        tenant,
        "issuer",
        error.code,
        str(error),
        connected_at=connection.state.connected_at if connection else None,
    )

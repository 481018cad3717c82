"""A month's notas as a ZIP for the accountant: XML and PDF of each, made while it is sent."""

from collections.abc import AsyncIterator
from datetime import datetime
from functools import partial

from shared.clients import Clients
from shared.commands.closing import span_of
from shared.commands.files.export_zip import Export, stream_zip
from shared.crypto.seal import Sealer
from shared.db.closing import closing_read
from shared.db.closing.closing_read import ValidNota
from shared.db.connection import Pool
from shared.db.tenants import issuers_store
from shared.db.tenants.issuers_store import Issuers
from shared.db.tenants.tenants_store import Tenant
from shared.domain.closing import Month
from shared.issuer.interface import Issuer


async def month_zip(
    pool: Pool, sealer: Sealer, clients: Clients, tenant: Tenant, month: Month, *, at: datetime
) -> AsyncIterator[bytes] | None:
    """Begin the ZIP; None while no issuer is connected. `at` is written on every file."""
    async with pool.acquire() as conn:
        span = await span_of(conn, tenant, month)
        issuers = await issuers_store.load(conn, sealer, tenant.id)
    if issuers.current is None:
        return None
    notas = closing_read.valid_notas(pool, span)
    return stream_zip(Export(notas=notas, issuer_of=partial(_issuer_of, clients, issuers), at=at))


def _issuer_of(clients: Clients, issuers: Issuers, nota: ValidNota) -> Issuer | None:
    connection = issuers.of(nota.connection_id)
    return None if connection is None else clients.issuer(connection)

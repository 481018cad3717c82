"""Keeps up a mirror of the notas at each issuer that are not ours, by listing days."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from functools import partial
from typing import Final

import structlog

from services.reconciler.services import Services
from shared.commands.sample_nota import is_sample
from shared.crypto import columns
from shared.crypto.seal import Sealer
from shared.db.away import database_away_for_all
from shared.db.closing import foreign_notas_store
from shared.db.closing.foreign_notas_store import ForeignNota
from shared.db.sales.sales_read import document_word
from shared.db.tenants import connections_store
from shared.domain.errors import PipelineError
from shared.domain.external_id import read_external_id
from shared.domain.ids import TenantId
from shared.domain.party import normalise_document
from shared.issuer.interface import Issuer, Phase, Snapshot
from shared.run.loops import Periodic

log = structlog.get_logger()

FIRST_DAYS: Final = 60  # what an account's notas before ours could still be copied by us
LIST_EVERY: Final = timedelta(hours=1)
LOOK_EVERY: Final = timedelta(seconds=10)
AFTER_FAILURE: Final = timedelta(seconds=30)
LEASE: Final = timedelta(minutes=10)  # a worker that died, or a list that failed: read again then
AHEAD: Final = timedelta(days=1)  # what an issuer whose clock goes before ours dates tomorrow
TENANTS_A_LOOK: Final = 20
ROWS_A_COMMIT: Final = 200
_VALID: Final = frozenset({Phase.PENDING, Phase.ISSUED, Phase.CANCEL_REFUSED, Phase.UNKNOWN_STATUS})


async def mirror_issuers(services: Services) -> None:
    """Read what is due, tenant by tenant, until cancelled."""
    await Periodic(
        name="mirror",
        step=partial(mirror_once, services),
        every=LOOK_EVERY,
        after_failure=AFTER_FAILURE,
        failed="mirror_waits",
    ).run()


async def mirror_once(services: Services) -> int:
    """Bring the lists up to date that are due; returns how many were read whole."""
    async with services.pool.acquire() as conn:
        due = await foreign_notas_store.due_any_tenant(conn, limit=TENANTS_A_LOOK)
    whole = 0
    for tenant in due:
        try:
            whole += await _mirror(services, tenant)
        except PipelineError as error:
            log.info("mirror_failed", tenant_id=tenant, error=type(error).__name__)
        except Exception as error:
            if database_away_for_all(error):
                raise
            log.exception("mirror_failed", tenant_id=tenant)  # the others go on
    return whole


async def _mirror(services: Services, tenant: TenantId) -> bool:
    async with services.pool.acquire() as conn:
        connection = await connections_store.get_issuer(conn, services.sealer, tenant)
        if connection is None:
            return False
        company = connection.company_id
        days = await foreign_notas_store.claim(
            conn, tenant, company, lease=LEASE, first_days=FIRST_DAYS
        )
    if days is None:
        return False
    since, until = days
    issuer = services.clients.issuer(connection)
    await _list(services, tenant, issuer, since, until + AHEAD)
    async with services.pool.acquire() as conn:
        await foreign_notas_store.done(conn, tenant, company, days, LIST_EVERY)
    return True


async def reach_back(services: Services, tenant: TenantId, since: date) -> None:
    """Have the mirror hold what was made since a day, before past sales of it may be issued.

    Nothing to do without an issuer, or where it has no list. Raises what the issuer raises: a
    TransientError when it cannot be asked now, a TenantBlockedError when it refuses the key.
    """
    async with services.pool.acquire() as conn:
        connection = await connections_store.get_issuer(conn, services.sealer, tenant)
        if connection is None:
            return
        company = connection.company_id
        days = await foreign_notas_store.unlisted(conn, tenant, company, since)
    if days is None:
        return
    await _list(services, tenant, services.clients.issuer(connection), *days)
    async with services.pool.acquire() as conn:
        await foreign_notas_store.reached(conn, tenant, company, since)
    log.info("mirror_reached_back", tenant_id=tenant, since=since.isoformat())


async def _list(
    services: Services, tenant: TenantId, issuer: Issuer, since: date, until: date
) -> None:
    if not issuer.capabilities.lists:
        return
    listed = issuer.list_created(since, until)
    async for rows in _in_chunks(services.sealer, tenant, listed):
        async with services.pool.acquire() as conn:
            await foreign_notas_store.store(conn, tenant, rows)


async def _in_chunks(
    sealer: Sealer, tenant: TenantId, listed: AsyncIterator[Snapshot]
) -> AsyncIterator[list[ForeignNota]]:
    chunk: list[ForeignNota] = []
    async for snapshot in listed:
        nota = foreign(sealer, tenant, snapshot)
        if nota is not None:
            chunk.append(nota)
        if len(chunk) >= ROWS_A_COMMIT:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def foreign(sealer: Sealer, tenant: TenantId, snapshot: Snapshot) -> ForeignNota | None:
    """A listed nota as the mirror keeps it; None for ours, and for one that names no customer."""
    named = read_external_id(snapshot.external_id)
    if named is not None and named.tenant == tenant:
        return None
    if is_sample(snapshot.external_id, tenant):
        return None  # a test nota of ours, of no sale
    document = normalise_document(snapshot.document)
    if document is None or snapshot.amount is None or snapshot.competencia is None:
        return None
    issuer_id = snapshot.issuer_id.lower()
    return ForeignNota(
        issuer_id=issuer_id,
        environment=snapshot.environment or "Producao",
        document=columns.FOREIGN_DOCUMENT.seal(sealer, tenant, document.encode(), issuer_id),
        document_word=document_word(sealer, tenant, document),
        amount=snapshot.amount,
        competencia=snapshot.competencia,
        number=snapshot.number,
        valid=snapshot.phase in _VALID,
    )

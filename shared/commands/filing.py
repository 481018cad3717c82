"""Fiscal facts of notas whose code did not keep them, told from their sealed drafts."""

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final

import msgspec
import structlog

from shared.commands.closing import span_of
from shared.crypto import columns
from shared.crypto.seal import Sealer, UnsealError
from shared.db.closing import filed_notas
from shared.db.closing.closing_read import Span
from shared.db.closing.filed_notas import NO_NOTA, UntoldNota
from shared.db.connection import Connection, Pool
from shared.db.tenants.tenants_store import Tenant
from shared.domain.closing import Month
from shared.domain.fiscal import FiscalFacts, fiscal_facts
from shared.domain.ids import TenantId
from shared.domain.nota import NotaDraft

log = structlog.get_logger()

PAGE: Final = 500
MOST_SECONDS: Final = 5.0  # a person waits; whoever asks again finds the rest told
_DRAFT: Final = msgspec.json.Decoder(NotaDraft)

PlaceOfNota = tuple[int, int, int]


async def tell_untold(pool: Pool, sealer: Sealer, tenant: Tenant, month: Month) -> None:
    """Tell what the drafts of a month's notas say, as far as that takes a moment; repeatable."""
    until = time.monotonic() + MOST_SECONDS
    async with pool.acquire() as conn:
        span = await span_of(conn, tenant, month)

    async def totals(conn: Connection, after: PlaceOfNota) -> list[UntoldNota]:
        return await filed_notas.untold(conn, span, month, after=after, limit=PAGE)

    async def credited(conn: Connection, after: PlaceOfNota) -> list[UntoldNota]:
        return await filed_notas.untold_credits(conn, span, month, after=after, limit=PAGE)

    for read in (totals, credited):
        await _tell(pool, sealer, span, read, until)


async def _tell(
    pool: Pool,
    sealer: Sealer,
    span: Span,
    read: Callable[[Connection, PlaceOfNota], Awaitable[list[UntoldNota]]],
    until: float,
) -> None:
    after: PlaceOfNota = NO_NOTA
    while time.monotonic() < until:
        async with pool.acquire() as conn:
            found = await read(conn, after)
            told = list(_told(sealer, span.tenant, found))
            if told:
                await filed_notas.tell(conn, span.tenant, told)
        if len(told) < len(found):
            log.warning("drafts_not_read", tenant_id=span.tenant, count=len(found) - len(told))
        if len(found) < PAGE:
            return
        after = found[-1].key


def _told(
    sealer: Sealer, tenant: TenantId, found: Sequence[UntoldNota]
) -> Iterator[tuple[UntoldNota, FiscalFacts]]:
    """What can be read; a draft under a lost key, say, stays untold."""
    for nota in found:
        try:
            body = columns.REQUEST.open(sealer, tenant, nota.request, *nota.key)
            yield nota, fiscal_facts(_DRAFT.decode(body))
        except (UnsealError, msgspec.MsgspecError):
            continue

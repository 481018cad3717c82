"""Asks Vindi for a batch, and says why where it did not answer."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Final

import structlog

from services.emitter.context import TenantContext
from services.emitter.reading.payments import read_payments
from services.emitter.reading.read import (
    NotNow,
    ReadBatch,
    Refused,
    Unread,
    read_bills,
    read_customers,
)
from services.emitter.work import FreshSale, Known
from shared.db.connection import Pool
from shared.db.outbox.outbox_store import Entry
from shared.db.tenants import connections_store
from shared.db.vindi import events_store, oddities_store
from shared.domain.errors import TenantBlockedError, TransientError
from shared.domain.ids import BillId
from shared.run.second_look import RefusalPassed
from shared.vindi.client import VindiClient

log = structlog.get_logger()

REFUSED_ALONE: Final = 3  # tries after which a refusal that the account does not know is one sale's
CLAIMS_COUNT_FOR: Final = timedelta(minutes=5)


async def bills_of(
    pool: Pool,
    context: TenantContext,
    entries: Sequence[Entry],
    known: Mapping[BillId, Known],
    *,
    doubted: bool = False,
) -> ReadBatch:
    """Read the bills of these sales; each of them is answered for. `doubted`: see `read_bills`."""

    async def claims_of(bills: Sequence[BillId]) -> dict[BillId, set[str]]:
        async with pool.acquire() as conn:
            return await events_store.claims_of(
                conn, context.tenant, bills, within=CLAIMS_COUNT_FOR
            )

    async def read(vindi: VindiClient) -> ReadBatch:
        batch = await read_bills(context, vindi, entries, known, claims_of, doubted=doubted)
        told = await read_payments(context.bulk, vindi, context.terms, batch.fresh, context.now)
        return ReadBatch(fresh=told.fresh, unread=[*batch.unread, *told.unread])

    return await _asked(pool, context, [(one, known[one.bill_id]) for one in entries], read)


async def customers_of(pool: Pool, context: TenantContext, sales: Sequence[FreshSale]) -> ReadBatch:
    """Read the customers of these sales; each of them is answered for."""

    async def read(vindi: VindiClient) -> ReadBatch:
        return await read_customers(context, vindi, sales)

    return await _asked(pool, context, [(one.entry, one.known) for one in sales], read)


async def _asked(
    pool: Pool,
    context: TenantContext,
    sales: Sequence[tuple[Entry, Known]],
    read: Callable[[VindiClient], Awaitable[ReadBatch]],
) -> ReadBatch:
    if not sales:
        return ReadBatch(fresh=[], unread=[])
    why: Refused | NotNow
    if context.vindi is None:
        connection = context.vindi_connection
        why = Refused(code=connection.state.code if connection else "vindi_not_connected")
    else:
        try:
            done = await read(context.vindi)
        except TenantBlockedError:
            why = await _believed(pool, context, context.vindi, [entry for entry, _ in sales])
        except TransientError as error:
            why = NotNow(wait=error.retry_after)
        else:
            return done
        finally:
            await _note_oddities(pool, context, context.vindi)
    unread = [Unread(entry=entry, known=known, why=why) for entry, known in sales]
    return ReadBatch(fresh=[], unread=unread)


async def _believed(
    pool: Pool, context: TenantContext, vindi: VindiClient, entries: Sequence[Entry]
) -> Refused | NotNow:
    """What a refusal means, after a second look at all that is read of the account.

    One that the account does not know, and that comes again and again, is of some sale alone: it is
    raised, and the batch divided until that sale is found.
    """
    meant = await context.second_look.judge(f"vindi:{vindi.account}", vindi.prove_key)
    if isinstance(meant, TenantBlockedError):
        await _block(pool, context, meant)
        return Refused(code=meant.code)
    tried = max(entry.tries for entry in entries)
    if isinstance(meant, RefusalPassed) and tried >= REFUSED_ALONE:
        raise meant
    return NotNow(wait=meant.retry_after)


async def _note_oddities(pool: Pool, context: TenantContext, vindi: VindiClient) -> None:
    if vindi.oddities:
        async with pool.acquire() as conn:
            await oddities_store.note(conn, context.tenant, vindi.oddities, at=context.now)


async def _block(pool: Pool, context: TenantContext, error: TenantBlockedError) -> None:
    connection = context.vindi_connection
    async with pool.acquire() as conn:
        await connections_store.block(
            conn,
            context.tenant,
            "vindi",
            error.code,
            str(error),
            connected_at=connection.state.connected_at if connection else None,
        )
    log.warning("vindi_blocked", tenant_id=context.tenant, code=error.code)

"""What becomes of a failure that nobody foresaw: it reaches one sale, and no other (design D16).

The sale is held with a code and looked at again by itself, ever more rarely; its batch goes on.
A database that is away is nobody's sale's failure, and is let out.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from traceback import extract_tb
from typing import Final, Literal, TypeVar

import structlog
from msgspec.structs import replace
from prometheus_client import Counter

from services.emitter.planning.follow import follow
from services.emitter.planning.waits import look_again
from services.emitter.work import FreshSale, Plan, Rest, happened, settle
from shared.db import clock
from shared.db.away import database_away
from shared.db.connection import Connection, Pool
from shared.db.outbox import outbox_store
from shared.db.outbox.outbox_store import Entry
from shared.db.sales import notas_store, sales_store, timeline_store
from shared.db.sales.sales_store import KnownSale, SaleRow
from shared.db.sales.timeline_store import Happening
from shared.domain.ids import TenantId
from shared.domain.money import Cents
from shared.domain.sale import SaleStatus

log = structlog.get_logger()

T = TypeVar("T")
FAILED_CODE: Final = "decision_failed"
FailedWhen = Literal["decided", "worked", "written", "asked"]
FAILED: Final = Counter(
    "notaponte_emitter_failed_sales_total", "Sales held for a failure nobody foresaw.", ["stage"]
)


async def divided(
    work: Callable[[Sequence[Entry]], Awaitable[int]],
    hold: Callable[[Entry, Exception], Awaitable[None]],
    entries: Sequence[Entry],
) -> int:
    """Work on a batch; where it fails, on its halves, until the one sale is found that fails.

    Returns what `work` counted. Raises only when the database is away.
    """
    try:
        return await work(entries)
    except Exception as error:
        if database_away(error):
            raise
        if len(entries) == 1:
            await hold(entries[0], error)
            return 0
        log.warning("batch_divided", count=len(entries), error=type(error).__name__)
    half = len(entries) // 2
    return sum([await divided(work, hold, part) for part in (entries[:half], entries[half:])])


def surely(sale: FreshSale, now: datetime, decide: Callable[[], T]) -> T | Plan:
    """Decide a sale, or hold it for the failure to; its bill is kept as it was read.

    What the issuer has of it is followed meanwhile.
    """
    try:
        return decide()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this sale's
        note_failure(sale.entry, error, "decided")
        notas = sale.known.notas
        if notas.under_way:
            return follow(sale.entry, notas, now, read=sale.read())
        noted = bool(notas.newest)
        rest = held(sale.entry, sale.known.sale, error, "decided", now, noted=noted)
        return replace(rest, read=sale.read())


def held(
    entry: Entry,
    before: KnownSale | None,
    error: BaseException,
    stage: FailedWhen,
    now: datetime,
    *,
    noted: bool,
) -> Rest:
    """Hold a sale for a failure of its own; a nota that exists goes on speaking for it."""
    done = settle(entry, due_at=look_again(entry.tries, now), failed=True)
    if noted:
        return Rest(entry=entry, settlement=done)
    detail = f"{stage}: {type(error).__name__}"
    row = SaleRow(
        bill_id=entry.bill_id,
        status=SaleStatus.HELD,
        code=FAILED_CODE,
        detail=detail,
        amount=before.amount if before else Cents(0),
        moment_at=None,
        origin=entry.origin,
    )
    told = happened(entry, SaleStatus.HELD.value, f"{FAILED_CODE}: {detail}")
    same = before is not None and (before.code, before.detail) == (FAILED_CODE, detail)
    return Rest(entry=entry, sale=row, happenings=() if same else (told,), settlement=done)


async def hold_failed(
    pool: Pool, tenant: TenantId, entry: Entry, error: BaseException, stage: FailedWhen
) -> None:
    """Hold a sale by itself, after whatever it was in could not be written."""
    note_failure(entry, error, stage)
    bill = entry.bill_id
    async with pool.acquire() as conn, conn.transaction():
        now = await clock.now(conn)
        leased = await outbox_store.lock_ours(conn, tenant, [entry])
        if bill not in leased or not leased[bill].is_of(entry):
            return
        before = (await sales_store.load(conn, tenant, [bill])).get(bill)
        noted = bool(await notas_store.load_newest(conn, tenant, [bill]))
        plan = held(entry, before, error, stage, now, noted=noted)
        if plan.sale is not None:
            await _write(conn, tenant, plan.sale, plan.happenings)
        await outbox_store.settle(conn, tenant, [plan.settlement], now=now)


async def _write(
    conn: Connection, tenant: TenantId, sale: SaleRow, told: Sequence[Happening]
) -> None:
    """Write a hold, if the database takes that much of the sale; its entry is put off anyway."""
    try:
        async with conn.transaction():
            await sales_store.store(conn, tenant, [sale])
            await timeline_store.add(conn, tenant, told)
    except Exception as error:
        if database_away(error):
            raise
        word = type(error).__name__  # not its text: drivers quote values
        log.warning("hold_refused", tenant_id=tenant, bill_id=sale.bill_id, error=word)


def note_failure(entry: Entry, error: BaseException, stage: FailedWhen) -> None:
    """Alert of a failure, once for each sale; where it was raised, never what it says.

    Drivers and readers quote the values they refuse, names among them.
    """
    FAILED.labels(stage).inc()
    tell = log.error if entry.tries == 0 else log.warning
    tell(
        "sale_failed",
        tenant_id=entry.tenant_id,
        bill_id=entry.bill_id,
        stage=stage,
        error=type(error).__name__,
        where=_place(error),
    )


def _place(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    frames = extract_tb(error.__traceback__)
    return f"{frames[-1].name}:{frames[-1].lineno}" if frames else ""

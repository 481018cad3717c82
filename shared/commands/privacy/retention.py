"""Does what the table of data says of time: a batch of each chore at each tenant, in turn.

Nobody's rows wait for another's: a tenant gives one batch a round. A batch and the line of the
audit that counts it are one commit, and what a killed round left is the next one's.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import structlog
from msgspec import Struct
from msgspec.structs import replace

from shared.commands.privacy.bare_rows import BATCH as SALES_AT_ONCE
from shared.commands.privacy.bare_rows import LawTerms, bare_sales
from shared.crypto.seal import Sealer
from shared.db import clock
from shared.db.away import database_away_for_all
from shared.db.connection import Connection, Pool
from shared.db.privacy import erase_texts, retention_store, walks_store
from shared.db.privacy.walks_store import Walk, WalkedRows, WalkPage
from shared.db.tenants import audit_store
from shared.domain.ids import BillId, TenantId
from shared.domain.privacy import terms

log = structlog.get_logger()

BATCH: Final = 500
WALKED_AT_ONCE: Final = 5000  # rows by key, most of which are bare or kept
WALK_AGAIN: Final = timedelta(days=7)  # as an erasure goes through all bills
APART: Final = timedelta(days=1)  # a read that began before a walk may be stored after it
WALKS: Final[tuple[WalkedRows, ...]] = ("sales", "bills")
TENANTS: Final = 200  # of which is asked at once
BY: Final = "reconciler"
SWEPT: Final = "retention_swept"
# A company's days are told by its own zone, which is at most so far from UTC.
ZONE: Final = ZoneInfo("America/Sao_Paulo")

SPANS: Final = {
    "denied_texts": terms.DENIED_TEXTS,
    "unread_answers": terms.UNREAD_ANSWERS,
    "unknown_denials": terms.UNKNOWN_TEXTS,
    "person_links": terms.LINKS,
}

RowsEnded = Callable[[str, int], None]


class Done(Struct, frozen=True, kw_only=True):
    """What a batch came to: rows that ended, and whether it goes on behind them."""

    rows: int
    more: bool = False


NOTHING: Final = Done(rows=0)
Batch = Callable[[Connection, TenantId], Awaitable[Done]]


class Round(Struct, frozen=True, kw_only=True):
    """What a round works with; `ended` hears of each batch: what, and how many rows."""

    pool: Pool
    sealer: Sealer
    years: int
    ended: RowsEnded


async def sweep_once(work: Round) -> int:
    """A batch of every chore at every tenant that has something to do; how much was done.

    0 says that nothing is left that could be done now; rows and further pages count.
    """
    async with work.pool.acquire() as conn:
        now = await clock.now(conn)
    first = terms.fiscal_start(now.astimezone(ZONE).date(), work.years)
    total = 0
    for chore, span in SPANS.items():
        total += await _chore(work, chore, now - span)
    total += await _audit(work, first)
    for what in WALKS:
        total += await _persons(work, what, first, now)
    return total + await _people(work, now - terms.PEOPLE_WITHOUT_COMPANY)


async def _chore(work: Round, chore: str, before: datetime) -> int:
    async def due(conn: Connection, after: str) -> list[TenantId]:
        return await retention_store.due_any_tenant(conn, chore, before, after=after, limit=TENANTS)

    async def batch(conn: Connection, tenant: TenantId) -> Done:
        return Done(rows=await retention_store.sweep(conn, tenant, chore, before, limit=BATCH))

    return await _at_each(work, chore, due, batch)


async def _audit(work: Round, first: date) -> int:
    before = _midnight(first)

    async def due(conn: Connection, after: str) -> list[TenantId]:
        return await retention_store.audit_due_any_tenant(conn, before, after=after, limit=TENANTS)

    async def batch(conn: Connection, tenant: TenantId) -> Done:
        return Done(rows=await retention_store.forget_audit(conn, tenant, before, limit=BATCH))

    return await _at_each(work, "audit", due, batch)  # whoever deletes there tells of it


async def _persons(work: Round, what: WalkedRows, first: date, now: datetime) -> int:
    """Sales and bills whose time is up lose their customer, whatever became of them.

    What they came to stays for the closings.
    """
    before = _midnight(first)

    async def due(conn: Connection, after: str) -> list[TenantId]:
        return await walks_store.due_any_tenant(
            conn, what, before=before, rested=now - WALK_AGAIN, after=after, limit=TENANTS
        )

    async def batch(conn: Connection, tenant: TenantId) -> Done:
        walk = await walks_store.take(conn, tenant, what, before=before, now=now)
        if walk is None:
            return NOTHING
        walk = _begun(walk, before, now)
        page = await walks_store.page(
            conn, tenant, what, walk, first, rows=WALKED_AT_ONCE, limit=SALES_AT_ONCE
        )
        rows = await _bared(work, conn, tenant, page.bills, first) if page.bills else 0
        await walks_store.save(conn, tenant, what, _walked(walk, page, now))
        return Done(rows=rows, more=page.last is not None)

    return await _at_each(work, "persons" if what == "sales" else "bills", due, batch)


async def _bared(
    work: Round, conn: Connection, tenant: TenantId, bills: Sequence[BillId], first: date
) -> int:
    """Take the customer from these sales and bills; how many rows, of the table with most."""
    over = LawTerms(today=date(first.year + work.years, 1, 1), years=work.years, is_over=True)
    bared = await bare_sales(conn, work.sealer, tenant, bills, over)
    left = {one.bill_id for one in bared.kept if one.why == "open"}
    gone = [bill for bill in bills if bill not in left]
    said = await erase_texts.blank_details(conn, tenant, gone)
    return max(said, *bared.rows.values())


def _begun(walk: Walk, before: datetime, now: datetime) -> Walk:
    """One that goes on; from the start where another border is asked for, or the last is through.

    Since when bills may have come back is told by the beginning of one that went through.
    """
    if walk.ended_at is None and walk.before == before:
        return walk
    since = walk.since if walk.ended_at is None else walk.began_at - APART
    return replace(
        walk,
        before=before,
        after_at=walks_store.START,
        after_bill=0,
        since=since,
        began_at=now,
        ended_at=None,
    )


def _walked(walk: Walk, page: WalkPage, now: datetime) -> Walk:
    if page.last is None:
        return replace(walk, ended_at=now)
    at, bill = page.last
    return replace(walk, after_at=at, after_bill=bill)


async def _people(work: Round, before: datetime) -> int:
    total, after = 0, ""
    while True:
        async with work.pool.acquire() as conn, conn.transaction():
            gone, last = await retention_store.forget_people_any_tenant(
                conn, before, after=after, limit=BATCH
            )
            if gone:
                await audit_store.add(
                    conn,
                    audit_store.NO_TENANT,
                    actor=BY,
                    action=SWEPT,
                    detail={"what": "people", "rows": gone},
                )
        work.ended("people", gone)
        total += gone
        if last is None:
            return total
        after = last


async def _at_each(
    work: Round,
    what: str,
    due: Callable[[Connection, str], Awaitable[list[TenantId]]],
    batch: Batch,
) -> int:
    total, after = 0, ""
    while True:
        async with work.pool.acquire() as conn:
            tenants = await due(conn, after)
        for tenant in tenants:
            total += await _batch_at(work, what, tenant, batch)
        if len(tenants) < TENANTS:
            return total
        after = tenants[-1]


async def _batch_at(work: Round, what: str, tenant: TenantId, batch: Batch) -> int:
    try:
        async with work.pool.acquire() as conn, conn.transaction():
            done = await batch(conn, tenant)
            if done.rows and what != "audit":
                detail = {"what": what, "rows": done.rows}
                await audit_store.add(conn, tenant, actor=BY, action=SWEPT, detail=detail)
    except Exception as error:
        if database_away_for_all(error):
            raise
        # One tenant's rows stop nobody else's.
        log.exception("retention_failed", tenant_id=tenant, what=what)
        return 0
    work.ended(what, done.rows)
    return done.rows + done.more


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=ZONE).astimezone(UTC)

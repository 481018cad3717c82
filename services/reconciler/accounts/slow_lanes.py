"""What runs by night and by week: a sweep by day, open bills, a count (vindi-api, section 11)."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from services.reconciler.accounts.afresh import see_open_bills
from services.reconciler.accounts.context import PassContext, pages
from services.reconciler.accounts.fall_back import BILLS_LIST
from services.reconciler.accounts.read_list import (
    DISORDER,
    IncompletePass,
    ListRead,
    patiently,
)
from services.reconciler.accounts.read_newest import read_newest
from services.reconciler.accounts.rows import ZONE_DOUBT, Fits, instant_of
from services.reconciler.accounts.take_in import take_in_rows
from shared.db.vindi import bills_store, passes_store
from shared.vindi.client import BILLS
from shared.vindi.errors import VindiNoTotal
from shared.vindi.query import BRASILIA, Query, all_of, where

SWEPT_DAYS: Final = 7
COUNTED_DAYS: Final = 60
UNSEEN_FOR: Final = timedelta(hours=24)
REFUNDS_KEPT: Final = timedelta(days=90)
WEEK: Final = timedelta(days=7)
NIGHT_FROM: Final = time(1)  # Brasília; each account begins somewhere in the hours after
NIGHT_HOURS: Final = 4.0


def slow_lanes_due(
    *, now: datetime, done: date | None, every: timedelta, phase: float
) -> date | None:
    """The day to be done now, if it is not; `phase` in [0, 1) spreads accounts over the night."""
    local = now.astimezone(BRASILIA)
    begins = datetime.combine(local.date(), NIGHT_FROM, BRASILIA)
    begins += timedelta(hours=NIGHT_HOURS * phase)
    day = local.date() if local >= begins else local.date() - timedelta(days=1)
    return day if done is None or day >= done + every else None


async def sweep(context: PassContext) -> None:
    """Read every bill changed in the last days, and every open one not seen for a day."""
    today = context.now.astimezone(BRASILIA).date()
    if BILLS_LIST in context.findings.plain:
        await _sweep_newest(context)
    else:
        connected = context.connected_at.astimezone(BRASILIA).date()
        for ago in range(min(SWEPT_DAYS, (today - connected).days + 1)):
            await _read_day(context, "updated_at", today - timedelta(days=ago))
    await see_open_bills(context, unseen_for=UNSEEN_FOR)
    async with context.pool.acquire() as conn:
        await passes_store.forget_refunds(conn, context.tenant, older_than=REFUNDS_KEPT)


async def _sweep_newest(context: PassContext) -> None:
    """The same without a filter; a list in no order is swept as far as it is read."""
    back_to = context.now - timedelta(days=COUNTED_DAYS)
    asked = context.clock()
    try:
        async for rows in read_newest(context.vindi, BILLS, back_to=back_to):
            await take_in_rows(context, asked, rows)
            asked = context.clock()
    except IncompletePass as error:
        if error.why != DISORDER:
            raise


async def count_check(context: PassContext) -> None:
    """Compare Vindi's count of paid bills with ours, day by day; read the days that differ.

    Days before the account was connected belong to backfills.
    """
    today = context.now.astimezone(BRASILIA).date()
    first = max(
        today - timedelta(days=COUNTED_DAYS),
        context.connected_at.astimezone(BRASILIA).date() + timedelta(days=1),
    )
    utc = context.state.zone == "utc"
    async with context.pool.acquire() as conn:
        ours = await bills_store.paid_by_day(
            conn,
            context.tenant,
            since=datetime.combine(first, time(), BRASILIA) - ZONE_DOUBT,
            until=context.now,
            zone="UTC" if utc else "America/Sao_Paulo",
        )
    for ago in range(1, (today - first).days + 1):
        day = today - timedelta(days=ago)
        query = all_of(where("created_at", "=", day), where("status", "=", "paid"))
        try:
            agrees = await _count(context, query) == ours.get(day, 0)
        except VindiNoTotal:
            return  # this account counts nothing; its health says so
        if not agrees:
            await _read_day(context, "created_at", day)


async def _count(context: PassContext, query: Query) -> int:
    return await patiently(lambda: context.vindi.count(BILLS, query), BILLS.path)


async def _read_day(context: PassContext, field: str, day: date) -> None:
    query = where(field, "=", day)
    wanted = ListRead(resource=BILLS, query=query, fits=_on(field, day))
    async for asked, rows in pages(context, wanted):
        await take_in_rows(context, asked, rows)


def _on(field: str, day: date) -> Fits:
    """Rows of one day, however Vindi read its zone."""
    begin = datetime.combine(day, time(), BRASILIA)

    def fits(raw: Mapping[str, Any]) -> bool:
        at = instant_of(raw, field)
        return at is None or begin - ZONE_DOUBT <= at < begin + timedelta(days=1)

    return fits

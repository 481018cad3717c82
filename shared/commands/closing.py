"""Closes a month: our own figures, checked against Vindi's count at the time of asking."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog

from shared.db import clock
from shared.db.closing import (
    closing_locks_store,
    closing_read,
    filing_read,
    issuer_list_store,
    issuer_side_read,
    issuer_sums_read,
    read_counts,
)
from shared.db.closing.closing_read import Span
from shared.db.connection import Connection, Pool
from shared.db.tenants import connections_store, rules_store
from shared.db.tenants.tenants_store import Tenant
from shared.db.vindi import passes_store
from shared.db.vindi.passes_store import Zone
from shared.domain.closing import Closing, ListDay, Month, kinds_of
from shared.domain.errors import PipelineError, RejectedError, TenantBlockedError
from shared.vindi.client import BILLS, CHARGES, Resource, VindiClient
from shared.vindi.counting import counted
from shared.vindi.errors import VindiBusy, VindiNoTotal, VindiPagesRepeat
from shared.vindi.query import Query, all_of, any_of, where

log = structlog.get_logger()

KEPT: Final = 60.0  # seconds for which Vindi's count is good (interface, section 4)
MOST_KEPT: Final = 1000
# A value meant as UTC is written as if it were Brasília's (vindi-api, section 3.3).
UTC_SHIFT: Final = timedelta(hours=3)

NOT_CONNECTED: Final = "vindi_not_connected"
UNREACHABLE: Final = "vindi_unreachable"
BUSY: Final = "vindi_busy"
FILTER_IGNORED: Final = "vindi_filter_ignored"
NO_COUNT: Final = "vindi_no_count"
_LATER: Final = "Não foi possível conferir com a contagem da Vindi; tente novamente em um minuto."
# Troubles that do not pass by themselves; the others do.
_TROUBLES: Final = {
    NOT_CONNECTED: "A conta da Vindi não está conectada: não há contagem com que conferir.",
    NO_COUNT: "A Vindi não diz quantas cobranças esta conta tem no mês, e não foi possível"
    " contá-las: abra um chamado com o suporte da Vindi.",
    FILTER_IGNORED: "A contagem da Vindi para esta conta inclui cobranças de outros meses e não"
    " serve para conferir: abra um chamado com o suporte da Vindi.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What Vindi counts in a month; None for a kind that was not asked for."""

    charges: int | None
    bills: int | None


@dataclass(slots=True)
class VindiTotals:
    """Vindi's counts, each kept for a minute; make one per process.

    Several who ask at once wait for one request. A failure is not kept.
    """

    _kept: dict[object, tuple[float, Totals]] = field(default_factory=dict)
    _turns: dict[object, asyncio.Lock] = field(default_factory=dict)

    async def ask(self, client: VindiClient, span: Span, zone: Zone) -> Totals:
        """Count at Vindi, in one or two requests; raises what the client raises."""
        key = (client.account, span, zone)
        async with self._turns.setdefault(key, asyncio.Lock()):
            kept = self._kept.get(key)
            if kept is None or kept[0] <= time.monotonic():
                kept = (time.monotonic() + KEPT, await _count(client, span, zone))
                self._tidy()
                self._kept[key] = kept
            return kept[1]

    def _tidy(self) -> None:
        if len(self._turns) < MOST_KEPT:
            return
        now = time.monotonic()
        for key in [key for key, (until, _) in self._kept.items() if until <= now]:
            del self._kept[key]
        for key in [key for key, lock in self._turns.items() if not lock.locked()]:
            if key not in self._kept:
                del self._turns[key]


def trouble_text(code: str) -> str:
    """Why a month could not be held against Vindi's count, as a tenant reads it."""
    return _TROUBLES.get(code, _LATER)


async def span_of(conn: Connection, tenant: Tenant, month: Month) -> Span:
    """What a month is for a tenant: its bounds in the tenant's zone, and how its rule counts."""
    rule = await rules_store.in_force(conn, tenant.id)
    first, end = month.bounds(ZoneInfo(tenant.timezone))
    kinds = kinds_of(rule[1] if rule else None)
    return Span(tenant=tenant.id, first=first, end=end, kinds=kinds)


async def close(
    pool: Pool,
    totals: VindiTotals,
    client: VindiClient | None,
    tenant: Tenant,
    month: Month,
    *,
    filed: bool = False,
) -> Closing:
    """Add a month up and hold it against Vindi; `client` is None while none is connected.

    Vindi is asked first, so that whatever we read meanwhile counts as read. Its silence is no
    error: `missing` is then unknown and the closing does not balance. With `filed`, the same state
    of things is added up as it is filed, too.
    """
    async with pool.acquire() as conn:
        span = await span_of(conn, tenant, month)
        state = await passes_store.get(conn, tenant.id)
    said, trouble = await _ask(totals, client, span, state.zone if state else "unknown")
    async with pool.acquire() as conn, conn.transaction(isolation="repeatable_read"):
        scope = await issuer_side_read.scope_of(conn, span, month)
        figures = await closing_read.figures(conn, span)
        zone = tenant.timezone if filed else None
        issuers = await issuer_sums_read.side_of(conn, scope, filed_at=zone)
        return Closing(
            month=month,
            figures=figures,
            missing=None if said is None else await _missing(conn, span, said),
            trouble=trouble,
            lock=await closing_locks_store.get(conn, tenant.id, month),
            issuer=issuers.side,
            filing=None
            if issuers.filed is None
            else await filing_read.filing(
                conn,
                scope,
                timezone=tenant.timezone,
                of_sales=issuers.filed,
                amount=figures.notas.amount,
            ),
        )


async def want_issuers_list(pool: Pool, tenant: Tenant, stale: Sequence[ListDay]) -> bool:
    """Have days of the issuer's lists read again soon; False where there is no issuer to ask."""
    async with pool.acquire() as conn:
        if await connections_store.issuer_company(conn, tenant.id) is None:
            return False
        now = await clock.this_instant(conn)
        for company in sorted({one.company for one in stale}):
            days = [one.day for one in stale if one.company == company]
            await issuer_list_store.want(conn, tenant.id, company, days, now, urgent=True)
    return True


async def _ask(
    totals: VindiTotals, client: VindiClient | None, span: Span, zone: Zone
) -> tuple[Totals | None, str | None]:
    if client is None:
        return None, NOT_CONNECTED
    try:
        return await totals.ask(client, span, zone), None
    except VindiBusy:
        return None, BUSY
    except (VindiNoTotal, VindiPagesRepeat):
        return None, NO_COUNT
    except (TenantBlockedError, RejectedError) as error:
        return None, error.code
    except PipelineError:
        return None, UNREACHABLE


async def _missing(conn: Connection, span: Span, said: Totals) -> int:
    """How many Vindi has beyond those read; the larger where both kinds count."""
    missing = 0
    if said.charges is not None:
        missing = max(missing, said.charges - await read_counts.count_paid_charges(conn, span))
    if said.bills is not None:
        missing = max(missing, said.bills - await read_counts.count_live_bills(conn, span))
    if missing:
        log.info("closing_misses_sales", tenant_id=span.tenant, count=missing)
    return missing


async def _count(client: VindiClient, span: Span, zone: Zone) -> Totals:
    kinds = span.kinds
    return Totals(
        charges=await _total(client, CHARGES, "paid_at", "paid", span, zone)
        if kinds.paid
        else None,
        # Each by itself: an account may take no notice of alternatives, and count all there is.
        bills=await _total(client, BILLS, "created_at", "pending", span, zone)
        + await _total(client, BILLS, "created_at", "paid", span, zone)
        if kinds.created
        else None,
    )


async def _total(
    client: VindiClient, resource: Resource[Any], dated: str, status: str, span: Span, zone: Zone
) -> int:
    """Ask how many are dated inside the month; a row that does not fit shows a filter ignored."""
    first = span.paid_from if dated == "paid_at" else span.first
    query = all_of(*_within(dated, first, span.end, zone), where("status", "=", status))
    total, page = await counted(client, resource, query)
    if any(
        row.raw.get("status") != status or not _fits(row.raw.get(dated), first, span.end)
        for row in page.rows
    ):
        raise RejectedError("the filter was ignored", code=FILTER_IGNORED)
    return total


def _fits(value: object, first: datetime, end: datetime) -> bool:
    """Whether an instant of Vindi's lies in the month, by either reading of the zone.

    One that cannot be read is nobody's proof.
    """
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return True
    if at is None or at.tzinfo is None:
        return True
    return first - UTC_SHIFT <= at < end + UTC_SHIFT


def paid_charges(span: Span, zone: Zone) -> Query:
    """The charges that are paid, with a `paid_at` inside the month."""
    return all_of(*_within("paid_at", span.paid_from, span.end, zone), where("status", "=", "paid"))


def live_bills(span: Span, zone: Zone) -> Query:
    """The bills that are live, with a `created_at` inside the month."""
    live = any_of([where("status", "=", "pending"), where("status", "=", "paid")])
    return all_of(*_within("created_at", span.first, span.end, zone), live)


def _within(dated: str, first: datetime, end: datetime, zone: Zone) -> tuple[Query, Query]:
    return (
        where(dated, ">=", _told(first, zone)),
        where(dated, "<", _told(end, zone)),
    )


def _told(instant: datetime, zone: Zone) -> datetime:
    return instant + UTC_SHIFT if zone == "utc" else instant

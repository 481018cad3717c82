"""Visão geral: how it is going, and what needs a look."""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

from msgspec import Struct
from starlette.responses import Response

from services.panel.kit.figures import FigureKind
from services.panel.kit.page import TENANT, PanelPage, Visit
from services.panel.pages.departing import departing
from services.panel.show import overview
from services.panel.show.overview import Total
from shared.db.sales import overview_read
from shared.db.sales.overview_read import DueDay, Heap, SentDay, Speed
from shared.domain.moment import start_of_day
from shared.domain.sale import SaleStatus
from shared.watch.connection import ConnectionCheck
from shared.watch.look import look_at_any_tenant

_GUARANTEE_DAYS: Final = 7
_MOST_CAUSES: Final = 5
_LATELY: Final = timedelta(days=7)
_UNDER_WAY: Final = (
    SaleStatus.QUEUED,
    SaleStatus.ISSUING,
    SaleStatus.UNCERTAIN,
    SaleStatus.CANCELLING,
)


class _Open(Struct, frozen=True, kw_only=True):
    """What is read sale by sale."""

    heaps: list[Heap]
    ending: list[DueDay]
    speed: Speed


_KIND: Final = FigureKind(
    name="overview", type=_Open, sales=lambda seen: sum(heap.sales for heap in seen.heaps)
)


async def show(visit: Visit) -> Response:
    """The first page of a tenant."""
    clock = visit.clock
    month = clock.today.replace(day=1)
    seen, sent, checks, leaving = await asyncio.gather(
        visit.figure(_KIND, lambda: _open(visit, month)),
        _sent(visit, month),
        _checks(visit),
        departing(visit),
    )
    heaps = seen.value.heaps
    causes = overview.causes(heaps)
    return visit.show(
        "visao_geral.html",
        seen=seen,
        leaving=leaving,
        troubles=[check for check in checks if check.status != "ok"],
        checks=checks,
        causes=causes[:_MOST_CAUSES],
        more_causes=max(0, len(causes) - _MOST_CAUSES),
        needing=Total(
            sales=sum(cause.sales for cause in causes),
            amount=sum(cause.amount for cause in causes),
        ),
        today=overview.sent_since(sent, clock.today),
        month=overview.sent_since(sent, month),
        under_way=overview.total(heaps, *_UNDER_WAY),
        guarantee=overview.total(heaps, SaleStatus.IN_GUARANTEE),
        ending=seen.value.ending,
        speed=seen.value.speed,
        chart=overview.chart(sent, heaps, clock.today),
        series=overview.SERIES,
    )


async def _open(visit: Visit, month: date) -> _Open:
    tenant, clock = visit.tenant, visit.clock
    first = _first_day(visit, month)
    back = range((clock.today - first).days, -1, -1)
    days = [day_of(visit, clock.today - timedelta(days=number)) for number in back]
    async with visit.pool.acquire() as conn:
        return _Open(
            heaps=await overview_read.open_sales(conn, tenant.id, days),
            ending=await overview_read.guarantees(
                conn, tenant.id, tenant.timezone, limit=_GUARANTEE_DAYS
            ),
            speed=await overview_read.speed(conn, tenant.id, clock.now - _LATELY),
        )


async def _sent(visit: Visit, month: date) -> Sequence[SentDay]:
    """Counted as they are sent, a row a day: always as they are now."""
    async with visit.pool.acquire() as conn:
        return await overview_read.sent(conn, visit.tenant.id, _first_day(visit, month))


def _first_day(visit: Visit, month: date) -> date:
    return min(month, visit.clock.today - timedelta(days=overview.DAYS - 1))


async def _checks(visit: Visit) -> Sequence[ConnectionCheck]:
    resources = visit.resources
    async with resources.pool.acquire() as conn:
        found = await look_at_any_tenant(conn, visit.tenant.id, every=resources.reconcile_every)
    return found or ()


def day_of(visit: Visit, day: date) -> tuple[date, datetime]:
    """A day, and when it begins where the tenant is."""
    return day, start_of_day(day, visit.zone)


PAGES: Final[tuple[PanelPage, ...]] = (
    PanelPage(path=TENANT, name="overview", get=show, see="see"),
)

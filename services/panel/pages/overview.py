"""Visão geral: how it is going, and what needs a look."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from starlette.responses import Response

from services.panel.kit.page import TENANT, PanelPage, Visit
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figures:
    heaps: Sequence[Heap]
    sent: Sequence[SentDay]
    ending: Sequence[DueDay]
    speed: Speed


async def show(visit: Visit) -> Response:
    """The first page of a tenant."""
    clock = visit.clock
    month = clock.today.replace(day=1)
    figures, checks = await asyncio.gather(_figures(visit, month), _checks(visit))
    heaps, sent = figures.heaps, figures.sent
    causes = overview.causes(heaps)
    return visit.show(
        "visao_geral.html",
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
        ending=figures.ending,
        speed=figures.speed,
        chart=overview.chart(sent, heaps, clock.today),
        series=overview.SERIES,
    )


async def _figures(visit: Visit, month: date) -> _Figures:
    tenant, clock = visit.tenant, visit.clock
    first = min(month, clock.today - timedelta(days=overview.DAYS - 1))
    back = range((clock.today - first).days, -1, -1)
    days = [day_of(visit, clock.today - timedelta(days=number)) for number in back]
    async with visit.pool.acquire() as conn:
        return _Figures(
            heaps=await overview_read.open_sales(conn, tenant.id, days),
            sent=await overview_read.sent(conn, tenant.id, first),
            ending=await overview_read.guarantees(
                conn, tenant.id, tenant.timezone, limit=_GUARANTEE_DAYS
            ),
            speed=await overview_read.speed(conn, tenant.id, clock.now - _LATELY),
        )


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

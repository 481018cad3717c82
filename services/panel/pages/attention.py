"""Pendências: what needs somebody, by cause, with one button for all of a cause."""

import re
from typing import Final

from msgspec import Struct
from pydantic import BaseModel
from starlette.responses import Response

from services.panel.kit.figures import FigureKind
from services.panel.kit.forms import TypedForm
from services.panel.kit.page import TENANT, PanelPage, Visit
from services.panel.pages.overview import day_of
from services.panel.show import overview
from services.panel.show.attention import pending
from services.panel.texts import text
from shared.commands.actions import Asked, act_by_code
from shared.commands.denials import NumberingNeedsPerson, retry_group
from shared.db.sales import denials_store, overview_read
from shared.db.sales.denials_store import DenialGroup
from shared.db.sales.overview_read import Heap
from shared.domain.denials import GROUP
from shared.words import Reason

PATH: Final = f"{TENANT}/pendencias"
_CODE: Final = re.compile(r"[a-z0-9_]{1,60}")


class _Open(Struct, frozen=True, kw_only=True):
    """What needs somebody; texts of the issuer are still sealed."""

    heaps: list[Heap]
    denials: list[DenialGroup]


_KIND: Final = FigureKind(
    name="attention", type=_Open, sales=lambda seen: sum(heap.sales for heap in seen.heaps)
)


class _Asking(BaseModel):
    motivo: Reason


async def show(visit: Visit) -> Response:
    """Every cause."""
    return await _show(visit, visit.form)


async def try_again(visit: Visit) -> Response:
    """All sales of one cause, sent or judged again."""
    form = visit.form
    read = form.read(_Asking)
    if isinstance(read, TypedForm):
        return await _show(visit, read)
    group, code = form["grupo"], form["codigo"]
    if group:
        accepted = await _group(visit, group, read.motivo)
    elif _CODE.fullmatch(code):
        asked = Asked(action="retry", reason=read.motivo, by=visit.by)
        outcome = await act_by_code(visit.pool, visit.resources.waker, visit.tenant.id, code, asked)
        accepted = outcome.accepted
    else:
        accepted = 0
    if not accepted:
        return await _show(visit, form.wrong(form_=text("attention.nothing")))
    return visit.go(f"{visit.base}/pendencias", "again")


async def _group(visit: Visit, group: str, reason: str) -> int:
    if not GROUP.fullmatch(group):
        return 0
    try:
        return await retry_group(
            visit.pool,
            visit.resources.waker,
            visit.tenant.id,
            group,
            reason=reason,
            by=visit.by,
        )
    except NumberingNeedsPerson:
        return 0


async def _show(visit: Visit, form: TypedForm) -> Response:
    tenant, sealer = visit.tenant.id, visit.resources.sealer
    seen = await visit.figure(_KIND, lambda: _open(visit))
    denials = seen.value.denials
    originals = {
        group.group: sealer.unseal(group.reason, tenant=tenant, purpose="reason").decode()
        for group in denials
        if group.reason
    }
    found = pending(overview.causes(seen.value.heaps), denials, originals)
    return visit.show(
        "pendencias.html",
        422 if form.errors else 200,
        form=form,
        seen=seen,
        found=found,
        sales=sum(one.sales for one in found),
        amount=sum(one.amount for one in found),
        asked=form["grupo"] or form["codigo"],
    )


async def _open(visit: Visit) -> _Open:
    tenant = visit.tenant.id
    async with visit.pool.acquire() as conn:
        return _Open(
            heaps=await overview_read.open_sales(conn, tenant, [day_of(visit, visit.clock.today)]),
            denials=await denials_store.groups(conn, tenant),
        )


PAGES: Final[tuple[PanelPage, ...]] = (
    PanelPage(path=PATH, name="attention", get=show, post=try_again, see="see", do="act"),
)

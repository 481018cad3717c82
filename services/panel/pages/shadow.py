"""Modo sombra: what we would have issued beside what was issued, day by day, and its two ends."""

from contextlib import suppress
from datetime import date, timedelta
from typing import Final

from starlette.responses import Response

from services.panel.kit.forms import TypedForm
from services.panel.kit.page import TENANT, PanelPage, Visit
from services.panel.kit.serve import NotThere
from services.panel.show.overview import divided
from services.panel.show.setup import refusal
from shared.commands.checks import SetUpRefused
from shared.db.closing import shadow_read
from shared.domain.messages import message_for

PATH: Final = f"{TENANT}/ativacao/sombra"
DAYS: Final = 31
_MOST: Final = 300


async def show(visit: Visit) -> Response:
    """The days, or how the mode begins."""
    return await _show(visit, visit.form)


async def change(visit: Visit) -> Response:
    """Begin, or end without issuing; issuing begins on the page of the activation."""
    set_up, form = visit.resources.set_up, visit.form
    try:
        if form["fazer"] == "sair":
            await set_up.leave_shadow(visit.tenant.id, by=visit.by)
            return visit.go(f"{visit.base}/ativacao", "shadow_left")
        await set_up.enter_shadow(visit.tenant.id, by=visit.by)
    except SetUpRefused as refused:
        return await _show(visit, form.wrong(form_=refusal(refused.code, refused.missing)))
    return visit.go(f"{visit.base}/ativacao/sombra", "shadow_entered")


async def _show(visit: Visit, form: TypedForm) -> Response:
    today = visit.clock.today
    async with visit.pool.acquire() as conn:
        days = await shadow_read.days(
            conn, visit.tenant.id, today - timedelta(days=DAYS - 1), today
        )
        listed = await shadow_read.listed(conn, visit.tenant.id)
    return visit.show(
        "sombra.html",
        409 if form.errors else 200,
        form=form,
        days=days if visit.tenant.shadow_from else [],
        ours=sum(one.ours for one in days),
        alike=sum(one.alike for one in days),
        listed=listed.until,
    )


async def show_day(visit: Visit) -> Response:
    """One day, sale by sale."""
    day: date | None = None
    with suppress(ValueError):
        day = date.fromisoformat(str(visit.request.path_params["dia"]))
    if day is None:
        raise NotThere
    async with visit.pool.acquire() as conn:
        sales = await shadow_read.sales_of(conn, visit.tenant.id, day, limit=_MOST + 1)
        theirs = await shadow_read.only_theirs(conn, visit.tenant.id, day, limit=_MOST)
    return visit.show(
        "sombra_dia.html",
        day=day,
        sales=sales[:_MOST],
        more=len(sales) > _MOST,
        theirs=theirs,
        causes={
            one.detail: divided(message_for(one.detail).text)[0] for one in sales if one.detail
        },
    )


PAGES: Final[tuple[PanelPage, ...]] = (
    PanelPage(path=PATH, name="shadow", get=show, post=change, see="see", do="connect"),
    PanelPage(path=f"{PATH}/{{dia}}", name="shadow_day", get=show_day, see="see"),
)

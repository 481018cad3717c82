"""Encerrar conta: everything as a file, the asking to be deleted, and taking it back."""

import asyncio
from typing import Annotated, Final

from pydantic import BaseModel, Field
from starlette.responses import Response

from services.panel.kit.downloads import download
from services.panel.kit.forms import TypedForm
from services.panel.kit.page import TENANT, PanelPage, Visit
from services.panel.kit.typed import Whole
from services.panel.pages.departing import departing
from services.panel.texts import text
from shared.commands.checks import SetUpRefused
from shared.commands.privacy.depart import UNDER_WAY, ask_departure, cancel_departure
from shared.commands.privacy.tenant_zip import tenant_zip
from shared.db.tenants import audit_store
from shared.db.tenants.secrets_store import REMEMBERED_SECONDS
from shared.domain.documents import names_somebody
from shared.domain.privacy.terms import DEPARTURE_DAYS, FEWEST_DEPARTURE_DAYS, MOST_DEPARTURE_DAYS
from shared.words import Name, Reason

PATH: Final = f"{TENANT}/configuracoes/encerrar"


class _Leaving(BaseModel):
    nome: Name
    motivo: Reason
    dias: Annotated[Whole, Field(ge=FEWEST_DEPARTURE_DAYS, le=MOST_DEPARTURE_DAYS)] = DEPARTURE_DAYS


async def show(visit: Visit) -> Response:
    """What leaving means, and how it stands."""
    return await _show(visit, visit.form)


async def ask(visit: Visit) -> Response:
    """Disconnect the company, and have it deleted after some days."""
    form = visit.form
    read = form.read(_Leaving)
    if isinstance(read, TypedForm):
        return await _show(visit, read)
    if names_somebody(read.motivo):  # it stays when all else is deleted
        return await _show(visit, form.wrong(motivo=text("privacy.no_names")))
    try:
        async with visit.pool.acquire() as conn:
            await ask_departure(
                conn,
                visit.resources.sealer,
                visit.tenant.id,
                name=read.nome,
                reason=read.motivo,
                days=read.dias,
                by=visit.by,
                confirmed=(UNDER_WAY,) if form.has("confirmo") else (),
            )
    except SetUpRefused as refused:
        return await _show(visit, _refused(form, refused), ask_again=bool(refused.warnings))
    await visit.resources.waker.ring()
    await asyncio.sleep(REMEMBERED_SECONDS)  # then no process takes the old addresses any more
    return visit.go(f"{visit.base}/configuracoes/encerrar", "leaving")


async def stay(visit: Visit) -> Response:
    """Take it back."""
    try:
        async with visit.pool.acquire() as conn:
            await cancel_departure(conn, visit.tenant.id, by=visit.by)
    except SetUpRefused:
        return await _show(visit, visit.form.wrong(form_=text("leaving.too_late")))
    return visit.go(f"{visit.base}/configuracoes/encerrar", "stayed")


async def everything(visit: Visit) -> Response:
    """All that is kept of the company, as a ZIP that is made while it is sent."""
    resources = visit.resources
    pieces = tenant_zip(
        visit.pool,
        resources.sealer,
        visit.tenant,
        at=resources.now(),
        people_from=resources.pool,
    )
    name = f"notaponte-{visit.clock.today.isoformat()}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    response = download(visit, pieces, media_type="application/zip", headers=headers)
    async with visit.pool.acquire() as conn:
        await audit_store.add(conn, visit.tenant.id, actor=visit.by, action="tenant_exported")
    return response


def _refused(form: TypedForm, refused: SetUpRefused) -> TypedForm:
    if refused.code == "name_differs":
        return form.wrong(nome=text("leaving.name_differs"))
    if refused.warnings:
        return form.wrong(form_=refused.warnings[0].message)
    return form.wrong(form_=text("leaving.already"))


async def _show(visit: Visit, form: TypedForm, *, ask_again: bool = False) -> Response:
    return visit.show(
        "encerrar.html",
        422 if form.errors else 200,
        form=form,
        leaving=await departing(visit),
        ask_again=ask_again,
        days=DEPARTURE_DAYS,
    )


PAGES: Final[tuple[PanelPage, ...]] = (
    PanelPage(path=PATH, name="leaving", get=show, post=ask, see="people", do="people"),
    PanelPage(path=f"{PATH}/ficar", name="leaving_stay", post=stay, see="people", do="people"),
    PanelPage(
        path=f"{PATH}/tudo",
        name="leaving_export",
        post=everything,
        see="people",
        do="people",
        looks=True,
    ),
)

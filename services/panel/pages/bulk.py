"""One action for many sales: asked for with a count and a reason, watched, and stopped."""

from typing import Final, get_args

from pydantic import BaseModel
from starlette.responses import Response

from services.panel.kit.forms import TypedForm
from services.panel.kit.once import Once, new_once
from services.panel.kit.page import PanelPage, Visit
from services.panel.kit.serve import NotThere
from services.panel.pages.sales import PATH, all_chosen, carried, show_list, ticked
from services.panel.show import filters
from services.panel.show.bulk import job_shown
from services.panel.show.filters import Filters
from services.panel.texts import text
from shared.commands.bulk import cancel_bulk, queue_bulk
from shared.crypto.tokens import new_job_id
from shared.db.sales import bulk_jobs_store
from shared.db.sales.bulk_jobs_store import NewJob
from shared.domain.actions import SaleAction
from shared.domain.bulk import MOST_AT_ONCE
from shared.domain.external_id import LARGEST_BILL
from shared.domain.ids import BillId, JobId
from shared.words import Reason, plain_number

ACTIONS: Final[tuple[SaleAction, ...]] = get_args(SaleAction)
_JOBS: Final = 30
_REFUSALS: Final = 100


class _Asking(BaseModel):
    acao: SaleAction
    motivo: Reason
    uma_vez: Once


async def ask(visit: Visit) -> Response:
    """First how many and which action; once that was confirmed, the job."""
    form = visit.form
    chosen = filters.read(dict(carried(form)))
    bills = await _bills(visit, chosen)
    if not bills:
        return await show_list(visit, chosen, None, form.wrong(form_=text("many.none")))
    if len(bills) > MOST_AT_ONCE:
        return await show_list(visit, chosen, None, form.wrong(form_=text("bulk.too_many")))
    if not form.has("confirmado"):
        return _confirm(visit, chosen, bills, TypedForm(values=form.values))
    read = form.read(_Asking)
    if isinstance(read, TypedForm):
        return _confirm(visit, chosen, bills, read)
    if form.has("todas") and form["contadas"] != str(len(bills)):
        moved = form.wrong(form_=text("bulk.moved", before=form["contadas"], now=len(bills)))
        return _confirm(visit, chosen, bills, moved)
    asked = NewJob(
        id=new_job_id(),
        action=read.acao,
        reason=read.motivo,
        about="",
        by=visit.by,
        once=read.uma_vez,
        bills=bills,
    )
    async with visit.pool.acquire() as conn, conn.transaction():
        job = await queue_bulk(conn, visit.tenant.id, asked)
    return visit.go(f"{visit.base}/vendas/acoes/{job}")


async def _bills(visit: Visit, chosen: Filters) -> list[BillId]:
    """The ticked sales, or all that fit the list."""
    if not visit.form.has("todas"):
        return ticked(visit.form)
    async with visit.pool.acquire() as conn:
        return await all_chosen(visit, conn, chosen, MOST_AT_ONCE + 1)


def _confirm(visit: Visit, chosen: Filters, bills: list[BillId], form: TypedForm) -> Response:
    everything = visit.form.has("todas")
    return visit.show(
        "vendas_acao.html",
        422 if form.errors else 200,
        form=form,
        sales=len(bills),
        bills=() if everything else bills,
        everything=everything,
        action=visit.form["acao"] if visit.form["acao"] in ACTIONS else "retry",
        chosen=chosen,
        once=form["uma_vez"] or new_once(),
    )


async def show_all(visit: Visit) -> Response:
    """The jobs of late, those under way among them."""
    async with visit.pool.acquire() as conn:
        jobs = await bulk_jobs_store.newest(conn, visit.tenant.id, limit=_JOBS)
    now = visit.resources.now()
    return visit.show("acoes.html", jobs=[job_shown(job, now) for job in jobs])


async def show(visit: Visit) -> Response:
    """One job: how far it is, and which sales did not take it."""
    job = _job(visit)
    below = plain_number(visit.request.query_params.get("antes", ""), LARGEST_BILL)
    before = BillId(below or LARGEST_BILL)
    async with visit.pool.acquire() as conn:
        found = await bulk_jobs_store.get(conn, visit.tenant.id, job)
        refused = await bulk_jobs_store.refusals(
            conn, visit.tenant.id, job, before=before, limit=_REFUSALS + 1
        )
    if found is None:
        raise NotThere
    more = len(refused) > _REFUSALS
    return visit.show(
        "acao.html",
        job=job_shown(found, visit.resources.now()),
        refused=refused[:_REFUSALS],
        next=refused[_REFUSALS - 1].bill_id if more else None,
    )


async def cancel(visit: Visit) -> Response:
    """Ask for no more of them."""
    job = _job(visit)
    async with visit.pool.acquire() as conn, conn.transaction():
        if await bulk_jobs_store.get(conn, visit.tenant.id, job) is None:
            raise NotThere
        stopped = await cancel_bulk(conn, visit.tenant.id, job, by=visit.by)
    return visit.go(f"{visit.base}/vendas/acoes/{job}", "bulk_stopped" if stopped else "bulk_over")


def _job(visit: Visit) -> JobId:
    return JobId(str(visit.request.path_params["job"])[:40])


PAGES: Final[tuple[PanelPage, ...]] = (
    PanelPage(
        path=f"{PATH}/acoes", name="sales_actions", get=show_all, post=ask, see="see", do="act"
    ),
    PanelPage(
        path=f"{PATH}/acoes/{{job}}", name="sales_job", get=show, post=cancel, see="see", do="act"
    ),
)

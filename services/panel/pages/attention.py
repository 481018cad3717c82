"""Pendências: what needs somebody, by cause, with one button for all of a cause."""

import re
from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from pydantic import BaseModel
from starlette.responses import Response

from services.panel.kit import say
from services.panel.kit.figures import FigureKind
from services.panel.kit.forms import TypedForm
from services.panel.kit.once import Once, new_once
from services.panel.kit.page import TENANT, PanelPage, Visit
from services.panel.pages.overview import day_of
from services.panel.show import overview
from services.panel.show.attention import pending
from services.panel.show.overview import divided
from services.panel.texts import text
from shared.commands.bulk import bills_of_code, bills_of_group, queue_bulk
from shared.crypto.tokens import new_job_id
from shared.db.connection import Connection
from shared.db.sales import denials_store, overview_read
from shared.db.sales.bulk_jobs_store import NewJob
from shared.db.sales.denials_store import DenialGroup
from shared.db.sales.overview_read import Heap
from shared.domain.bulk import MOST_AT_ONCE
from shared.domain.denials import GROUP, policy_for
from shared.domain.ids import BillId, TenantId
from shared.domain.messages import message_for
from shared.words import Reason, plain_number

PATH: Final = f"{TENANT}/pendencias"
COUNTED: Final = "contadas"  # how many sales the page showed
_CODE: Final = re.compile(r"[a-z0-9_]{1,60}")


class _Open(Struct, frozen=True, kw_only=True):
    """What needs somebody, without the issuer's words: those are read when they are shown."""

    heaps: list[Heap]
    denials: list[DenialGroup]


_KIND: Final = FigureKind(
    name="attention", type=_Open, sales=lambda seen: sum(heap.sales for heap in seen.heaps)
)


class _Asking(BaseModel):
    motivo: Reason
    uma_vez: Once


async def show(visit: Visit) -> Response:
    """Every cause."""
    return await _show(visit, visit.form)


async def try_again(visit: Visit) -> Response:
    """All sales of one cause, sent or judged again."""
    form = visit.form
    read = form.read(_Asking)
    if isinstance(read, TypedForm):
        return await _show(visit, read)
    group, code = form["grupo"], form["causa"]
    async with visit.pool.acquire() as conn, conn.transaction():
        bills = await _bills(conn, visit.tenant.id, group, code)
        more = _more(form, len(bills))
        if more is not None:
            return await _show(visit, more, 409)
        asked = NewJob(
            id=new_job_id(),
            action="retry",
            reason=read.motivo,
            about=divided(message_for(group.partition("-")[0] or code).text)[0],
            by=visit.by,
            once=read.uma_vez,
            bills=bills,
        )
        job = await queue_bulk(conn, visit.tenant.id, asked) if bills else None
    if job is None:
        return await _show(visit, form.wrong(form_=text("attention.nothing")))
    return visit.go(f"{visit.base}/vendas/acoes/{job}", "again")


def _more(form: TypedForm, now: int) -> TypedForm | None:
    """The form with how many there are, where an older page showed fewer.

    That there are fewer by now is what becomes of a cause that heals.
    """
    shown = plain_number(form[COUNTED], MOST_AT_ONCE)
    if shown is None or now <= shown:
        return None
    said = text("attention.more", before=say.number(shown), now=say.number(now))
    counted = TypedForm(values={**form.values, COUNTED: (str(now),)})
    return counted.wrong(form_=said)


async def _bills(conn: Connection, tenant: TenantId, group: str, code: str) -> Sequence[BillId]:
    """The sales of a cause; none where notas of it may exist already, and a person has to look."""
    if group:
        known = GROUP.fullmatch(group) and policy_for(group.partition("-")[0]).ever
        return await bills_of_group(conn, tenant, group) if known else ()
    return await bills_of_code(conn, tenant, code) if _CODE.fullmatch(code) else ()


async def _show(visit: Visit, form: TypedForm, status: int | None = None) -> Response:
    tenant, sealer = visit.tenant.id, visit.resources.sealer
    seen = await visit.figure(_KIND, lambda: _open(visit))
    async with visit.pool.acquire() as conn:
        denials = await denials_store.with_texts(conn, tenant, seen.value.denials)
    originals = {
        group.group: said
        for group in denials
        if (said := denials_store.original_text(sealer, tenant, group))
    }
    found = pending(overview.causes(seen.value.heaps), denials, originals)
    return visit.show(
        "pendencias.html",
        status or (422 if form.errors else 200),
        form=form,
        seen=seen,
        found=found,
        sales=sum(one.sales for one in found),
        amount=sum(one.amount for one in found),
        asked=form["grupo"] or form["causa"],
        once=form["uma_vez"] or new_once(),
    )


async def _open(visit: Visit) -> _Open:
    tenant = visit.tenant.id
    async with visit.pool.acquire() as conn:
        return _Open(
            heaps=await overview_read.open_sales(conn, tenant, [day_of(visit, visit.clock.today)]),
            denials=denials_store.without_texts(await denials_store.groups(conn, tenant)),
        )


PAGES: Final[tuple[PanelPage, ...]] = (
    PanelPage(path=PATH, name="attention", get=show, post=try_again, see="see", do="act"),
)

"""Fechamento: a month of three sides, what is missing by name, and its lock."""

from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace
from pydantic import BaseModel
from starlette.responses import Response

from services.panel.kit.figures import FigureKind
from services.panel.kit.forms import TypedForm
from services.panel.kit.page import TENANT, PanelPage, Visit
from services.panel.show.closing import closing_shown, month_after, month_before
from services.panel.texts import text
from shared.commands.closing import close, want_issuers_list
from shared.commands.closing_lock import LockRefused, lock_month, unlock_month
from shared.db.closing import closing_locks_store
from shared.db.tenants import connections_store
from shared.domain.closing import (
    Closing,
    IssuerSide,
    Lock,
    Month,
    figures_from_json,
    figures_to_json,
)
from shared.domain.filing import Filing
from shared.vindi.budget import BudgetShare
from shared.words import Reason

PATH: Final = f"{TENANT}/fechamento"


class _Asking(BaseModel):
    motivo: Reason


class _Added(Struct, frozen=True, kw_only=True):
    """A closing without its lock, which is always read as it is."""

    figures: dict[str, Any]  # as locks keep them
    read_at: datetime | None
    missing: int | None
    trouble: str | None
    issuer: IssuerSide
    filing: Filing | None

    def closing(self, month: Month, lock: Lock | None) -> Closing:
        """The whole."""
        return Closing(
            month=month,
            figures=replace(figures_from_json(self.figures), read_at=self.read_at),
            missing=self.missing,
            trouble=self.trouble,
            lock=lock,
            issuer=self.issuer,
            filing=self.filing,
        )


async def show(visit: Visit) -> Response:
    """A month; without one the last that is over."""
    return await _show(visit, _month(visit, visit.request.query_params.get("mes", "")), visit.form)


async def change(visit: Visit) -> Response:
    """Lock the month, or open it again."""
    form = visit.form
    month = _month(visit, form["mes"])
    read = form.read(_Asking)
    if isinstance(read, TypedForm):
        return await _show(visit, month, read)
    try:
        if form["fazer"] == "abrir":
            await unlock_month(
                visit.pool,
                visit.resources.waker,
                visit.tenant.id,
                month,
                reason=read.motivo,
                by=visit.by,
            )
            said = "unlocked"
        else:
            closing = await _closed(visit, month)
            await lock_month(
                visit.pool,
                visit.tenant.id,
                closing,
                reason=read.motivo,
                force=form.has("assim_mesmo"),
                by=visit.by,
            )
            said = "locked"
    except LockRefused as refused:
        return await _show(visit, month, form.wrong(form_=text(f"closing.{refused.code}")))
    return visit.go(f"{visit.base}/fechamento?mes={month}", said)


async def _show(visit: Visit, month: Month, form: TypedForm) -> Response:
    kind = FigureKind(
        name=f"closing {month}", type=_Added, sales=lambda added: added.figures["vindi"][0]
    )
    seen = await visit.figure(kind, lambda: _added(visit, month))
    async with visit.pool.acquire() as conn:
        lock = await closing_locks_store.get(conn, visit.tenant.id, month)
    closing = seen.value.closing(month, lock)
    after = month_after(month, visit.clock.today)
    return visit.show(
        "fechamento.html",
        422 if form.errors else 200,
        form=form,
        seen=seen,
        month=month,
        closing=closing,
        shown=closing_shown(closing),
        before=month_before(month),
        after=after,
        over=after is not None,
    )


async def _added(visit: Visit, month: Month) -> _Added:
    closing = await _closed(visit, month)
    return _Added(
        figures=figures_to_json(closing.figures),
        read_at=closing.figures.read_at,
        missing=closing.missing,
        trouble=closing.trouble,
        issuer=closing.issuer,
        filing=closing.filing,
    )


async def _closed(visit: Visit, month: Month) -> Closing:
    resources = visit.resources
    async with visit.pool.acquire() as conn:
        vindi = await connections_store.get_vindi(conn, resources.sealer, visit.tenant.id)
    client = resources.clients.vindi(visit.tenant.id, vindi, BudgetShare.PERSON) if vindi else None
    pool = visit.pool_as("repeatable_read")
    closing = await close(pool, resources.totals, client, visit.tenant, month, filed=True)
    if closing.issuer.stale:
        # It is read behind; the page looks again by itself.
        await want_issuers_list(visit.pool, visit.tenant, closing.issuer.stale)
    return closing


def _month(visit: Visit, given: str) -> Month:
    with suppress(ValueError):
        return Month.read(given)
    today = visit.clock.today
    return month_before(Month(year=today.year, month=today.month))


PAGES: Final[tuple[PanelPage, ...]] = (
    PanelPage(path=PATH, name="closing", get=show, post=change, see="see", do="close"),
)

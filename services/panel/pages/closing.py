"""Fechamento: a month of three sides, what is missing by name, and its lock."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace
from pydantic import BaseModel
from starlette.responses import Response

from services.panel.kit import say
from services.panel.kit.figures import Figure, FigureKind
from services.panel.kit.forms import TypedForm
from services.panel.kit.page import TENANT, PanelPage, Visit
from services.panel.kit.serve import NotThere
from services.panel.pages.zip_progress import zip_progress
from services.panel.show.closing import (
    FILES,
    accepted_shown,
    check_shown,
    closing_shown,
    difference_shown,
    month_after,
    month_before,
)
from services.panel.show.closing_facts import closing_facts
from services.panel.show.month_zip import all_documents
from services.panel.texts import text
from shared.commands.closing import close, span_of, want_issuers_list
from shared.commands.closing_lock import LockRefused, lock_month, unlock_month
from shared.commands.differences import differences_of
from shared.commands.files.month_file import rows_of
from shared.db.closing import (
    accepted_notas_store,
    closing_checks_store,
    closing_locks_store,
    closing_read,
    issuer_side_read,
)
from shared.db.closing.accepted_notas_store import AcceptedNota
from shared.db.closing.closing_read import Line
from shared.db.closing.issuer_side_read import Difference
from shared.db.closing.month_files_store import KINDS
from shared.db.sales import names_read
from shared.db.tenants import audit_store, connections_store
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
AT_ONCE: Final = 3000  # rows that a person waits for; larger files are made behind
_ROWS: Final = 100
_MONTHS: Final = 24  # to choose from


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


class _Unexplained(Struct, frozen=True, kw_only=True):
    """The first sales of a month that neither nota nor reason explains; bills of the month."""

    lines: list[Line]
    bills: int


class _Apart(Struct, frozen=True, kw_only=True):
    """The first notas that only one side has, or with something else in them."""

    lines: list[Difference]


async def show(visit: Visit) -> Response:
    """A month; without one the last that is over."""
    return await _show(visit, _asked(visit), visit.form)


async def check(visit: Visit) -> Response:
    """Have every sale of the month read at Vindi again; one that runs already is the one."""
    month, tenant = month_sent(visit), visit.tenant.id
    async with visit.pool.acquire() as conn:
        if await closing_checks_store.ask(conn, tenant, month, by=visit.by):
            detail = {"month": str(month)}
            await audit_store.add(
                conn, tenant, actor=visit.by, action="closing_check_requested", detail=detail
            )
    return visit.go(f"{visit.base}/fechamento?mes={month}", "checking")


async def differences(visit: Visit) -> Response:
    """Where the three sides disagree, nota by nota and sale by sale."""
    return await show_differences(visit, _asked(visit), visit.form)


async def show_differences(
    visit: Visit, month: Month, form: TypedForm, *, told: str = "", status: int | None = None
) -> Response:
    """The same, with what was made of a form about them; `told` says what was done."""
    after = visit.request.query_params.get("depois", "")[:300]
    odd = None if after else await _kept_unexplained(visit, month)
    # Whoever has just accepted notas looks at what is left of them.
    kept = odd if odd and not told and not form.errors else None
    seen = await _kept_apart(visit, month, kept.value.bills) if kept else None
    found = seen.value.lines if seen else (await _apart(visit, month, after)).lines
    shown = found[:_ROWS]
    bills = [one.bill_id for one in shown if one.bill_id is not None]
    async with visit.pool.acquire() as conn:
        names = await names_read.of_bills(conn, visit.tenant.id, bills)
    locked, accepted = await _accepted(visit, month)
    return visit.show(
        "fechamento_diferencas.html",
        status or (422 if form.errors else 200),
        form=form,
        told=told,
        locked=locked,
        accepted=[accepted_shown(one) for one in accepted[:_ROWS]],
        more_accepted=len(accepted) > _ROWS,
        month=month,
        name=say.month(month.first_day),
        found=[difference_shown(one, names) for one in shown],
        next=shown[-1].key if len(found) > _ROWS else None,
        seen=seen,
        odd_seen=odd,
        odd=odd.value.lines[:_ROWS] if odd else (),
        whole=odd is None or len(odd.value.lines) <= _ROWS,
    )


async def _accepted(visit: Visit, month: Month) -> tuple[bool, Sequence[AcceptedNota]]:
    """Whether the month is locked, and the first notas of others that were accepted in it."""
    async with visit.pool.acquire() as conn:
        lock = await closing_locks_store.get(conn, visit.tenant.id, month)
        scope = await issuer_side_read.scope_of(
            conn, await span_of(conn, visit.tenant, month), month
        )
        found = await accepted_notas_store.list_month(conn, scope, limit=_ROWS + 1)
    return lock is not None, found


async def _kept_apart(visit: Visit, month: Month, bills: int) -> Figure[_Apart]:
    kind = FigureKind(name=f"apart {month}", type=_Apart, sales=lambda _: bills)
    return await visit.figure(kind, lambda: _apart(visit, month))


async def _apart(visit: Visit, month: Month, after: str = "") -> _Apart:
    found = await differences_of(visit.pool, visit.tenant, month, after=after, limit=_ROWS + 1)
    return _Apart(lines=found)


async def _kept_unexplained(visit: Visit, month: Month) -> Figure[_Unexplained]:
    kind = FigureKind(name=f"unexplained {month}", type=_Unexplained, sales=lambda odd: odd.bills)
    return await visit.figure(kind, lambda: _unexplained(visit, month))


async def _unexplained(visit: Visit, month: Month) -> _Unexplained:
    async with visit.pool.acquire() as conn:
        span = await span_of(conn, visit.tenant, month)
    found, bills = await closing_read.unexplained(visit.pool, span, limit=_ROWS + 1)
    return _Unexplained(lines=found, bills=bills)


async def change(visit: Visit) -> Response:
    """Lock the month, or open it again."""
    form = visit.form
    month = month_sent(visit)
    read = form.read(_Asking)
    if isinstance(read, TypedForm):
        return await _show(visit, month, read)
    closing = await closed(visit, month)
    moved = form.stale(closing_facts(closing, visit.clock), text("closing.moved"))
    if moved is not None:
        return await _show(visit, month, moved, closing)
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


async def _show(
    visit: Visit, month: Month, form: TypedForm, fresh: Closing | None = None
) -> Response:
    """The month; `fresh` is as it is after it changed under a form, newer than kept figures."""
    figure = FigureKind(
        name=f"closing {month}", type=_Added, sales=lambda added: added.figures["vindi"][0]
    )
    seen = await visit.figure(figure, lambda: _added(visit, month))
    async with visit.pool.acquire() as conn:
        lock = await closing_locks_store.get(conn, visit.tenant.id, month)
        checked = await closing_checks_store.get(conn, visit.tenant.id, month)
    closing = seen.value.closing(month, lock)
    zipped = await zip_progress(visit, month)
    after = month_after(month, visit.clock.today)
    return visit.show(
        "fechamento.html",
        409 if fresh else 422 if form.errors else 200,
        form=form,
        seen=seen,
        facts=closing_facts(fresh or closing, visit.clock),
        month=month,
        closing=closing,
        shown=closing_shown(closing),
        large=max(rows_of(kind, closing) for kind in KINDS) > AT_ONCE,
        checked=check_shown(checked),
        files=FILES,
        zipped=zipped,
        documents=all_documents(closing),
        before=month_before(month),
        last_day=month.last_day,
        first_day_after=month.last_day + timedelta(days=1),
        months=_months(visit, month),
        after=after,
        over=after is not None,
    )


def _months(visit: Visit, shown: Month) -> list[tuple[str, str]]:
    """The months to choose from, this one first, and the one that is shown."""
    found = [Month(year=visit.clock.today.year, month=visit.clock.today.month)]
    while len(found) < _MONTHS:
        found.append(month_before(found[-1]))
    if shown not in found:
        found.append(shown)
    return [(str(one), say.month(one.first_day)) for one in found]


async def _added(visit: Visit, month: Month) -> _Added:
    closing = await closed(visit, month)
    return _Added(
        figures=figures_to_json(closing.figures),
        read_at=closing.figures.read_at,
        missing=closing.missing,
        trouble=closing.trouble,
        issuer=closing.issuer,
        filing=closing.filing,
    )


async def closed(visit: Visit, month: Month) -> Closing:
    """The month as it is now; the issuer's list is read behind where it is older."""
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


def _asked(visit: Visit) -> Month:
    return month_of(visit, visit.request.query_params.get("mes", ""))


def month_sent(visit: Visit) -> Month:
    """The month that a form is about: of one that cannot be read nothing is done."""
    try:
        return Month.read(visit.form["mes"])
    except ValueError:
        raise NotThere from None


def month_of(visit: Visit, given: str) -> Month:
    """The month that was asked for, or the last that is over."""
    with suppress(ValueError):
        return Month.read(given)
    today = visit.clock.today
    return month_before(Month(year=today.year, month=today.month))


PAGES: Final[tuple[PanelPage, ...]] = (
    PanelPage(path=PATH, name="closing", get=show, post=change, see="see", do="close"),
    PanelPage(path=f"{PATH}/conferir", name="closing_check", post=check, see="see", do="close"),
    PanelPage(path=f"{PATH}/diferencas", name="closing_differences", get=differences, see="see"),
)

"""Vendas: the list, narrowed and searched; one action for many."""

from collections.abc import AsyncIterator, Sequence
from typing import Final, get_args

from msgspec.structs import replace
from pydantic import BaseModel
from starlette.responses import Response, StreamingResponse

from services.panel.kit.forms import TypedForm
from services.panel.kit.page import TENANT, PanelPage, Visit
from services.panel.kit.sealed_words import open_words, seal_words
from services.panel.show import filters
from services.panel.show.filters import Filters
from services.panel.show.sales import line
from services.panel.show.sales_file import HEADINGS, cells, csv_line
from services.panel.texts import text
from shared.commands.actions import Asked, act
from shared.commands.refusals import WHY
from shared.db.connection import Connection
from shared.db.sales import sales_reach, sales_read
from shared.db.sales.sales_read import SaleFilter, SaleView
from shared.domain.actions import SaleAction
from shared.domain.external_id import LARGEST_BILL
from shared.domain.ids import BillId
from shared.domain.messages import LABELS, message_for
from shared.words import Reason, plain_number

ROWS: Final = 50
MOST_AT_ONCE: Final = 5000
AT_ONCE: Final = 500
MOST_IN_FILE: Final = 200_000
PATH: Final = f"{TENANT}/vendas"
ACTIONS: Final[tuple[SaleAction, ...]] = get_args(SaleAction)


class _Asking(BaseModel):
    """One action for many."""

    acao: SaleAction
    motivo: Reason


async def show(visit: Visit) -> Response:
    """A page of the list."""
    chosen = filters.read(visit.request.query_params)
    before = plain_number(visit.request.query_params.get("antes", ""), LARGEST_BILL)
    return await _list(visit, chosen, before, visit.form)


async def narrow(visit: Visit) -> Response:
    """What was typed becomes an address; words in it are sealed."""
    form = visit.form
    typed = {
        "status": form["status"],
        "motivo": form["codigo"],
        "de": form["de"],
        "ate": form["ate"],
        "b": seal_words(visit.resources.sealer, visit.tenant.id, form["busca"]),
        "c": ",".join(form.all("coluna")) or "-",
    }
    wrong = {}
    for name in ("minimo", "maximo"):
        if form[name].strip():
            cents = filters.amount(form[name])
            if cents is None:
                wrong[name] = text("amount.wrong")
            else:
                typed[name] = str(cents)
    chosen = filters.read(typed)
    if wrong:
        return await _list(visit, chosen, None, form.wrong(**wrong))
    query = chosen.query()
    return visit.go(f"{visit.base}/vendas{'?' if query else ''}{query}")


async def download(visit: Visit) -> Response:
    """The list as a file for spreadsheets, a page of sales at a time."""
    chosen = filters.read(visit.request.query_params)
    name = f"vendas-{visit.clock.today.isoformat()}.csv"
    return StreamingResponse(
        _rows(visit, chosen),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def _rows(visit: Visit, chosen: Filters) -> AsyncIterator[str]:
    yield csv_line(HEADINGS, first=True)
    before: int | None = None
    sent = 0
    while sent < MOST_IN_FILE:
        async with visit.pool.acquire() as conn:
            found = await find(visit, conn, chosen, before, AT_ONCE)
        if not found:
            return
        yield "".join(csv_line(cells(sale, visit.zone)) for sale in found)
        before = found[-1].bill_id
        sent += len(found)


async def ask_many(visit: Visit) -> Response:
    """First how many and which action, then, once that was confirmed, do it."""
    form = visit.form
    chosen = filters.read(dict(_pairs(form)))
    bills = await _bills(visit, chosen, form)
    read = form.read(_Asking)
    if not bills:
        return await _list(visit, chosen, None, form.wrong(form_=text("many.none")))
    if isinstance(read, TypedForm) or not form.has("confirmado"):
        asked = form if isinstance(read, TypedForm) and form.has("confirmado") else TypedForm()
        wrong = read.errors if isinstance(read, TypedForm) and form.has("confirmado") else {}
        action = form["acao"] if form["acao"] in ACTIONS else "retry"
        return visit.show(
            "vendas_acao.html",
            422 if wrong else 200,
            form=TypedForm(values=asked.values or form.values, errors=wrong),
            bills=bills,
            action=action,
            chosen=chosen,
        )
    asked_for = Asked(action=read.acao, reason=read.motivo, by=visit.by)
    outcome = await act(visit.pool, visit.resources.waker, visit.tenant.id, bills, asked_for)
    return visit.show(
        "vendas_feito.html",
        outcome=outcome,
        reasons=_reasons([one.code for one in outcome.refused]),
        chosen=chosen,
        action=read.acao,
    )


async def find(
    visit: Visit, conn: Connection, chosen: Filters, before: int | None, limit: int
) -> Sequence[SaleView]:
    """Sales that fit, the newest bill first, however far they are."""
    wanted = await _wanted(visit, conn, chosen)
    first = None if before is None else BillId(before)
    return await _found(visit, conn, wanted, first, limit)


async def _wanted(visit: Visit, conn: Connection, chosen: Filters) -> SaleFilter:
    tenant, sealer = visit.tenant.id, visit.resources.sealer
    words = open_words(sealer, tenant, chosen.words)
    bills = await sales_read.found_by_number(conn, sealer, tenant, words) if words else None
    return SaleFilter(
        status=chosen.status,
        code=chosen.code,
        since=chosen.since,
        until=chosen.until,
        text=words if words and bills is None else None,
        bills=bills,
        least=chosen.least,
        most=chosen.most,
    )


async def _found(
    visit: Visit, conn: Connection, wanted: SaleFilter, before: BillId | None, limit: int
) -> Sequence[SaleView]:
    return await sales_read.list_newest_first(
        conn,
        visit.resources.sealer,
        visit.tenant.id,
        visit.zone,
        wanted,
        before=before,
        limit=limit,
    )


async def _page(
    visit: Visit, conn: Connection, chosen: Filters, before: BillId | None
) -> tuple[Sequence[SaleView], BillId | None]:
    """Sales that fit, one more than a page shows, and below which bill to look for more."""
    wanted = await _wanted(visit, conn, chosen)
    deep = visit.request.query_params.get("fundo") == "1"
    if wanted.bills is not None or deep:
        return await _found(visit, conn, wanted, before, ROWS + 1), None
    reach = await sales_reach.where_to_look(conn, visit.tenant.id, visit.zone, wanted, before)
    near = replace(wanted, bills=reach.bills, above=reach.above)
    return await _found(visit, conn, near, reach.before, ROWS + 1), reach.ended


async def _list(visit: Visit, chosen: Filters, before: int | None, form: TypedForm) -> Response:
    first = None if before is None else BillId(before)
    async with visit.pool.acquire() as conn:
        found, ended = await _page(visit, conn, chosen, first)
    shown = found[:ROWS]
    more = len(found) > ROWS
    further = None if more or ended is None else ended
    return visit.show(
        "vendas.html",
        422 if form.errors else 200,
        form=form,
        lines=[line(sale, visit.clock) for sale in shown],
        chosen=chosen,
        words=form["busca"] or open_words(visit.resources.sealer, visit.tenant.id, chosen.words),
        next=chosen.query(antes=str(shown[-1].bill_id)) if more else None,
        further=further and chosen.query(antes=str(further)),
        deep=further and chosen.query(antes=str(further), fundo="1"),
        looked_to=further,
        first=chosen.query() if before else None,
        statuses=[("", text("any")), *((one.value, said) for one, said in LABELS.items())],
        cause=message_for(chosen.code).text if chosen.code else None,
        columns=filters.COLUMNS,
    )


async def _bills(visit: Visit, chosen: Filters, form: TypedForm) -> list[BillId]:
    """The ticked sales, or all that fit the list."""
    if form.has("todas"):
        async with visit.pool.acquire() as conn:
            found = await find(visit, conn, chosen, None, MOST_AT_ONCE)
        return [sale.bill_id for sale in found]
    ticked = [plain_number(one, LARGEST_BILL) for one in form.all("venda")]
    return [BillId(number) for number in ticked[:MOST_AT_ONCE] if number is not None]


def _pairs(form: TypedForm) -> Sequence[tuple[str, str]]:
    """The list's own address as its form carries it."""
    names = ("status", "de", "ate", "minimo", "maximo", "b")
    return [("motivo", form["codigo"]), *((name, form[name]) for name in names)]


def _reasons(codes: Sequence[str]) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for code in codes:
        said = WHY.get(code, text("many.refused"))
        counts[said] = counts.get(said, 0) + 1
    return sorted(counts.items(), key=lambda pair: -pair[1])


PAGES: Final[tuple[PanelPage, ...]] = (
    PanelPage(path=PATH, name="sales", get=show, post=narrow, see="see"),
    PanelPage(path=f"{PATH}.csv", name="sales_file", get=download, see="see"),
    PanelPage(path=f"{PATH}/acoes", name="sales_actions", post=ask_many, see="see", do="act"),
)

"""Vendas: the list, narrowed and searched, with what is ticked across its pages."""

import dataclasses
from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace
from starlette.responses import Response

from services.panel.kit.forms import TypedForm
from services.panel.kit.page import TENANT, PanelPage, Visit
from services.panel.kit.typed import number_said
from services.panel.show import filters
from services.panel.show.filters import Filters
from services.panel.show.overview import divided
from services.panel.show.sales import line
from services.panel.texts import text
from shared.crypto.sealed_words import open_words, seal_words
from shared.db.connection import Connection
from shared.db.sales import sales_chosen, sales_reach, sales_read, saved_filters_store
from shared.db.sales.sales_read import SaleFilter, SaleView
from shared.domain.external_id import LARGEST_BILL
from shared.domain.ids import BillId
from shared.domain.messages import LABELS, message_for
from shared.words import plain_number

ROWS: Final = 50
_CAUSES: Final = filters.causes()
MOST_TICKED: Final = 5000
LIST: Final = "lista."  # what a form carries of the list's address
PATH: Final = f"{TENANT}/vendas"


async def show(visit: Visit) -> Response:
    """A page of the list."""
    chosen = filters.read(visit.request.query_params)
    before = plain_number(visit.request.query_params.get("antes", ""), LARGEST_BILL)
    return await show_list(visit, chosen, before, visit.form)


async def narrow(visit: Visit) -> Response:
    """What was typed becomes an address; words in it are sealed."""
    form = visit.form
    sum_said = filters.sum_said(form["busca"])
    said = "" if sum_said is not None else number_said(form["busca"])
    typed = {
        "status": form["status"],
        "motivo": form["causa"],
        "de": form["de"],
        "ate": form["ate"],
        "b": seal_words(visit.resources.sealer, visit.tenant.id, said),
        "produto": form["produto"],
        "plano": form["plano"],
        "meio": form["meio"],
        "c": ",".join(form.all("coluna")) or "-",
    }
    wrong = filters.wrong_span({name: form[name] for name in ("de", "ate")})
    for name in ("minimo", "maximo"):
        if form[name].strip():
            cents = filters.amount(form[name])
            if cents is None:
                wrong[name] = text("amount.wrong")
            else:
                typed[name] = str(cents)
    if sum_said is not None:
        typed["minimo"] = typed["maximo"] = str(sum_said)
    chosen = filters.read(typed)
    if chosen.least is not None and chosen.most is not None and chosen.most < chosen.least:
        wrong["maximo"] = text("amount.order")
    if wrong:
        return await show_list(visit, chosen, None, form.wrong(**wrong))
    query = chosen.query()
    return visit.go(f"{visit.base}/vendas{'?' if query else ''}{query}")


async def begin(visit: Visit) -> Response:
    """A list whose ticks are gone begins anew."""
    return visit.go(f"{visit.base}/vendas")


async def keep_ticked(visit: Visit) -> Response:
    """Another page of the list, with what was ticked so far."""
    form = visit.form
    chosen = filters.read(dict(carried(form)))
    before = plain_number(form["ir"], LARGEST_BILL)
    return await show_list(visit, chosen, before, TypedForm(), kept=ticked(form))


def ticked(form: TypedForm) -> list[BillId]:
    """The sales that were ticked, each once, in the order in which they were."""
    numbers = [plain_number(one, LARGEST_BILL) for one in form.all("venda")]
    found = dict.fromkeys(BillId(number) for number in numbers if number is not None)
    return list(found)[:MOST_TICKED]


def carried(form: TypedForm) -> list[tuple[str, str]]:
    """The list's own address as its form carries it."""
    return [(name.removeprefix(LIST), form[name]) for name in form.values if name.startswith(LIST)]


def is_unread(visit: Visit, chosen: Filters) -> bool:
    """Whether something was chosen, or searched for, that nobody can read: no sale fits that."""
    sealed = chosen.words
    lost = bool(sealed) and not open_words(visit.resources.sealer, visit.tenant.id, sealed)
    return chosen.unread or lost


async def all_chosen(visit: Visit, conn: Connection, chosen: Filters, limit: int) -> list[BillId]:
    """Every sale that fits, the newest bill first."""
    fits = await _wanted(visit, conn, chosen)
    sealer, tenant = visit.resources.sealer, visit.tenant.id
    return await sales_chosen.all_that_fit(conn, sealer, tenant, visit.zone, fits, limit=limit)


async def find(
    visit: Visit, conn: Connection, chosen: Filters, before: int | None, limit: int
) -> Sequence[SaleView]:
    """Sales that fit, the newest bill first, however far they are."""
    wanted = await _wanted(visit, conn, chosen)
    first = None if before is None else BillId(before)
    return await _found(visit, conn, wanted, first, limit)


async def _wanted(visit: Visit, conn: Connection, chosen: Filters) -> SaleFilter:
    tenant, sealer = visit.tenant.id, visit.resources.sealer
    if is_unread(visit, chosen):
        return SaleFilter(bills=())
    words = open_words(sealer, tenant, chosen.words)
    year = visit.clock.today.year
    bills = await sales_chosen.found_by_number(conn, sealer, tenant, words, year) if words else None
    return SaleFilter(
        status=chosen.status,
        code=chosen.code,
        since=chosen.since,
        until=chosen.until,
        text=words if words and bills is None else None,
        bills=bills,
        least=chosen.least,
        most=chosen.most,
        product=chosen.product or None,
        plan=chosen.plan or None,
        method=chosen.method or None,
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


async def show_list(
    visit: Visit,
    chosen: Filters,
    before: int | None,
    form: TypedForm,
    *,
    kept: Sequence[BillId] = (),
) -> Response:
    """A page of the list; `kept` was ticked on others, or here before."""
    first = None if before is None else BillId(before)
    if not form.errors and is_unread(visit, chosen):
        form = form.wrong(form_=text("sales.unread"))
    if form.errors:  # what renews itself, and whoever comes back, gets this list and not the whole
        visit = dataclasses.replace(visit, about=f"{visit.base}/vendas?{chosen.query()}")
    async with visit.pool.acquire() as conn:
        saved = await saved_filters_store.all_of(conn, visit.tenant.id)
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
        next_bill=shown[-1].bill_id if more else None,
        here={sale.bill_id for sale in shown},
        kept=kept,
        saved=saved,
        methods=[("", text("any_method")), *filters.METHODS.items()],
        further=further and chosen.query(antes=str(further)),
        deep=further and chosen.query(antes=str(further), fundo="1"),
        looked_to=further,
        first=chosen.query() if before else None,
        statuses=[("", text("any")), *((one.value, said) for one, said in LABELS.items())],
        cause=message_for(chosen.code).text if chosen.code else None,
        causes=_causes(chosen.code),
        columns=filters.COLUMNS,
        labels=[(word, text(f"column.{word}")) for word in chosen.columns],
    )


def _causes(chosen: str | None) -> list[tuple[str, str]]:
    """The causes to choose from; the one that is chosen is among them."""
    known = [("", text("sales.any_cause")), *_CAUSES]
    if chosen and chosen not in dict(known):
        known.append((chosen, divided(message_for(chosen).text)[0]))
    return known


PAGES: Final[tuple[PanelPage, ...]] = (
    PanelPage(path=PATH, name="sales", get=show, post=narrow, see="see"),
    PanelPage(
        path=f"{PATH}/selecao",
        name="sales_kept",
        get=begin,
        post=keep_ticked,
        see="see",
        do="act",
        looks=True,
    ),
)

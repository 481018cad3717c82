"""One sale: everything about it, its documents, and what may be asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, get_args

from pydantic import BaseModel, StringConstraints
from starlette.responses import Response

from services.panel.kit import say
from services.panel.kit.forms import CHOOSE, TypedForm
from services.panel.kit.page import TENANT, PanelPage, Visit
from services.panel.kit.serve import NotThere
from services.panel.show import filters
from services.panel.show.rule import spoke
from services.panel.show.sale import (
    BillSum,
    added_up,
    file_name,
    in_order,
    sale_facts,
    sale_shown,
    taxes_shown,
)
from services.panel.texts import text
from shared.commands.actions import SALE_UNKNOWN, Asked, act
from shared.commands.documents import DocumentRefused, fetch_document
from shared.commands.refusals import refusal_text
from shared.commands.statements import Statement, state_nota
from shared.db.connection import Connection
from shared.db.sales import nota_taxes_read, notas_store, sale_actions_store, sales_read
from shared.db.sales.nota_taxes_read import NotaTaxes
from shared.db.sales.sales_read import SaleStory, SaleView
from shared.db.tenants import connections_store, rules_store
from shared.db.vindi import bills_store
from shared.domain.actions import NO_DOCUMENT, Given, SaleAction, moves_to_today, possible
from shared.domain.amounts import BILL, LINES, REMAINING
from shared.domain.external_id import LARGEST_BILL
from shared.domain.ids import BillId
from shared.domain.parts import Part
from shared.domain.sale import SaleStatus
from shared.domain.statement import Statable, statable
from shared.issuer.interface import DocumentKind
from shared.vindi.stored import reopen_bill
from shared.words import Reason, plain_number

PATH: Final = f"{TENANT}/vendas/{{bill}}"
_MISMATCH: Final = "amount_mismatch"
_VINDI: Final = {
    "production": "https://app.vindi.com.br/admin/bills/",
    "sandbox": "https://sandbox-app.vindi.com.br/admin/bills/",
}
# Of one nota the papers tell no address there: it is looked for by its identification.
_ENOTAS: Final = "https://app.enotasgw.com.br/"
_OF_A_PART: Final[tuple[SaleAction, ...]] = ("retry", "issue", "cancel")
_TYPES: Final[dict[DocumentKind, str]] = {"pdf": "application/pdf", "xml": "application/xml"}


class _Asking(BaseModel):
    acao: SaleAction
    motivo: Reason


class _Stating(BaseModel):
    motivo: Reason
    numero: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z./-]{1,50}$")] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    story: SaleStory
    original: str | None
    sum: BillSum | None
    possible: Sequence[SaleAction]
    at_vindi: str | None
    spoke: str  # what of the rule decided
    bare: bool  # it may be issued without the buyer's document
    dates_today: bool  # issuing it now gives it this day's date
    given: Given | None  # what was given back in part, where a nota of the rest may be issued
    states: Statable  # what may be told of the city hall
    taxes: Mapping[int, NotaTaxes]  # by part


async def show(visit: Visit) -> Response:
    """The sale as it is."""
    return await _show(visit, visit.form)


async def ask(visit: Visit) -> Response:
    """One action; a page that is older than the sale is shown again first."""
    form, bill = visit.form, _bill(visit)
    moved = await _moved(visit, bill)
    if moved is not None:
        return await _show(visit, moved, 409)
    read = form.read(_Asking)
    if isinstance(read, TypedForm):
        return await _show(visit, read)
    amount = _amount(form)
    if isinstance(amount, TypedForm):
        return await _show(visit, amount)
    asked = Asked(
        action=read.acao,
        reason=read.motivo,
        by=visit.by,
        amount=amount,
        part=_part(form, read.acao),
        without_document=form["sem_documento"] == "sim",
    )
    outcome = await act(visit.pool, visit.resources.waker, visit.tenant.id, [bill], asked)
    for refused in outcome.refused:
        if refused.code == SALE_UNKNOWN:
            raise NotThere
        return await _show(visit, form.wrong(form_=refusal_text(refused, visit.zone)), 409)
    return visit.go(f"{visit.base}/vendas/{bill}", f"did.{read.acao}")


async def state(visit: Visit) -> Response:
    """What somebody saw at the city hall's portal."""
    form, bill = visit.form, _bill(visit)
    moved = await _moved(visit, bill)
    if moved is not None:
        return await _show(visit, moved, 409)
    read = form.read(_Stating)
    if isinstance(read, TypedForm):
        return await _show(visit, read)
    if form["escolhe"] and not form["parte"]:
        return await _show(visit, form.wrong(parte=CHOOSE))
    if form["existe"] not in ("sim", "nao"):
        return await _show(visit, form.wrong(existe=text("needed")))
    exists = form["existe"] == "sim"
    said = Statement(
        exists=exists,
        number=read.numero if exists else None,
        reason=read.motivo,
        by=visit.by,
        part=plain_number(form["parte"], 9999) or None,
    )
    try:
        refusal = await state_nota(visit.pool, visit.resources.waker, visit.tenant.id, bill, said)
    except LookupError:
        raise NotThere from None
    if refusal is not None:
        return await _show(visit, form.wrong(form_=text("state.refused")), 409)
    return visit.go(f"{visit.base}/vendas/{bill}", "stated")


async def pdf(visit: Visit) -> Response:
    """The nota as PDF."""
    return await _document(visit, "pdf")


async def xml(visit: Visit) -> Response:
    """The nota as XML."""
    return await _document(visit, "xml")


async def _document(visit: Visit, kind: DocumentKind) -> Response:
    resources, bill = visit.resources, _bill(visit)
    part = plain_number(visit.request.query_params.get("parte", ""), 9999)
    try:
        nota, document = await fetch_document(
            visit.pool, resources.sealer, resources.clients, visit.tenant.id, bill, kind, part
        )
    except DocumentRefused as refused:
        if refused.code in ("sale_unknown", "no_nota"):
            raise NotThere from None
        return await _show(visit, TypedForm().wrong(form_=_refused(refused.code)), 409)
    headers = {"Content-Disposition": f'attachment; filename="nota-{file_name(nota)}.{kind}"'}
    return Response(document, headers=headers, media_type=_TYPES[kind])


async def _show(visit: Visit, form: TypedForm, status: int | None = None) -> Response:
    found = await _found(visit, _bill(visit))
    sale = found.story.sale
    return visit.show(
        "venda.html",
        status or (422 if form.errors else 200),
        form=form,
        sale=sale,
        shown=sale_shown(found.story, visit.clock, found.original),
        sum=found.sum,
        actions=found.possible if visit.can("act") else (),
        asked=form["acao"] if form["acao"] in get_args(SaleAction) else "",
        amounts=_amounts(found),
        given=found.given,
        choosing=("issue",) if found.given else ("issue", "release"),
        states=found.states,
        at_vindi=found.at_vindi,
        at_issuer=_ENOTAS,
        spoke=found.spoke,
        dates_today=found.dates_today,
        bare=found.bare,
        taxes={part: taxes_shown(one) for part, one in found.taxes.items()},
        of_a_part=_OF_A_PART,
    )


async def _found(visit: Visit, bill: BillId) -> _Found:
    sealer, tenant = visit.resources.sealer, visit.tenant.id
    async with visit.pool.acquire() as conn:
        story = await sales_read.story(conn, tenant, bill, visit.zone)
        if story is None:
            raise NotThere
        original = await notas_store.newest_reason(conn, sealer, tenant, bill)
        known = (await bills_store.load(conn, tenant, [bill])).get(bill)
        locked = await sale_actions_store.look(conn, tenant, [bill])
        place = await _vindi(conn, visit)
        taxes = await nota_taxes_read.by_part(conn, tenant, bill)
        version = story.sale.rule_version
        rule = await rules_store.get(conn, tenant, version) if version else None
    read = reopen_bill(sealer, tenant, bill, known.body) if known else None
    may = [one for sale in locked for one in possible(sale.state)]
    return _Found(
        story=story,
        original=original or None,
        sum=added_up(read.value, story.sale) if read else None,
        possible=in_order(may, story.sale.status, story.sale.code),
        at_vindi=f"{place}{bill}" if place else None,
        bare=any(sale.state.lacks in NO_DOCUMENT for sale in locked),
        taxes=taxes,
        dates_today=any(moves_to_today(sale.state) for sale in locked),
        given=next((sale.state.given_back for sale in locked), None),
        states=_states(story.sale, [part for sale in locked for part in sale.parts]),
        spoke=spoke(rule.rule, story.sale.rule_exception) if rule else "",
    )


def _states(sale: SaleView, parts: Sequence[Part]) -> Statable:
    """What may be told of the city hall; of a nota on its way we shall hear in a moment."""
    if sale.status is SaleStatus.ISSUING:
        return Statable(exists=False, gone=False)
    return statable(parts)


def _amounts(found: _Found) -> Sequence[tuple[str, str, str]]:
    """What the nota may be for where a person has to say it: word, name, and how much it is."""
    other = ("outro", text("sale.by_other"), "")
    given, added = found.given, found.sum
    if given is not None:
        rest = [(REMAINING, text("sale.by_rest"), say.money(given.rest))]
        return [*rest, (BILL, text("sale.by_whole"), say.money(given.of)), other]
    if found.story.sale.code != _MISMATCH:
        return ()
    lines, bill = ("", "") if added is None else (say.money(added.total), say.money(added.amount))
    return [
        (LINES, text("sale.by_lines"), lines),
        (BILL, text("sale.by_bill"), bill),
        other,
    ]


async def _vindi(conn: Connection, visit: Visit) -> str | None:
    found = await connections_store.get_vindi(conn, visit.resources.sealer, visit.tenant.id)
    return _VINDI[found.environment] if found else None


async def _moved(visit: Visit, bill: BillId) -> TypedForm | None:
    """The form with what changed since the page was made that it stands on; None: nothing."""
    async with visit.pool.acquire() as conn:
        story = await sales_read.story(conn, visit.tenant.id, bill, visit.zone)
    if story is None:
        raise NotThere
    return visit.form.stale(sale_facts(story, visit.clock), text("sale.moved"))


def _bill(visit: Visit) -> BillId:
    number = plain_number(str(visit.request.path_params["bill"]), LARGEST_BILL)
    if number is None:
        raise NotThere
    return BillId(number)


def _amount(form: TypedForm) -> "str | TypedForm | None":
    """What the nota is for where that is a question."""
    chosen = form["valor"]
    if chosen in (LINES, BILL, REMAINING):
        return chosen
    if chosen != "outro":
        return form.wrong(valor=CHOOSE) if form["escolhe"] else None
    cents = filters.amount(form["outro_valor"])
    return str(cents) if cents else form.wrong(outro_valor=text("amount.wrong"))


def _part(form: TypedForm, action: SaleAction) -> int | None:
    """One nota of a divided sale; None for all of it."""
    return plain_number(form["parte"], 9999) if action in _OF_A_PART else None


def _refused(code: str) -> str:
    known = ("document_not_ready", "issuer_unreachable", "issuer_not_connected")
    return text(f"document.{code if code in known else 'refused'}")


PAGES: Final[tuple[PanelPage, ...]] = (
    PanelPage(path=PATH, name="sale", get=show, post=ask, see="see", do="act"),
    PanelPage(path=f"{PATH}/prefeitura", name="sale_stated", post=state, see="see", do="act"),
    PanelPage(path=f"{PATH}/nota.pdf", name="sale_pdf", get=pdf, see="see"),
    PanelPage(path=f"{PATH}/nota.xml", name="sale_xml", get=xml, see="see"),
)

"""Privacidade: what is kept of one customer, given out and erased; no document in an address."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel
from starlette.responses import Response

from services.panel.kit.downloads import DownloadPlace, download
from services.panel.kit.forms import TypedForm
from services.panel.kit.page import TENANT, PanelPage, Visit
from services.panel.texts import text
from shared.commands.privacy.erase import ErasureAsked, Subject, ask_erasure
from shared.commands.privacy.tell_person import PersonFound, find_person, person_json, person_page
from shared.db.privacy import erasures_store
from shared.db.privacy.erasures_store import Erasure
from shared.db.sales import names_read
from shared.db.tenants import audit_store
from shared.domain.documents import names_somebody
from shared.domain.ids import CustomerId
from shared.domain.party import document_state, normalise_document
from shared.words import Reason, plain_number

PATH: Final = f"{TENANT}/configuracoes/privacidade"
SHOWN: Final = 20
LONGEST_TICKET: Final = 100
NAMED: Final = 20  # sales, the newest, whose names are shown before an erasure


class _Erasing(BaseModel):
    motivo: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sure:
    """Whose data it is: the names on the newest sales, and how many sales there are."""

    names: Sequence[str]
    sales: int


async def show(visit: Visit) -> Response:
    """The box, and what was erased before."""
    return await _show(visit, visit.form)


async def tell(visit: Visit) -> Response:
    """Give out what is kept of a customer, as a page or for machines.

    Whose it is is shown first where a number of Vindi's was typed, or nothing was found.
    """
    form, resources = visit.form, visit.resources
    asked = _asked(visit, form)
    if isinstance(asked, TypedForm):
        return await _show(visit, asked)
    subject, ticket = asked
    with resources.downloads.place(visit.tenant.id) as place:
        return await _given_out(visit, subject, ticket, place)


async def _given_out(visit: Visit, subject: Subject, ticket: str, place: DownloadPlace) -> Response:
    form, resources, at = visit.form, visit.resources, visit.resources.now()
    found = await find_person(visit.pool, resources.sealer, visit.tenant, subject)
    typed_well = subject.document is not None and found.bills  # its last digits prove the others
    if not typed_well and form["conferido"] != form["cliente"]:
        return await _show(visit, form, await _sure(visit, found))
    async with visit.pool.acquire() as conn:
        await audit_store.add(
            conn,
            visit.tenant.id,
            actor=visit.by,
            action="customer_exported",
            detail={"ticket": ticket, "sales": len(found.bills)},
        )
    as_json = form["formato"] == "json"
    write = person_json if as_json else person_page
    pieces = write(visit.pool, resources.sealer, visit.tenant, found, at=at)
    name = f"dados-pessoais-{visit.clock.today.isoformat()}.{'json' if as_json else 'html'}"
    return download(
        visit,
        pieces,
        media_type="application/json" if as_json else "text/html; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
        place=place,
    )


async def erase(visit: Visit) -> Response:
    """Have a customer erased, once whoever asks has seen who it is; the report shows on the page.

    A number that is mistyped by one digit is often another customer's.
    """
    form = visit.form
    asked = _asked(visit, form)
    if isinstance(asked, TypedForm):
        return await _show(visit, asked)
    read = form.read(_Erasing)
    if isinstance(read, TypedForm):
        return await _show(visit, read)
    if names_somebody(read.motivo):
        return await _show(visit, form.wrong(motivo=text("privacy.no_names")))
    subject, ticket = asked
    if form["conferido"] != form["cliente"]:
        found = await find_person(visit.pool, visit.resources.sealer, visit.tenant, subject)
        return await _show(visit, form, await _sure(visit, found))
    async with visit.pool.acquire() as conn:
        await ask_erasure(
            conn,
            visit.resources.sealer,
            visit.tenant.id,
            subject,
            ErasureAsked(ticket=ticket, reason=read.motivo, by=visit.by),
        )
    return visit.go(f"{visit.base}/configuracoes/privacidade", "erasing")


def _asked(visit: Visit, form: TypedForm) -> tuple[Subject, str] | TypedForm:
    """Who is meant, and by which ticket; or the form with what is wrong."""
    subject = _subject(form["cliente"])
    if subject is None:
        return form.wrong(cliente=text("privacy.who_wrong"))
    ticket = (form["protocolo"].strip() or visit.ticket or "")[:LONGEST_TICKET]
    if not ticket:
        return form.wrong(protocolo=text("privacy.ticket_missing"))
    if names_somebody(ticket):
        return form.wrong(protocolo=text("privacy.no_names"))
    return subject, ticket


async def _sure(visit: Visit, found: PersonFound) -> _Sure:
    """Whose data it is, as people know them."""
    newest = found.bills[-NAMED:]
    async with visit.pool.acquire() as conn:
        names = await names_read.of_bills(conn, visit.tenant.id, newest)
    return _Sure(
        names=sorted({name for name in names.values() if name}),
        sales=len(found.bills) + found.left_out,
    )


def _subject(typed: str) -> Subject | None:
    """A CPF or CNPJ whose digits fit, or a number of Vindi's; None for anything else."""
    if document_state(normalise_document(typed)) == "valid":
        return Subject(document=typed)
    number = plain_number(typed.strip(), 10**10)  # Vindi's have nine digits; a CPF has eleven
    return None if number is None else Subject(customer_id=CustomerId(number))


async def _show(visit: Visit, form: TypedForm, sure: _Sure | None = None) -> Response:
    async with visit.pool.acquire() as conn:
        erasures = await erasures_store.newest(conn, visit.tenant.id, before=None, limit=SHOWN)
    return visit.show(
        "privacidade.html",
        422 if form.errors else 200,
        form=form,
        sure=sure,
        # Two forms ask for a customer: what is wrong stands at the one that was sent.
        asked="erase" if visit.request.url.path.endswith("/eliminar") else "tell",
        erasures=[
            (
                one,
                text(f"erasure.{_state(one)}"),
                sum(one.erased.values()),
                *(_stays(one, why) for why in ("law", "open", "append_only")),
            )
            for one in erasures
        ],
    )


def _stays(erasure: Erasure, why: str) -> int:
    """How many sales, and rows of tables, stay for one reason."""
    return sum(kept.get("rows", 1) for kept in erasure.kept if kept["why"] == why)


def _state(erasure: Erasure) -> str:
    """Once completed it stays so, although it is looked again for what came later."""
    return "completed" if erasure.runs else erasure.state


PAGES: Final[tuple[PanelPage, ...]] = (
    PanelPage(path=PATH, name="privacy", get=show, see="act"),
    PanelPage(
        path=f"{PATH}/dados", name="privacy_tell", post=tell, see="act", do="act", looks=True
    ),
    PanelPage(path=f"{PATH}/eliminar", name="privacy_erase", post=erase, see="act", do="act"),
)

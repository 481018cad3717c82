"""What is kept of one customer: told to them, and erased. The document stands in a body alone."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, model_validator

from services.reconciler.api.kit.once import once
from services.reconciler.api.kit.operation import (
    NOTHING,
    PREFIX,
    Answer,
    AnyOperation,
    Call,
    NoBody,
    NoQuery,
    Operation,
    Strict,
    attachment,
)
from services.reconciler.api.kit.paging import Paging, cut, read_instant_cursor
from services.reconciler.api.kit.problem import Problem
from services.reconciler.api.kit.shapes import ReasonOfNobody, of_nobody
from services.reconciler.api.kit.words import Instant
from shared.commands.privacy.erase import ErasureAsked, Subject, ask_erasure
from shared.commands.privacy.tell_person import find_person, person_json, person_page
from shared.db.connection import Connection
from shared.db.privacy import erasures_store
from shared.db.privacy.erasures_store import Erasure, ErasureState
from shared.db.tenants import audit_store
from shared.domain.ids import CustomerId
from shared.domain.party import document_state, normalise_document
from shared.domain.privacy.kept import KeptWhy

HTML: Final = "text/html"
PREVIEW: Final = 200  # of what stays, in an answer


def _document(text: str) -> str:
    if document_state(normalise_document(text)) != "valid":
        raise ValueError("not a CPF or CNPJ: the check digits do not fit")
    return text


Document = Annotated[
    str, StringConstraints(min_length=11, max_length=20), AfterValidator(_document)
]
DeskTicket = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z #/._-]{0,98}[0-9A-Za-z]$"),
    AfterValidator(of_nobody),
]


class SubjectIn(Strict):
    """Who is meant: Vindi's number of the customer, or the CPF or CNPJ; one of the two."""

    customer_id: Annotated[int, Field(ge=1, le=2**63 - 1)] | None = None
    document: Annotated[Document | None, Field(repr=False)] = None
    ticket: DeskTicket

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.customer_id is None) == (self.document is None):
            raise ValueError("either customer_id or document")
        return self

    @property
    def subject(self) -> Subject:
        """Who is meant."""
        number = None if self.customer_id is None else CustomerId(self.customer_id)
        return Subject(customer_id=number, document=self.document)


class ErasureIn(SubjectIn):
    """Whose data is to be erased, by which ticket and why; neither names the person."""

    reason: ReasonOfNobody


class PersonExportIn(SubjectIn):
    """Whose data is to be told, by which ticket: as JSON, or as a page for a person."""

    format: Literal["json", "html"] = "json"


class KeptOut(BaseModel):
    """Something that stays.

    `law`: a document of the city, until the day of `until`, or of others (`foreign_notas`), as long
    as the tenant; `open`: the sale is not over, and is erased once it is; `unreadable`: sealed
    under a key that is gone, so nobody's to read; `append_only`: the audit, in which a person typed
    a name, or a version of the rule that has it.
    """

    table: str | None
    bill_id: int | None
    rows: int | None
    why: Literal[KeptWhy, "append_only"]
    until: date | None
    notas: list[str]


class ErasureOut(BaseModel):
    """An erasure: what went, what stays and until when. It goes on: what comes later goes too."""

    id: str
    status: ErasureState
    ticket: str
    reason: str
    asked_by: str
    asked_at: Instant
    completed_at: Instant | None
    customer_ids: list[int]
    bills: int
    erased: dict[str, int]
    kept: list[KeptOut]
    kept_in_all: int


class ErasureList(BaseModel):
    """Some erasures, the newest first; `next` goes on where they end."""

    items: list[ErasureOut]
    next: str | None


async def erase(call: Call[ErasureIn, NoQuery]) -> Answer:
    """Ask for an erasure; the work begins within seconds."""

    async def work(conn: Connection) -> Answer:
        asked = ErasureAsked(ticket=call.body.ticket, reason=call.body.reason, by=call.actor)
        erasure = await ask_erasure(
            conn, call.services.sealer, call.tenant.id, call.body.subject, asked
        )
        at = f"{PREFIX}/tenants/{call.tenant.id}/privacy/erasures/{erasure.id}"
        return Answer(status=202, body=_shown(erasure), headers={"Location": at})

    return await once(call, "erase_customer", ErasureOut, work)


async def list_all(call: Call[NoBody, Paging]) -> Answer:
    """List erasures."""
    query = call.query
    async with call.services.pool.acquire() as conn:
        found = await erasures_store.newest(
            conn, call.tenant.id, before=read_instant_cursor(query.cursor), limit=query.rows
        )
    shown, more = cut(found, query, lambda one: (one.asked_at.isoformat(), one.id))
    return Answer(body=ErasureList(items=[_shown(one) for one in shown], next=more))


async def get(call: Call[NoBody, NoQuery]) -> Answer:
    """Show one erasure."""
    erasure_id = call.path["erasure_id"]
    if "\0" in erasure_id:
        raise _unknown()
    async with call.services.pool.acquire() as conn:
        found = await erasures_store.get(conn, call.tenant.id, erasure_id)
    if found is None:
        raise _unknown()
    return Answer(body=_shown(found))


def _unknown() -> Problem:
    return Problem(404, "erasure_unknown", "There is no erasure of this id.")


async def tell(call: Call[PersonExportIn, NoQuery]) -> Answer:
    """Give out what is kept of a customer."""
    services, tenant, at = call.services, call.tenant, call.services.now()
    found = await find_person(services.pool, services.sealer, tenant, call.body.subject)
    async with services.pool.acquire() as conn:
        detail = {"ticket": call.body.ticket, "sales": len(found.bills)}
        await audit_store.add(
            conn, tenant.id, actor=call.actor, action="customer_exported", detail=detail
        )
    name = f"dados-pessoais-{at:%Y%m%d}"
    if call.body.format == "html":
        page = person_page(services.pool, services.sealer, tenant, found, at=at)
        return attachment(f"{name}.html", page, HTML)
    pieces = person_json(services.pool, services.sealer, tenant, found, at=at)
    return attachment(f"{name}.json", pieces, "application/json")


def _shown(erasure: Erasure) -> ErasureOut:
    return ErasureOut(
        id=erasure.id,
        status="running" if erasure.runs == 0 and erasure.state == "running" else _state(erasure),
        ticket=erasure.ticket,
        reason=erasure.reason,
        asked_by=erasure.asked_by,
        asked_at=erasure.asked_at,
        completed_at=erasure.completed_at,
        customer_ids=list(erasure.customers),
        bills=len(erasure.bills),
        erased=dict(erasure.erased),
        kept=_kept(erasure.kept[:PREVIEW]),
        kept_in_all=len(erasure.kept),
    )


def _state(erasure: Erasure) -> ErasureState:
    """Once completed it stays so, although it is looked again for what came later."""
    return "completed" if erasure.runs else erasure.state


def _kept(kept: Sequence[Mapping[str, Any]]) -> list[KeptOut]:
    return [
        KeptOut(
            table=one.get("table"),
            bill_id=one.get("bill_id"),
            rows=one.get("rows"),
            why=one["why"],
            until=date.fromisoformat(one["until"]) if one.get("until") else None,
            notas=list(one.get("notas", ())),
        )
        for one in kept
    ]


_ERASURES: Final = "/tenants/{tenant_id}/privacy/erasures"

OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        method="POST",
        path=_ERASURES,
        name="erase_customer",
        summary="Erase one customer of a tenant, as far as no law keeps them",
        handler=erase,
        body=ErasureIn,
        query=NoQuery,
        status=202,
        answer=ErasureOut,
        idempotent_by_key=True,
    ),
    Operation(
        method="GET",
        path=_ERASURES,
        name="list_erasures",
        summary="List the erasures of a tenant, the newest first",
        handler=list_all,
        body=NoBody,
        query=Paging,
        answer=ErasureList,
    ),
    Operation(
        method="GET",
        path=f"{_ERASURES}/{{erasure_id}}",
        name="get_erasure",
        summary="Show what an erasure took, what stays, and until when",
        handler=get,
        answer=ErasureOut,
        refusals={404: ("erasure_unknown",)},
        **NOTHING,
    ),
    Operation(
        method="POST",
        path="/tenants/{tenant_id}/privacy/export",
        name="export_customer",
        summary="Give out all that is kept of one customer, as JSON or as a page in Portuguese",
        handler=tell,
        body=PersonExportIn,
        query=NoQuery,
        media_type="application/json",
        also=(HTML,),
    ),
)

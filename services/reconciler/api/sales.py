"""Sales: what became of each, why, and the documents of its nota."""

from datetime import date
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field, StringConstraints

from services.reconciler.api.kit.operation import (
    Answer,
    AnyOperation,
    Call,
    MayBeEmpty,
    NoBody,
    NoQuery,
    Operation,
    sale_unknown,
)
from services.reconciler.api.kit.paging import Paging, cut, read_number_cursor
from services.reconciler.api.kit.words import (
    Day,
    Instant,
    Money,
    Word,
)
from shared.db import clock
from shared.db.sales import notas_store, sales_read
from shared.db.sales.sales_read import NotaView, SaleFilter, SaleView
from shared.db.sales.timeline_store import TimelineEntry
from shared.domain.actions import SaleAction
from shared.domain.ids import BillId
from shared.domain.messages import label_for, message_for
from shared.domain.moment import local_day
from shared.domain.money import show_reais
from shared.domain.nota import NotaStatus
from shared.domain.offers import Denied, offers
from shared.domain.refusals import WhoActs, of_name
from shared.domain.sale import SaleStatus
from shared.domain.story import told
from shared.domain.waiting import Waiting


class SalesQuery(Paging):
    """Which sales. Days are local days of the sale's moment, both included.

    `q` finds a bill's number or part of a customer's name. A CPF or CNPJ is refused (422), for
    addresses are kept by logs and histories: it goes into the body of `sales/search`.
    """

    status: SaleStatus | None = None
    code: Word | None = None
    since: Day | None = None
    until: Day | None = None
    q: Annotated[str, StringConstraints(max_length=200)] | None = None


class SalesSearch(SalesQuery, MayBeEmpty):
    """Which sales, as the list takes it; `q` finds a whole CPF or CNPJ too."""


class NotaOut(BaseModel):
    """The newest nota of a sale; `external_id` is the issuer's idExterno.

    A bill of several services has one for each: `part` counts from 1, and is 0 for a nota of the
    whole bill.
    """

    external_id: str
    issuer_id: str | None
    status: NotaStatus
    number: str | None
    verification_code: str | None
    has_pdf: bool
    has_xml: bool
    issued_at: Instant | None
    part: int
    amount: Money


class OfferOut(BaseModel):
    """An action that may be asked for, and what it changes, told in Portuguese before it is done.

    `competencia` goes into the body of `issue`.
    """

    action: SaleAction
    competencia: Literal["today"] | None
    text: str


class AttentionOut(BaseModel):
    """Why a sale is as it is, what to do in Portuguese, and who does it."""

    code: str
    message: str
    who_acts: WhoActs
    original: str | None = Field(default=None, description="The issuer's own words, in one sale.")
    offers: list[OfferOut] = Field(
        default_factory=list, description="The ways on for a refused nota, in one sale."
    )


class SaleOut(BaseModel):
    """A sale. `code` explains a status; `label` is the status in Portuguese.

    `nota` is the only one or the first; `notas` are all, by their part.
    """

    bill_id: int
    status: SaleStatus
    label: str
    code: str | None
    detail: str
    amount: Money
    customer_name: str
    moment_at: Instant | None
    issue_at: Instant | None
    competencia: date | None
    rule_version: int | None
    origin: Literal["webhook", "reconciler", "backfill"]
    nota: NotaOut | None
    notas: list[NotaOut]
    attention: AttentionOut | None
    updated_at: Instant


class TimelineOut(BaseModel):
    """One thing that happened; `text` says it to a person, in Portuguese."""

    at: Instant
    what: str
    why: str
    by: str
    text: str


class WaitingOut(BaseModel):
    """Why a sale that is due was not sent yet; `until` null where nobody can say."""

    code: str
    message: str
    until: Instant | None


class SaleStoryOut(SaleOut):
    """A sale with all that happened to it, oldest first.

    `looks_again_at`: when it is looked at next by itself, as its issuer's answer or the end of a
    guarantee; null where nothing is to come.
    """

    waiting_for: WaitingOut | None
    looks_again_at: Instant | None
    timeline: list[TimelineOut]


class SaleList(BaseModel):
    """Some sales, the newest bill first; `next` goes on where they end."""

    items: list[SaleOut]
    next: str | None


async def list_sales(call: Call[NoBody, SalesQuery]) -> Answer:
    """List sales."""
    return await _list(call, call.query, by_document=False)


async def search(call: Call[SalesSearch, NoQuery]) -> Answer:
    """List sales that are looked for by what may stand in no address."""
    return await _list(call, call.body, by_document=True)


async def _list(call: Call[Any, Any], query: SalesQuery, *, by_document: bool) -> Answer:
    before = read_number_cursor(query.cursor)
    wanted = SaleFilter(
        status=query.status,
        code=query.code,
        since=query.since,
        until=query.until,
        text=query.q,
        by_document=by_document,
    )
    async with call.services.pool.acquire() as conn:
        found = await sales_read.list_newest_first(
            conn,
            call.services.sealer,
            call.tenant.id,
            ZoneInfo(call.tenant.timezone),
            wanted,
            before=None if before is None else BillId(before),
            limit=query.rows,
        )
    shown, more = cut(found, query, lambda sale: (str(sale.bill_id),))
    return Answer(body=SaleList(items=[show(sale) for sale in shown], next=more))


async def get(call: Call[NoBody, NoQuery]) -> Answer:
    """Show one sale with its timeline."""
    async with call.services.pool.acquire() as conn:
        story = await sales_read.story(
            conn, call.tenant.id, call.bill, ZoneInfo(call.tenant.timezone)
        )
        original = await notas_store.newest_reason(
            conn, call.services.sealer, call.tenant.id, call.bill
        )
        now = await clock.now(conn)
    if story is None:
        raise sale_unknown()
    shown = show(story.sale)
    if original is not None and shown.attention is not None:
        shown.attention.original = original
    if shown.attention is not None:
        today = local_day(now, ZoneInfo(call.tenant.timezone))
        shown.attention.offers = _offers(story.sale, today)
    timeline = [_happening(entry) for entry in story.timeline]
    if shown.attention is not None and shown.attention.original:
        _quote(timeline, shown.attention.original)
    waiting = _waiting(story.waiting)
    return Answer(
        body=SaleStoryOut(
            **dict(shown),
            waiting_for=waiting,
            looks_again_at=story.looks_again_at,
            timeline=timeline,
        )
    )


def _offers(sale: SaleView, today: date) -> list[OfferOut]:
    denied = [
        Denied(denial=nota.denial, cause=nota.denial_cause)
        for nota in sale.notas
        if nota.status is NotaStatus.DENIED and nota.denial is not None
    ]
    return [
        OfferOut(action=one.action, competencia="today" if one.today else None, text=one.text)
        for one in offers(sale.status, sale.code, denied, sale.competencia, today)
    ]


def _quote(timeline: list[TimelineOut], original: str) -> None:
    """Put the issuer's own words to the newest denial: they are kept for that one only."""
    denials = [line for line in timeline if line.what == "nota_denied"]
    if denials:
        denials[-1].text += f' Palavras do emissor: "{original}"'


def _waiting(waiting: Waiting | None) -> WaitingOut | None:
    if waiting is None:
        return None
    text, known = message_for(waiting.code).text, of_name(waiting.cause)
    if known is not None and known.helps:
        text = f"{known.helps} {text}"
    return WaitingOut(code=waiting.code, message=text, until=waiting.until)


def show(sale: SaleView) -> SaleOut:
    """A sale as the API writes it."""
    return SaleOut(
        bill_id=sale.bill_id,
        status=sale.status,
        label=label_for(sale.status),
        code=sale.reason,
        detail=sale.detail,
        amount=show_reais(sale.amount),
        customer_name=sale.customer_name,
        moment_at=sale.moment_at,
        issue_at=sale.issue_at,
        competencia=sale.competencia,
        rule_version=sale.rule_version,
        origin=sale.origin,
        nota=None if sale.nota is None else _nota(sale.nota),
        notas=[_nota(nota) for nota in sale.notas],
        attention=_attention(sale),
        updated_at=sale.updated_at,
    )


def _nota(nota: NotaView) -> NotaOut:
    return NotaOut(
        external_id=nota.external_id,
        issuer_id=nota.issuer_id,
        status=nota.status,
        number=nota.number,
        verification_code=nota.verification_code,
        has_pdf=nota.has_pdf,
        has_xml=nota.has_xml,
        issued_at=nota.issued_at,
        part=nota.part,
        amount=show_reais(nota.amount),
    )


def _attention(sale: SaleView) -> AttentionOut | None:
    if sale.reason is None or sale.message is None:
        return None
    message = sale.message
    return AttentionOut(code=sale.reason, message=message.text, who_acts=message.who_acts)


def _happening(entry: TimelineEntry) -> TimelineOut:
    text = told(entry.what, entry.why, entry.by)
    return TimelineOut(at=entry.at, what=entry.what, why=entry.why, by=entry.by, text=text)


_SALES: Final = "/tenants/{tenant_id}/sales"

OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        method="GET",
        path=_SALES,
        name="list_sales",
        summary="List sales, the newest bill first",
        handler=list_sales,
        body=NoBody,
        query=SalesQuery,
        answer=SaleList,
    ),
    Operation(
        method="POST",
        path=f"{_SALES}/search",
        name="search_sales",
        summary="List sales, looked for by a document too, the newest bill first",
        handler=search,
        body=SalesSearch,
        query=NoQuery,
        answer=SaleList,
        needs="read",
    ),
    Operation(
        method="GET",
        path=f"{_SALES}/{{bill_id}}",
        name="get_sale",
        summary="Show what became of a bill, and why",
        handler=get,
        body=NoBody,
        query=NoQuery,
        answer=SaleStoryOut,
        refusals={404: ("sale_unknown",)},
    ),
)

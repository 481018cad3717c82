"""Sales as people look for them: lists by filter, and one with all that happened to it."""

from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import asyncpg
from msgspec import Struct
from msgspec.structs import replace

from shared.crypto.columns import DOCUMENT_WORD
from shared.crypto.seal import Sealer
from shared.db.connection import Connection
from shared.db.restores import restore_checks_store
from shared.db.sales import given_back_read, notas_store, timeline_store
from shared.db.sales.timeline_store import TimelineEntry
from shared.db.tenants import issuer_health_store
from shared.db.tenants.nota_connections_store import BORN_UNDER
from shared.db.vindi import events_store
from shared.db.vindi.events_store import HeardEvent
from shared.domain.given_back import ABOUT_REFUND, GivenBack, with_refund
from shared.domain.ids import BillId, ExternalId, IssuerNotaId, TenantId
from shared.domain.message_texts.message import Message
from shared.domain.messages import message_in, message_of_denial
from shared.domain.money import Cents
from shared.domain.nota import NotaStatus
from shared.domain.party import normalise_document
from shared.domain.sale import Origin, SaleStatus, Wish
from shared.domain.spoken import moment
from shared.domain.text.alike import Likeness, alike
from shared.domain.waiting import Waiting, WaitingEntry, waiting_for

NOT_DECIDED: Final = "not_decided"
_DORMANT: Final = {"review": "fatura em revisão na Vindi", "scheduled": "fatura agendada na Vindi"}
_MAX_BIGINT: Final = 2**63 - 1


class NotaView(Struct, frozen=True, kw_only=True):
    """The newest nota of a sale, or of one part of it; `part` is 0 for the whole bill."""

    part: int
    amount: Cents
    external_id: ExternalId
    issuer_id: IssuerNotaId | None
    status: NotaStatus
    number: str | None
    verification_code: str | None
    has_pdf: bool
    has_xml: bool
    issued_at: datetime | None
    denial: str | None
    denial_cause: str | None = None  # its row of the catalogue of refusals
    connection_id: int | None = None  # of the issuer's connection it was born under
    then_cancel: str | None = None  # why it is to be cancelled, once it is issued


class SaleView(Struct, frozen=True, kw_only=True):
    """A sale as lists show it."""

    bill_id: BillId
    status: SaleStatus
    code: str | None
    detail: str
    attention: str | None
    amount: Cents
    moment_at: datetime | None
    issue_at: datetime | None
    competencia: date | None
    rule_version: int | None
    rule_exception: int | None = None  # which of that version's spoke, from 1; None: none of them
    origin: Origin
    customer_name: str
    wish: Wish | None
    updated_at: datetime
    nota: NotaView | None  # the only one; of a divided sale the first
    notas: tuple[NotaView, ...] = ()  # of a divided sale one for each part that was sent
    products: str = ""  # these three as in `domain.sold`
    plan: str = ""
    method: str = ""
    given_back: GivenBack | None = None  # where `reason` is about that

    @property
    def reason(self) -> str | None:
        """The one code that explains the sale: what to look at, or why there is no nota."""
        if self.attention is not None:
            return self.attention
        denial = self.nota.denial if self.nota and self.status is SaleStatus.DENIED else None
        return self.code or denial

    @property
    def message(self) -> Message | None:
        """What a person is told about `reason`."""
        reason = self.reason
        if reason is None:
            return None
        denied = next((one for one in self._shown if one.denial == reason), None)
        if self.status is SaleStatus.DENIED and denied is not None:
            return message_of_denial(reason, denied.denial_cause)
        leaves = any(one.then_cancel is not None for one in self._shown) if self._shown else None
        return with_refund(message_in(self.status, reason, leaves=leaves), self.given_back)

    @property
    def _shown(self) -> tuple[NotaView, ...]:
        return self.notas or (() if self.nota is None else (self.nota,))


class SaleStory(Struct, frozen=True, kw_only=True):
    """A sale with everything that happened to it, oldest first."""

    sale: SaleView
    timeline: tuple[TimelineEntry, ...]
    waiting: Waiting | None
    looks_again_at: datetime | None = None  # we do, by ourselves; None where nothing is to come


class SaleFilter(Struct, frozen=True, kw_only=True):
    """What to look for; None means any. Days are local days of the sale's moment, inclusive.

    `text` finds a bill's number, a whole CPF or CNPJ (by its keyed word), or part of a name.
    Without `by_document` no document is looked for: an address must have none.
    `bills` names those there may be, `least` and `most` bound their amounts, both included.
    `product` and `plan` are parts of a name or code, `method` is Vindi's whole word.
    """

    status: SaleStatus | None = None
    code: str | None = None
    since: date | None = None
    until: date | None = None
    text: str | None = None
    by_document: bool = True
    bills: tuple[BillId, ...] | None = None
    least: Cents | None = None
    most: Cents | None = None
    product: str | None = None
    plan: str | None = None
    method: str | None = None
    above: BillId | None = None  # none of these bills and below, whatever fits


_COLUMNS: Final = f"""
           s.bill_id, s.status, s.code, s.detail, s.attention, s.amount, s.moment_at, s.issue_at,
           s.competencia, s.rule_version, s.rule_exception, s.origin, s.customer_name, s.wish,
           s.updated_at, s.products, s.plan, s.method,
           n.external_id, n.issuer_id, n.status AS nota_status, n.number, n.verification_code,
           n.has_pdf, n.has_xml, n.issued_at, n.denial, n.denial_cause, n.part,
           n.amount AS nota_amount, n.connection_id, n.then_cancel
      FROM sales s
      LEFT JOIN LATERAL (
           SELECT external_id, issuer_id, status, number, verification_code, has_pdf, has_xml,
                  issued_at, denial, denial_cause, part, amount, then_cancel,
                  {BORN_UNDER} AS connection_id
             FROM notas n WHERE n.tenant_id = $1 AND bill_id = s.bill_id
            {notas_store.SPEAKS}) n ON true
"""  # noqa: S608 - only our own constant is put in

# What fits a filter, by the values of `filter_values`; $2 is the bill below which to begin.
FITS: Final = """
     WHERE s.tenant_id = $1
       AND ($2::bigint IS NULL OR s.bill_id < $2)
       AND ($3::text IS NULL OR s.status = $3)
       AND ($4::text IS NULL OR s.code = $4 OR s.attention = $4
            OR (s.status = 'denied' AND n.denial = $4))
       AND ($5::timestamptz IS NULL OR s.moment_at >= $5)
       AND ($6::timestamptz IS NULL OR s.moment_at < $6)
       AND ($7::text IS NULL OR s.bill_id = $8 OR s.document_word = ANY($9::bytea[])
            OR (s.customer_name ILIKE $7
                AND ($18::text IS NULL OR s.customer_name ~ $18)))
       AND ($11::bigint[] IS NULL OR s.bill_id = ANY($11))
       AND ($12::bigint IS NULL OR s.amount >= $12)
       AND ($13::bigint IS NULL OR s.amount <= $13)
       AND ($14::bigint IS NULL OR s.bill_id > $14)
       AND ($15::text IS NULL OR s.products ILIKE $15)
       AND ($16::text IS NULL OR s.plan ILIKE $16)
       AND ($17::text IS NULL OR s.method = $17)
       AND ($19::text IS NULL OR s.products ~ $19)
       AND ($20::text IS NULL OR s.plan ~ $20)
"""
LIST: Final = f"""
    -- sales_read.list_newest_first
    SELECT {_COLUMNS}
     {FITS}
     ORDER BY s.bill_id DESC LIMIT $10
"""


# What may be chosen is all in one statement, so its plan has to be made for what was chosen: that
# for any choice walks every sale of the tenant.
PLANNED: Final = """
    -- sales_read.list_newest_first planned
    SELECT set_config('plan_cache_mode', 'force_custom_plan', true)
"""


def filter_values(
    sealer: Sealer, tenant: TenantId, zone: ZoneInfo, wanted: SaleFilter, limit: int
) -> tuple[object, ...]:
    """The parameters of a filter, from $3 on; the tenth is the limit."""
    name, number, words = text_values(sealer, tenant, wanted.text)
    product = alike(wanted.product) if wanted.product else None
    plan = alike(wanted.plan) if wanted.plan else None
    return (
        wanted.status,
        wanted.code,
        *bounds_of(wanted, zone),
        name and name.fast,
        number,
        words if wanted.by_document else None,
        limit,
        wanted.bills,
        wanted.least,
        wanted.most,
        wanted.above,
        product and product.fast,
        plan and plan.fast,
        wanted.method,
        name and name.exact,
        product and product.exact,
        plan and plan.exact,
    )


async def list_newest_first(
    conn: Connection,
    sealer: Sealer,
    tenant: TenantId,
    zone: ZoneInfo,
    wanted: SaleFilter,
    *,
    before: BillId | None,
    limit: int,
) -> list[SaleView]:
    """Sales that fit, the newest bill first, beginning below the bill `before`."""
    await conn.fetchval(PLANNED)
    values = filter_values(sealer, tenant, zone, wanted, limit)
    rows = await conn.fetch(LIST, tenant, before, *values)
    return await _told(conn, tenant, [_sale(row) for row in rows])


GET: Final = f"""
    -- sales_read.get
    SELECT {_COLUMNS}
     WHERE s.tenant_id = $1 AND s.bill_id = $2
"""


async def get(conn: Connection, tenant: TenantId, bill: BillId) -> SaleView | None:
    """One sale; None when nothing was decided about that bill yet."""
    row = await conn.fetchrow(GET, tenant, bill)
    return None if row is None else (await _told(conn, tenant, [_sale(row)]))[0]


async def _told(conn: Connection, tenant: TenantId, sales: list[SaleView]) -> list[SaleView]:
    """Sales with all that is shown of them beside their own rows."""
    return await _with_refunds(conn, tenant, await _with_parts(conn, tenant, sales))


async def _with_refunds(
    conn: Connection, tenant: TenantId, sales: list[SaleView]
) -> list[SaleView]:
    """Sales with what was given back; only those of which something is said about that are read."""
    about = [sale.bill_id for sale in sales if sale.reason in ABOUT_REFUND]
    if not about:
        return sales
    given = await given_back_read.load(conn, tenant, about)
    return [
        replace(sale, given_back=GivenBack(amount=back.amount, of=back.of, on=back.on))
        if (back := given.get(sale.bill_id)) is not None
        else sale
        for sale in sales
    ]


PARTS: Final = f"""
    -- sales_read.parts
    SELECT DISTINCT ON (n.bill_id, n.part) n.bill_id, n.part, n.amount AS nota_amount,
           n.external_id, n.issuer_id, n.status AS nota_status, n.number, n.verification_code,
           n.has_pdf, n.has_xml, n.issued_at, n.denial, n.denial_cause, n.then_cancel,
           {BORN_UNDER} AS connection_id
      FROM notas n JOIN sale_parts p
        ON p.tenant_id = n.tenant_id AND p.bill_id = n.bill_id AND p.part = n.part
     WHERE n.tenant_id = $1 AND n.bill_id = ANY($2::bigint[])
     ORDER BY n.bill_id, n.part, n.{notas_store.SPEAKS_NOT}, n.revision DESC
"""  # noqa: S608 - only our own constant is put in


async def _with_parts(conn: Connection, tenant: TenantId, sales: list[SaleView]) -> list[SaleView]:
    """Sales with all their notas; only divided ones, which are few, are asked about."""
    divided = [sale.bill_id for sale in sales if sale.nota is not None and sale.nota.part]
    if not divided:
        return sales
    found: dict[BillId, list[NotaView]] = {}
    for row in await conn.fetch(PARTS, tenant, divided):
        nota = _nota(row)
        if nota is not None:
            found.setdefault(row["bill_id"], []).append(nota)
    return [
        replace(sale, nota=found[sale.bill_id][0], notas=tuple(found[sale.bill_id]))
        if sale.bill_id in found
        else sale
        for sale in sales
    ]


async def story(
    conn: Connection, tenant: TenantId, bill: BillId, zone: ZoneInfo
) -> SaleStory | None:
    """One sale with its timeline: what we did, and the events we heard, by time.

    A bill that is known and not decided yet is a story too; None for one nobody heard of.
    """
    row = await conn.fetchrow(ENTRY, tenant, bill)
    sale = await get(conn, tenant, bill)
    if sale is None:
        sale = None if row is None else _not_decided(bill, row)
    if sale is None:
        return None
    did = await timeline_store.of_bill(conn, tenant, bill)
    heard = await events_store.of_bill(conn, tenant, bill)
    entries = [*(_heard(event, zone) for event in heard), *did]
    return SaleStory(
        sale=sale,
        timeline=tuple(sorted(entries, key=lambda entry: entry.at)),
        waiting=None if row is None else await _waiting(conn, tenant, sale, row),
        looks_again_at=row["due_at"] if row is not None and row["state"] == "due" else None,
    )


ENTRY: Final = """
    -- sales_read.story entry
    SELECT o.state, o.due_at, o.tries, o.bill_facts <= o.bill_facts_read AS bill_read, o.origin,
           o.heard_at, b.status AS bill_status, b.moment_amount, b.created_moment, b.read_at,
           now() AS now
      FROM outbox o LEFT JOIN bills b ON b.tenant_id = $1 AND b.bill_id = o.bill_id
     WHERE o.tenant_id = $1 AND o.bill_id = $2
"""


def _not_decided(bill: BillId, row: asyncpg.Record) -> SaleView | None:
    """A bill that we know of, as far as we do; a number nobody is working on is none."""
    if row["bill_status"] is None and row["state"] == "settled":
        return None
    return SaleView(
        bill_id=bill,
        status=SaleStatus.QUEUED,
        code=NOT_DECIDED,
        detail=_DORMANT.get(row["bill_status"], ""),
        attention=None,
        amount=Cents(row["moment_amount"] or 0),
        moment_at=row["created_moment"],
        issue_at=None,
        competencia=None,
        rule_version=None,
        origin=row["origin"],
        customer_name="",
        wish=None,
        updated_at=row["read_at"] or row["heard_at"] or row["now"],
        nota=None,
    )


async def _waiting(
    conn: Connection, tenant: TenantId, sale: SaleView, row: asyncpg.Record
) -> Waiting | None:
    entry = WaitingEntry(
        state=row["state"], due_at=row["due_at"], tries=row["tries"], bill_read=row["bill_read"]
    )
    breakers = await issuer_health_store.read(conn, tenant)
    unread = await restore_checks_store.unread(conn, tenant)
    restored = unread.everything or sale.bill_id in unread.sales
    return waiting_for(sale.status, sale.code, entry, breakers, row["now"], restored=restored)


def document_word(sealer: Sealer, tenant: TenantId, document: str) -> bytes:
    """The keyed word a CPF or CNPJ is kept with; `document` as `normalise_document` gives it."""
    return sealer.word(document, tenant=tenant, purpose=DOCUMENT_WORD)


def document_words(sealer: Sealer, tenant: TenantId, document: str) -> list[bytes]:
    """What it is searched by: the word of each key, since keys may be changing just now."""
    return sealer.words(document, tenant=tenant, purpose=DOCUMENT_WORD)


def _heard(event: HeardEvent, zone: ZoneInfo) -> TimelineEntry:
    sent = f", enviado em {moment(event.event_at, zone)}" if event.event_at else ""
    return TimelineEntry(
        at=event.received_at,
        what="event_received",
        why=f"{event.type or 'evento sem tipo'}{sent}",
        by=event.source,
    )


def bounds_of(wanted: SaleFilter, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    """The instants between which moments have to be: from the first on, before the second."""
    until = None if wanted.until is None else wanted.until + timedelta(days=1)
    return (
        None if wanted.since is None else _midnight(wanted.since, zone),
        None if until is None else _midnight(until, zone),
    )


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone)


def text_values(
    sealer: Sealer, tenant: TenantId, text: str | None
) -> tuple[Likeness | None, int | None, list[bytes] | None]:
    """What a text may be: part of a name, a bill's number, a whole CPF or CNPJ."""
    text = (text or "").strip()
    if not text:
        return None, None, None
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 19 else None
    document = normalise_document(text)
    whole = document is not None and len(document) in (11, 14)
    words = document_words(sealer, tenant, document) if whole and document else None
    return alike(text), number if number and number <= _MAX_BIGINT else None, words


def _sale(row: asyncpg.Record) -> SaleView:
    return SaleView(
        bill_id=BillId(row["bill_id"]),
        status=SaleStatus(row["status"]),
        code=row["code"],
        detail=row["detail"],
        attention=row["attention"],
        amount=Cents(row["amount"]),
        moment_at=row["moment_at"],
        issue_at=row["issue_at"],
        competencia=row["competencia"],
        rule_version=row["rule_version"],
        rule_exception=row["rule_exception"],
        origin=row["origin"],
        customer_name=row["customer_name"],
        wish=row["wish"],
        updated_at=row["updated_at"],
        products=row["products"] or "",
        plan=row["plan"] or "",
        method=row["method"] or "",
        nota=(nota := _nota(row)),
        notas=() if nota is None else (nota,),
    )


def _nota(row: asyncpg.Record) -> NotaView | None:
    if row["external_id"] is None:
        return None
    return NotaView(
        part=row["part"],
        amount=Cents(row["nota_amount"]),
        external_id=ExternalId(row["external_id"]),
        issuer_id=row["issuer_id"],
        status=NotaStatus(row["nota_status"]),
        number=row["number"],
        verification_code=row["verification_code"],
        has_pdf=row["has_pdf"],
        has_xml=row["has_xml"],
        issued_at=row["issued_at"],
        denial=row["denial"],
        denial_cause=row["denial_cause"],
        connection_id=row["connection_id"],
        then_cancel=row["then_cancel"],
    )

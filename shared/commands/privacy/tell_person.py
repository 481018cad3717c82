"""All that is kept of one customer of a tenant, to be given to them (LGPD, arts. 18 and 19).

As JSON for machines, or as a page that a person reads. Sealed values are opened; who of the
tenant's people acted is left out, since that is not about the customer. Made while it is sent, some
sales at a time; of more than `MOST_SALES` the newest are told, and that others are left out.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import date, datetime
from html import escape
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from shared.commands.privacy.erase import (
    EVENTS,
    MOST_CUSTOMERS,
    PAGE,
    Subject,
    asked_for,
    document_words,
    words_of,
)
from shared.commands.privacy.opened import UNREADABLE, opened_value
from shared.commands.privacy.whose import (
    Whose,
    is_made_out_to,
    numbers_by_document,
    others_in,
    sales_page,
    words_in,
)
from shared.commands.privacy.whose_events import is_theirs, is_told
from shared.crypto import columns
from shared.crypto.seal import Sealer
from shared.db.connection import Pool
from shared.db.privacy import erase_texts, person_read
from shared.db.privacy.person_read import BEFORE_ALL, NO_EVENT, PersonNota, PersonSale
from shared.db.tenants.tenants_store import Tenant
from shared.domain.ids import BillId, CustomerId
from shared.domain.money import Cents, show_reais
from shared.domain.privacy.who import NOBODY, Who, mentions

MOST_SALES: Final = 5000
AT_ONCE: Final = 25
MOST_EVENTS: Final = 2000  # of some sales; each may be some kilobytes
GROUNDS: Final = (
    "Finalidade: emitir as notas fiscais de serviço das compras e provar cada uma."
    " Bases legais: execução de contrato (LGPD, art. 7º, V) e obrigação legal (art. 7º, II)."
    " Notas são guardadas até o fim do quinto ano depois do ano do fato"
    " (CTN, arts. 173, 174 e 195); mensagens recebidas, por 180 dias."
)


class PersonFound(Struct, frozen=True, kw_only=True):
    """Whose sales they are, the newest last; `left_out` counts those beyond what is told."""

    customers: tuple[CustomerId, ...]
    bills: tuple[BillId, ...]
    left_out: int
    asked_for: Who = NOBODY


async def find_person(pool: Pool, sealer: Sealer, tenant: Tenant, subject: Subject) -> PersonFound:
    """Find the sales and bills of whoever is meant, a page of rows at a time."""
    words = document_words(sealer, tenant.id, subject)
    customers = set() if subject.customer_id is None else {subject.customer_id}
    bills: set[BillId] = set()
    if words:
        async with pool.acquire() as conn:
            customers |= set(
                await numbers_by_document(conn, sealer, tenant.id, words, limit=MOST_CUSTOMERS)
            )
    after: int | None = 0
    while after is not None:
        async with pool.acquire() as conn:
            page = await sales_page(
                conn, sealer, tenant.id, after=after, customers=customers, words=words, limit=PAGE
            )
        bills.update(page.bills)
        customers.update(page.customers)
        after = page.last
    after = 0
    while after is not None:
        async with pool.acquire() as conn:
            page = await person_read.in_bills(
                conn, tenant.id, after=after, customers=sorted(customers), limit=PAGE
            )
        bills.update(page.bills)
        after = page.last
    told = sorted(bills)[-MOST_SALES:]
    return PersonFound(
        customers=tuple(sorted(customers)),
        bills=tuple(told),
        left_out=len(bills) - len(told),
        asked_for=asked_for(subject),
    )


async def person_json(
    pool: Pool, sealer: Sealer, tenant: Tenant, found: PersonFound, *, at: datetime
) -> AsyncIterator[bytes]:
    """The JSON of what was found, piece by piece."""
    head = {
        "tenant": tenant.name,
        "as_of": at,
        "grounds": GROUNDS,
        "customer_ids": found.customers,
        "left_out": found.left_out,
    }
    yield msgspec.json.encode(head)[:-1] + b',"sales":['
    first, who = True, NOBODY
    async for sale, called in _sales(pool, sealer, tenant, found):
        yield (b"" if first else b",") + msgspec.json.encode(sale)
        first, who = False, called
    yield b'],"heard":['
    first = True
    async for event in _heard(pool, sealer, tenant, found, who):
        if event is None:
            yield b"\n"  # whoever waits sees that it goes on
            continue
        yield (b"" if first else b",") + msgspec.json.encode(event)
        first = False
    others = await _of_others(pool, sealer, tenant, found.asked_for.joined(who))
    yield b'],"notas_of_others":' + msgspec.json.encode(others) + b"}"


async def person_page(
    pool: Pool, sealer: Sealer, tenant: Tenant, found: PersonFound, *, at: datetime
) -> AsyncIterator[bytes]:
    """The same as a page in Portuguese that needs nothing else to be read."""
    yield _HEAD.format(tenant=escape(tenant.name), at=f"{at:%d/%m/%Y %H:%M}").encode()
    yield f"<p>{escape(GROUNDS)}</p>".encode()
    if found.left_out:
        yield f"<p>Mais {found.left_out} compras antigas não estão nesta página.</p>".encode()
    who = NOBODY
    async for sale, called in _sales(pool, sealer, tenant, found):
        yield f"<h2>Fatura {sale['bill_id']}</h2>{_shown(sale)}".encode()
        who = called
    async for event in _heard(pool, sealer, tenant, found, who):
        yield b"\n" if event is None else f"<h2>Mensagem</h2>{_shown(event)}".encode()
    others = await _of_others(pool, sealer, tenant, found.asked_for.joined(who))
    for nota in others:
        yield f"<h2>Nota emitida por outro sistema</h2>{_shown(nota)}".encode()
    if not found.bills and not others:
        yield "<p>Nada é guardado sobre esta pessoa.</p>".encode()
    yield b"</body></html>\n"


_HEAD: Final = """<!doctype html>
<html lang="pt-BR"><head><meta charset="utf-8"><title>Dados pessoais guardados</title>
<style>body{{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}}
dl{{display:grid;grid-template-columns:max-content 1fr;gap:0 1rem}}dd{{margin:0}}</style></head>
<body><h1>Dados pessoais guardados</h1>
<p>Por {tenant}, em {at} (UTC).</p>
"""


async def _heard(
    pool: Pool, sealer: Sealer, tenant: Tenant, found: PersonFound, who: Who
) -> AsyncIterator[dict[str, Any] | None]:
    """Events that name no bill of theirs and are about them; None between two pages."""
    at, event, words = BEFORE_ALL, NO_EVENT, who.sure
    bills = frozenset(found.bills)
    while True:
        async with pool.acquire() as conn:
            page = await person_read.events_after(
                conn, tenant.id, at, event, customers=found.customers, limit=EVENTS
            )
        for one in page:
            if one.bill_id not in bills and is_theirs(
                sealer, tenant.id, one, words=words, customers=found.customers
            ):
                yield {
                    "at": one.received_at,
                    "type": one.type,
                    "body": opened_value(sealer, tenant.id, columns.EVENT, one.body, one.event_id),
                }
        if len(page) < EVENTS:
            return
        at, event = page[-1].received_at, page[-1].event_id
        yield None


async def _of_others(pool: Pool, sealer: Sealer, tenant: Tenant, who: Who) -> list[dict[str, Any]]:
    """Notas that others issued to a document of theirs."""
    words = words_of(sealer, tenant.id, who)
    if not words:
        return []
    async with pool.acquire() as conn:
        notas = await person_read.notas_of_others(conn, tenant.id, words, limit=MOST_SALES)
    return [
        {
            "number": nota.number,
            "environment": nota.environment,
            "amount": show_reais(Cents(nota.amount)),
            "competencia": nota.competencia,
            "valid": nota.valid,
            "document": opened_value(
                sealer, tenant.id, columns.FOREIGN_DOCUMENT, nota.document, nota.issuer_id
            ),
        }
        for nota in notas
    ]


async def _sales(
    pool: Pool, sealer: Sealer, tenant: Tenant, found: PersonFound
) -> AsyncIterator[tuple[dict[str, Any], Who]]:
    """Each sale as it is told, with all that they were called in it and in those before."""
    who = found.asked_for
    for start in range(0, len(found.bills), AT_ONCE):
        batch = list(found.bills[start : start + AT_ONCE])
        async with pool.acquire() as conn:
            sales = await person_read.sales_of(conn, tenant.id, batch)
            notas = await person_read.notas_of(conn, tenant.id, batch)
            told = await erase_texts.told_of(conn, tenant.id, batch)
            heard = await person_read.events_of(conn, tenant.id, batch, limit=MOST_EVENTS + 1)
        for sale in sales:
            whose = Whose(customers=frozenset(found.customers), who=who)
            whose = replace(whose, who=who.joined(words_in(sealer, tenant.id, sale, whose)))
            who = whose.who
            shown = _sale(sealer, tenant, sale)
            shown["notas"] = [
                _nota(sealer, tenant, nota) for nota in notas if nota.bill_id == sale.bill_id
            ]
            shown["history"] = [line.why for line in told if line.bill_id == sale.bill_id]
            if not whose.has_whole(sale):
                shown |= _of_theirs(shown, sale, whose, others_in(sealer, tenant.id, sale, whose))
            shown["heard"] = [
                {
                    "at": event.received_at,
                    "type": event.type,
                    "body": opened_value(
                        sealer, tenant.id, columns.EVENT, event.body, event.event_id
                    ),
                }
                for event in heard[:MOST_EVENTS]
                if event.bill_id == sale.bill_id and is_told(sealer, tenant.id, event, whose=whose)
            ]
            if len(heard) > MOST_EVENTS:
                shown["heard_left_out"] = True
            yield shown, who


def _of_theirs(
    shown: Mapping[str, Any], sale: PersonSale, whose: Whose, others: Who
) -> dict[str, Any]:
    """What is told of a sale that passed from one customer to another: nothing of the other."""
    in_name = whose.has_sale(sale)
    customer = shown["customer"]
    is_read = in_name and isinstance(customer, Mapping) and whose.has_json(customer)
    words = whose.who.words
    return {
        "customer_name": sale.customer_name if in_name and is_read else "",
        "customer": customer if is_read else None,
        "unread": None,
        "detail": sale.detail if mentions(sale.detail, words) else "",
        "bill": shown["bill"] if whose.has(sale.bill_customer_id) else None,
        "notas": [
            nota
            for nota in shown["notas"]
            if isinstance(nota["sent"], Mapping) and is_made_out_to(nota["sent"], whose, others)
        ],
        "history": [why for why in shown["history"] if mentions(why, words)],
    }


def _sale(sealer: Sealer, tenant: Tenant, sale: PersonSale) -> dict[str, Any]:
    return {
        "bill_id": sale.bill_id,
        "status": sale.status or "not_decided",
        "code": sale.code,
        "amount": show_reais(Cents(sale.amount)),
        "moment_at": sale.moment_at or sale.bill_created_at,
        "products": sale.products,
        "detail": sale.detail,
        "customer_name": sale.customer_name,
        "customer": opened_value(sealer, tenant.id, columns.CUSTOMER, sale.customer, sale.bill_id),
        "unread": opened_value(sealer, tenant.id, columns.UNREAD, sale.unread, sale.bill_id),
        "bill": opened_value(sealer, tenant.id, columns.BILL, sale.bill_body, sale.bill_id),
    }


def _nota(sealer: Sealer, tenant: Tenant, nota: PersonNota) -> dict[str, Any]:
    key = (nota.bill_id, nota.part, nota.revision)
    return {
        "external_id": nota.external_id,
        "status": nota.status,
        "environment": nota.environment,
        "number": nota.number,
        "verification_code": nota.verification_code,
        "amount": show_reais(Cents(nota.amount)),
        "competencia": nota.competencia,
        "issued_at": nota.issued_at,
        "sent": opened_value(sealer, tenant.id, columns.REQUEST, nota.request or None, *key),
        "refusal": opened_value(sealer, tenant.id, columns.REASON, nota.reason, *key),
    }


_LABELS: Final[Mapping[str, str]] = {
    "status": "situação",
    "code": "motivo",
    "amount": "valor (R$)",
    "valid": "válida",
    "moment_at": "momento",
    "products": "produtos",
    "customer_name": "nome",
    "customer": "cadastro",
    "unread": "resposta que não pôde ser lida",
    "bill": "fatura na Vindi",
    "notas": "notas",
    "history": "histórico",
    "heard": "mensagens recebidas",
    "heard_left_out": "mensagens a mais, não mostradas",
    "detail": "o que foi dito",
    "name": "nome",
    "registry_code": "CPF ou CNPJ",
    "document": "CPF ou CNPJ",
    "email": "e-mail",
    "phones": "telefones",
    "phone": "telefone",
    "address": "endereço",
    "number": "número",
    "sent": "enviado ao emissor",
    "refusal": "recusa",
    "competencia": "competência",
    "issued_at": "emitida em",
    "verification_code": "código de verificação",
    "environment": "ambiente",
}
_DEEPEST: Final = 12


def _shown(value: Any, depth: int = 0) -> str:
    """A value as HTML: whatever a text says is shown, and nothing of it is markup."""
    if depth > _DEEPEST:
        return escape(UNREADABLE)
    if isinstance(value, Mapping):
        rows = "".join(
            f"<dt>{escape(_LABELS.get(str(name), str(name)))}</dt><dd>{_shown(one, depth + 1)}</dd>"
            for name, one in value.items()
            if one not in (None, "", [], {})
        )
        return f"<dl>{rows}</dl>"
    if isinstance(value, list | tuple):
        return "<ul>" + "".join(f"<li>{_shown(one, depth + 1)}</li>" for one in value) + "</ul>"
    if isinstance(value, datetime):
        return f"{value:%d/%m/%Y %H:%M} UTC"
    if isinstance(value, date):
        return f"{value:%d/%m/%Y}"
    return escape(str(value))

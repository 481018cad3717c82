"""Takes the person out of sales, as far as the law lets; the same for an erasure and for time.

One transaction a batch, by the caller. Safe to repeat: a bare row stays as it is.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import structlog
from msgspec import Struct

from shared.commands.privacy.whose import Whose, is_made_out_to, number_of, others_in
from shared.crypto import columns
from shared.crypto.columns import RowKey, SealedColumn
from shared.crypto.seal import Sealer, UnsealError
from shared.db.connection import Connection
from shared.db.outbox import outbox_store
from shared.db.privacy import erase_rows, person_read
from shared.db.privacy.erase_rows import BareNota, BareSale
from shared.db.privacy.person_read import PersonNota, PersonSale
from shared.domain.ids import BillId, TenantId
from shared.domain.nota import IN_FLIGHT
from shared.domain.privacy.bare import bare_bill, bare_draft, documented_draft, named_customer
from shared.domain.privacy.kept import KeptWhy, NotaFacts, is_open, law_keeps
from shared.domain.privacy.who import Who, mentions
from shared.net.json_bytes import read_json, write_json

log = structlog.get_logger()

BATCH: Final = 50


class Kept(Struct, frozen=True, kw_only=True):
    """A sale of which something stays: why, until when (None: until it is over), which notas."""

    bill_id: BillId
    why: KeptWhy
    until: date | None = None
    notas: tuple[str, ...] = ()


class Bared(Struct, frozen=True, kw_only=True):
    """What a batch came to: rows written by table, and what stays."""

    rows: Mapping[str, int]
    kept: tuple[Kept, ...]


class LawTerms(Struct, frozen=True, kw_only=True):
    """By which day and for how many years the law is asked.

    With `is_over` no sale needs its customer any more, whatever it waits for; what a worker has is
    left to it all the same.
    """

    today: date
    years: int
    is_over: bool = False


async def bare_sales(
    conn: Connection,
    sealer: Sealer,
    tenant: TenantId,
    bills: Sequence[BillId],
    terms: LawTerms,
    whose: Whose | None = None,
) -> Bared:
    """Take the person out of these sales, in the caller's transaction; None: whoever it is.

    A sale that is not over keeps all, since its nota needs it, unless time is; one with a document
    of the city keeps what stands on that, but for how to reach the buyer; of all others nothing
    stays that says whose they are, but Vindi's numbers. Of one that passed from or to another
    customer only what is theirs goes.
    """
    await outbox_store.lock(conn, tenant, bills)  # no worker writes them meanwhile
    await erase_rows.lock_bills(conn, tenant, bills)  # nor anybody who read them afresh
    sales = await person_read.sales_of(conn, tenant, bills)
    notas: dict[BillId, list[PersonNota]] = {}
    for nota in await person_read.notas_of(conn, tenant, bills):
        notas.setdefault(nota.bill_id, []).append(nota)
    work = _Work(sealer=sealer, tenant=tenant)
    for sale in sales:
        if whose is None or whose.has_whole(sale):
            work.take(sale, notas.get(sale.bill_id, []), terms)
        else:
            work.take_part(sale, notas.get(sale.bill_id, []), terms, whose)
    await erase_rows.write_sales(conn, tenant, work.sales)
    await erase_rows.write_bills(conn, tenant, work.bills)
    await erase_rows.write_notas(conn, tenant, work.notas)
    rows = {"sales": len(work.sales), "bills": len(work.bills), "notas": len(work.notas)}
    return Bared(rows=rows, kept=tuple(work.kept))


class _Work:
    def __init__(self, *, sealer: Sealer, tenant: TenantId) -> None:
        self._sealer = sealer
        self._tenant = tenant
        self.sales: list[BareSale] = []
        self.bills: list[tuple[BillId, bytes]] = []
        self.notas: list[BareNota] = []
        self.kept: list[Kept] = []

    def take(self, sale: PersonSale, notas: Sequence[PersonNota], terms: LawTerms) -> None:
        status = None if terms.is_over else sale.status
        if is_open(status, under_way=sale.under_way):
            self.kept.append(Kept(bill_id=sale.bill_id, why="open"))
            return
        until = law_keeps([_facts(nota) for nota in notas], terms.years, terms.today)
        documents = tuple(nota.external_id for nota in notas if until and _facts(nota).is_document)
        if until is not None:
            kept = Kept(bill_id=sale.bill_id, why="law", until=until, notas=documents)
            self.kept.append(kept)
        unreadable = self._bill(sale)
        for nota in notas:
            unreadable |= self._nota(nota, is_kept=nota.external_id in documents)
        if sale.status is not None:
            unreadable |= self._sale(sale, named=until is not None)
        if unreadable:
            self.kept.append(Kept(bill_id=sale.bill_id, why="unreadable"))

    def take_part(
        self, sale: PersonSale, notas: Sequence[PersonNota], terms: LawTerms, whose: Whose
    ) -> None:
        """Of a sale that passed from one customer to another: what is of the one who is meant.

        What is still owed to the other does not need them; a worker's sale is left to it.
        """
        others = others_in(self._sealer, self._tenant, sale, whose)
        theirs = [nota for nota in notas if self._is_theirs(nota, whose, others)]
        waits = any(nota.status in IN_FLIGHT for nota in theirs)
        in_name = sale.status is not None and whose.has_sale(sale)
        needed = in_name or whose.has(sale.bill_customer_id)
        if waits or (needed and is_open(sale.status, under_way=False)) or sale.under_way:
            self.kept.append(Kept(bill_id=sale.bill_id, why="open"))
            return
        until = law_keeps([_facts(nota) for nota in theirs], terms.years, terms.today)
        documents = tuple(nota.external_id for nota in theirs if until and _facts(nota).is_document)
        if until is not None:
            self.kept.append(Kept(bill_id=sale.bill_id, why="law", until=until, notas=documents))
        unreadable = self._bill(sale) if whose.has(sale.bill_customer_id) else False
        for nota in theirs:
            unreadable |= self._nota(nota, is_kept=nota.external_id in documents)
        if in_name:
            unreadable |= self._sale(sale, named=until is not None)
        elif sale.status is not None:
            self._sale_of_another(sale, whose)
        if unreadable:
            self.kept.append(Kept(bill_id=sale.bill_id, why="unreadable"))

    def _is_theirs(self, nota: PersonNota, whose: Whose, others: Who) -> bool:
        key = (nota.bill_id, nota.part, nota.revision)
        draft = self._opened(columns.REQUEST, nota.request, *key)
        return draft is not None and is_made_out_to(draft, whose, others)

    def _sale_of_another(self, sale: PersonSale, whose: Whose) -> None:
        """A row of before sales passed wholly may have their document under another's number."""
        customer = self._opened(columns.CUSTOMER, sale.customer, sale.bill_id)
        left_over = customer is not None and number_of(customer) in whose.customers
        unread = self._opened_text(columns.UNREAD, sale.unread, sale.bill_id)
        if left_over:
            self.sales.append(BareSale(bill_id=sale.bill_id, named=False, customer=None))
        elif mentions(unread, whose.who.words):
            kept = BareSale(bill_id=sale.bill_id, named=True, customer=sale.customer)
            self.sales.append(kept)

    def _sale(self, sale: PersonSale, *, named: bool) -> bool:
        """Whether the customer that the law keeps could not be opened; it stays as it is."""
        customer = self._opened(columns.CUSTOMER, sale.customer, sale.bill_id) if named else None
        unreadable = named and bool(sale.customer) and customer is None
        bare = None if customer is None else named_customer(customer)
        unchanged = bare == customer if named else sale.customer is None
        if unchanged and sale.unread is None and (named or not sale.customer_name):
            return unreadable
        kept = sale.customer if unreadable else None
        sealed = kept if bare is None else self._sealed(columns.CUSTOMER, bare, sale.bill_id)
        self.sales.append(BareSale(bill_id=sale.bill_id, named=named, customer=sealed))
        return unreadable

    def _bill(self, sale: PersonSale) -> bool:
        """Whether the bill's body could not be opened; it stays, and is nobody's to read."""
        bill = self._opened(columns.BILL, sale.bill_body, sale.bill_id)
        if bill is None:
            return bool(sale.bill_body)
        bare = bare_bill(bill)
        if bare != bill:
            sealed = self._sealed(columns.BILL, bare, sale.bill_id)
            self.bills.append((sale.bill_id, sealed))
        return False

    def _nota(self, nota: PersonNota, *, is_kept: bool) -> bool:
        key = (nota.bill_id, nota.part, nota.revision)
        draft = self._opened(columns.REQUEST, nota.request, *key)
        if draft is None:
            return bool(nota.request)
        bare = documented_draft(draft) if is_kept else bare_draft(draft)
        if bare != draft or nota.reason is not None:
            self.notas.append(
                BareNota(
                    bill_id=nota.bill_id,
                    part=nota.part,
                    revision=nota.revision,
                    request=self._sealed(columns.REQUEST, bare, *key),
                )
            )
        return False

    def _opened(
        self, column: SealedColumn, sealed: bytes | None, *key: RowKey
    ) -> dict[str, Any] | None:
        if not sealed:
            return None
        try:
            opened = read_json(column.open(self._sealer, self._tenant, sealed, *key))
        except (UnsealError, ValueError) as error:
            log.warning("not_to_be_opened", tenant_id=self._tenant, error=type(error).__name__)
            return None
        return opened if isinstance(opened, dict) else None

    def _opened_text(self, column: SealedColumn, sealed: bytes | None, *key: RowKey) -> str:
        if not sealed:
            return ""
        try:
            return column.open(self._sealer, self._tenant, sealed, *key).decode("utf-8", "replace")
        except UnsealError:
            return ""

    def _sealed(self, column: SealedColumn, value: Mapping[str, Any], *key: RowKey) -> bytes:
        return column.seal(self._sealer, self._tenant, write_json(value), *key)


def _facts(nota: PersonNota) -> NotaFacts:
    return NotaFacts(status=nota.status, environment=nota.environment, competencia=nota.competencia)

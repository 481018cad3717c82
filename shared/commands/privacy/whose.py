"""Whose a row is: sales and bills pass from one customer to another at Vindi."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from msgspec import Struct

from shared.crypto import columns
from shared.crypto.columns import RowKey, SealedColumn
from shared.crypto.seal import Sealer, UnsealError
from shared.db.connection import Connection
from shared.db.privacy import person_read
from shared.db.privacy.person_read import NamedSale, PersonPage, PersonSale
from shared.domain.ids import BillId, CustomerId, TenantId
from shared.domain.privacy.who import NOBODY, Who, who_is
from shared.net.json_bytes import read_json


class Whose(Struct, frozen=True, kw_only=True):
    """Who is meant: Vindi's numbers of them, and what they are called."""

    customers: frozenset[int]
    who: Who = NOBODY

    def has(self, number: int | None) -> bool:
        """Whether a number is theirs; a row without one is, since it was found as theirs."""
        return number is None or number in self.customers

    def has_sale(self, sale: PersonSale) -> bool:
        """Whether the sale is in their name; before it was decided it is whose its bill is."""
        number = sale.bill_customer_id if sale.customer_id is None else sale.customer_id
        return self.has(number)

    def has_whole(self, sale: PersonSale) -> bool:
        """Whether bill and sale are theirs and always were, and so all that hangs on them."""
        return self.has_sale(sale) and self.has(sale.bill_customer_id) and not sale.passed

    def has_json(self, customer: Mapping[str, Any] | None) -> bool:
        """Whether a customer as Vindi shows it is one of them by its number."""
        return customer is not None and self.has(number_of(customer))


def number_of(customer: Mapping[str, Any]) -> int | None:
    """Vindi's number of a customer's JSON; None where it says none."""
    number = customer.get("id")
    return number if isinstance(number, int) else None


def words_in(sealer: Sealer, tenant: TenantId, sale: PersonSale, whose: Whose) -> Who:
    """What a sale and its bill call them; nothing of whoever else is in these."""
    customer = opened(sealer, tenant, columns.CUSTOMER, sale.customer, sale.bill_id)
    bill = opened(sealer, tenant, columns.BILL, sale.bill_body, sale.bill_id) or {}
    billed = bill.get("customer")
    found = NOBODY
    if whose.has_sale(sale) and (customer is None or whose.has_json(customer)):
        found = Who(names=(sale.customer_name,) if sale.customer_name else ())
    if customer is not None and whose.has_json(customer):
        found = found.joined(who_is(customer))
    if isinstance(billed, dict) and whose.has(sale.bill_customer_id) and whose.has_json(billed):
        found = found.joined(who_is(billed))
    return found


def others_in(sealer: Sealer, tenant: TenantId, sale: PersonSale, whose: Whose) -> Who:
    """What a sale and its bill call whoever else is in these."""
    customer = opened(sealer, tenant, columns.CUSTOMER, sale.customer, sale.bill_id)
    bill = opened(sealer, tenant, columns.BILL, sale.bill_body, sale.bill_id) or {}
    billed = bill.get("customer")
    shown = [one for one in (customer, billed) if isinstance(one, dict)]
    found = NOBODY
    for one in shown:
        if not whose.has_json(one):
            found = found.joined(who_is(one))
    return found


def is_made_out_to(draft: Mapping[str, Any], whose: Whose, others: Who) -> bool:
    """Whether the nota of a draft names them, in a sale that passed from or to another.

    Where nothing is known of what they are called it is whoever the sale is not of now.
    """
    tomador = draft.get("tomador")
    buyer = tomador if isinstance(tomador, Mapping) else {}
    if whose.who.words:
        return whose.who.is_buyer(buyer)
    return not others.is_buyer(buyer)


def opened(
    sealer: Sealer, tenant: TenantId, column: SealedColumn, sealed: bytes | None, *key: RowKey
) -> dict[str, Any] | None:
    """A sealed JSON object; None where there is none, or it cannot be read any more."""
    if not sealed:
        return None
    try:
        value = read_json(column.open(sealer, tenant, sealed, *key))
    except (UnsealError, ValueError):
        return None
    return value if isinstance(value, dict) else None


async def numbers_by_document(
    conn: Connection, sealer: Sealer, tenant: TenantId, words: Sequence[bytes], *, limit: int
) -> list[CustomerId]:
    """Vindi's numbers of whoever has a document, as far as sales show it."""
    sales = await person_read.named_by(conn, tenant, words, limit=limit)
    return list(dict.fromkeys(_number_read(sealer, tenant, one) for one in sales))


async def sales_page(
    conn: Connection,
    sealer: Sealer,
    tenant: TenantId,
    *,
    after: int,
    customers: Collection[CustomerId],
    words: Sequence[bytes],
    limit: int,
) -> PersonPage:
    """A page of sales that are somebody's, by number or document, or that once were.

    What number a document brings is told by the customer that was read, not by the sale alone.
    """
    known = sorted(customers)
    page = await person_read.in_sales(
        conn, tenant, after=after, customers=known, document_words=words, limit=limit
    )
    new = [one for one in page.customers if one not in customers]
    sure = set(known) & set(page.customers)
    if new:
        named = await person_read.named_among(conn, tenant, page.bills, new)
        sure |= {_number_read(sealer, tenant, one) for one in named}
    once: tuple[BillId, ...] = ()
    if known:
        gone = await person_read.in_histories(
            conn, tenant, after=after, customers=known, limit=limit
        )
        once = gone.bills
    bills = tuple(dict.fromkeys([*page.bills, *once]))
    return PersonPage(bills=bills, customers=tuple(sorted(sure)), last=page.last)


def _number_read(sealer: Sealer, tenant: TenantId, sale: NamedSale) -> CustomerId:
    """Whose the document of a sale is: the customer that was read for it says it best.

    Rows of before sales passed wholly may have the number of one and the document of another.
    """
    customer = opened(sealer, tenant, columns.CUSTOMER, sale.customer, sale.bill_id)
    number = None if customer is None else number_of(customer)
    return sale.customer_id if number is None else CustomerId(number)

"""Customers, products, subscriptions, bills: how sales come to be at a Vindi account."""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from services.sandbox.documents import cpf_of
from services.sandbox.vindi.account import Account
from services.sandbox.vindi.payments import AUTOMATIC, cancel_bill, issue_charge, pay_bill
from services.sandbox.vindi.records import (
    Bill,
    Customer,
    Invoice,
    Json,
    Line,
    Period,
    Plan,
    Product,
    Subscription,
)
from services.sandbox.vindi.rows import Amount, Instant, find_row, new_row
from services.sandbox.vindi.times import (
    end_of,
    local_day,
    money,
    read_instant,
    read_money,
    start_of,
)


def create_customer(
    account: Account, *, name: str = "Cliente Exemplo", id: int | None = None,  # noqa: A002 (Vindi's word)
    created_at: Instant | None = None, **details: Any,
) -> Customer:  # fmt: skip
    """Make a customer; `details` are Customer's fields. Sends no event, as Vindi."""
    row = Customer(**new_row(account, "customers", id, created_at), name=name, **details)
    account.added("customers", row)
    return row


def create_example_customer(account: Account, *, created_at: Instant | None = None) -> Customer:
    """Make a customer with a CPF and an address, all a nota needs."""
    row = create_customer(account, created_at=created_at)
    row.name, row.email = f"Cliente Exemplo {row.id}", f"cliente-{row.id}@example.com"
    row.registry_code = cpf_of(100_000_000 + row.id)
    row.address = {
        "street": "Rua das Amostras", "number": str(row.id), "zipcode": "01001000",
        "neighborhood": "Centro", "city": "São Paulo", "state": "SP", "country": "BR",
    }  # fmt: skip
    return row


def edit_customer(account: Account, *, customer_id: int, **details: Any) -> Customer:
    """Change a customer; sends no event, as Vindi."""
    row: Customer = find_row(account, "customers", customer_id)
    account.changing("customers", row)
    for name, value in details.items():
        setattr(row, name, value)
    account.changed("customers", row)
    return row


def archive_customer(account: Account, *, customer_id: int) -> Customer:
    """Archive a customer."""
    return edit_customer(account, customer_id=customer_id, status="archived")


def create_product(
    account: Account, *, name: str = "Plano Exemplo", id: int | None = None,  # noqa: A002
    price: Amount = 0, created_at: Instant | None = None, **details: Any,
) -> Product:  # fmt: skip
    """Make a product."""
    row = Product(
        **new_row(account, "products", id, created_at), name=name, price_cents=read_money(price),
        **details,
    )  # fmt: skip
    account.added("products", row)
    return row


def create_plan(
    account: Account, *, name: str = "Mensal", id: int | None = None, **details: Any  # noqa: A002
) -> Plan:  # fmt: skip
    """Make a plan."""
    row = Plan(**new_row(account, "plans", id, None), name=name, **details)
    account.added("plans", row)
    return row


def create_subscription(
    account: Account, *, customer_id: int, plan_id: int, id: int | None = None,  # noqa: A002
    code: str | None = None,
) -> Subscription:  # fmt: skip
    """Subscribe a customer; bills it with `renew`."""
    find_row(account, "customers", customer_id)
    find_row(account, "plans", plan_id)
    row = Subscription(
        **new_row(account, "subscriptions", id, None), customer_id=customer_id, plan_id=plan_id,
        code=code, start_ms=start_of(local_day(account.now_ms())),
    )  # fmt: skip
    account.added("subscriptions", row)
    account.emit("subscription_created", row)
    return row


def renew(account: Account, *, subscription_id: int, **sale_details: Any) -> Bill:
    """Begin the next period and bill it; `sale_details` as in `sale`."""
    parent: Subscription = find_row(account, "subscriptions", subscription_id)
    parent.cycles += 1
    day = local_day(account.now_ms())
    period = Period(
        **new_row(account, "periods", None, None), subscription_id=parent.id, cycle=parent.cycles,
        start_ms=start_of(day), end_ms=end_of(day + timedelta(days=29)),
    )  # fmt: skip
    account.added("periods", period)
    account.emit("period_created", period)
    return sale(
        account, customer_id=parent.customer_id, subscription_id=parent.id, period_id=period.id,
        **sale_details,
    )  # fmt: skip


def cancel_subscription(
    account: Account, *, subscription_id: int, cancel_bills: bool = True
) -> Subscription:
    """End a subscription, by default with its open bills."""
    row: Subscription = find_row(account, "subscriptions", subscription_id)
    row.status, row.end_ms = "canceled", account.now_ms()
    account.changed("subscriptions", row)
    account.emit("subscription_canceled", row)
    if cancel_bills:
        for bill in list(account.bills.rows.values()):
            if bill.subscription_id == row.id and bill.status in {"review", "scheduled", "pending"}:
                cancel_bill(account, bill_id=bill.id)
    return row


def create_bill(
    account: Account, *, customer_id: int | None = None, lines: Sequence[Json] | None = None,
    amount: Amount | None = None, product_id: int | None = None, method: str = "credit_card",
    status: str = "pending", id: int | None = None, code: str | None = None,  # noqa: A002
    created_at: Instant | None = None, due_at: Instant | None = None, installments: int = 1,
    subscription_id: int | None = None, period_id: int | None = None,
    metadata: Json | None = None, events: bool = True,
) -> Bill:  # fmt: skip
    """Make a bill, and unless it waits (review, scheduled) or is worth nothing, its charge.

    `lines` are {"amount", "product_id"?, "quantity"?, "description"?, "discount"?}; a
    discount line has a negative amount. Instead, `amount` makes one line. A missing
    customer or product is made up.
    """
    if customer_id is None:
        customer_id = create_example_customer(account).id
    if lines is None:
        lines = [{"amount": "100.00" if amount is None else amount}]
    if product_id is None:
        first = next(iter(account.products.rows), None)
        product_id = create_product(account).id if first is None else first
    new = new_row(account, "bills", id, created_at)
    made = [_line(account, line, product_id) for line in lines]
    due = end_of(local_day(new["created_ms"])) if due_at is None else read_instant(due_at)
    row = Bill(
        **new, customer_id=customer_id, cents=sum(line.cents for line in made), method=method,
        status=status, code=code, installments=installments, due_ms=due, lines=made,
        billing_ms=due if status == "scheduled" else None, metadata=metadata or {},
        subscription_id=subscription_id, period_id=period_id, token=str(uuid.UUID(int=new["id"])),
    )  # fmt: skip
    account.added("bills", row)
    if status == "pending":
        issue_charge(account, row, events=events)
    if events and status != "scheduled":
        account.emit("bill_created", row)
    return row


def _line(account: Account, line: Json, product_id: int) -> Line:
    cents = read_money(line["amount"])
    discount = line.get("discount")
    if discount is None and cents < 0:
        discount = {
            "id": account.next_id("discounts"), "discount_type": "amount", "percentage": None,
            "amount": money(-cents), "quantity": None, "cycles": None,
        }  # fmt: skip
    return Line(
        id=account.next_id("bill_items"), product_id=line.get("product_id", product_id),
        cents=cents, quantity=line.get("quantity"), description=line.get("description"),
        discount=discount,
    )  # fmt: skip


def sale(
    account: Account, *, paid: bool = True, paid_at: Instant | None = None,
    known_at: Instant | None = None, events: bool = True, **bill_details: Any,
) -> Bill:  # fmt: skip
    """Make a bill and pay it: the usual story in one call.

    `paid_at` is when the customer paid, `known_at` when Vindi learned of it (default:
    the same for instantaneous methods). `bill_details` as in `create_bill`.
    """
    if paid_at is not None and "created_at" not in bill_details:
        bill_details["created_at"] = paid_at
    bill = create_bill(account, events=events, **bill_details)
    if not paid or bill.status != "pending":
        return bill
    if bill.method in AUTOMATIC:
        bill.due_ms = None  # null when paid by card as it was created
    pay_bill(account, bill_id=bill.id, paid_at=paid_at, known_at=known_at, events=events)
    return bill


def edit_bill(
    account: Account, *, bill_id: int, amount: Amount | None = None,
    line_amounts: Sequence[Amount] | None = None, metadata: Json | None = None,
    code: str | None = None, seen: bool = False,
) -> Bill:  # fmt: skip
    """Change a bill behind everybody's back; amount and lines may disagree afterwards."""
    bill: Bill = find_row(account, "bills", bill_id)
    account.changing("bills", bill)
    if amount is not None:
        bill.cents = read_money(amount)
    for line, value in zip(bill.lines, line_amounts or (), strict=False):
        line.cents = read_money(value)
    bill.metadata = bill.metadata if metadata is None else metadata
    bill.code = bill.code if code is None else code
    bill.seen_ms = account.now_ms() if seen else bill.seen_ms
    account.changed("bills", bill)
    if seen:
        account.emit("bill_seen", bill)
    return bill


def create_invoice(account: Account, *, bill_id: int, status: str = "processing") -> Invoice:
    """Let Vindi's own fiscal integration make its record of a nota."""
    bill: Bill = find_row(account, "bills", bill_id)
    row = Invoice(
        **new_row(account, "invoices", None, None), bill_id=bill.id, customer_id=bill.customer_id,
        cents=bill.cents, status=status,
    )  # fmt: skip
    account.added("invoices", row)
    return row


def bulk_sales(
    account: Account, *, count: int, since: Instant, until: Instant, amount: Amount = "100.00",
    method: str = "credit_card", paid: bool = True, customers: int = 100,
) -> Bill:  # fmt: skip
    """Make many sales, spread evenly over a time, without events; return the last."""
    first, last = read_instant(since), read_instant(until)
    ids = [create_example_customer(account, created_at=since).id for _ in range(customers)]
    step = (last - first) / count
    for i in range(count):
        at = (first + step * i) / 1000
        bill = sale(
            account, customer_id=ids[i % len(ids)], amount=amount, method=method, paid=paid,
            created_at=at, paid_at=at, known_at=at, events=False,
        )  # fmt: skip
    return bill

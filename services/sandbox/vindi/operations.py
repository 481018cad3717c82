"""What happens at a Vindi account: sales, payments, refunds, cancellations, edits.

Amounts are reais as text or number ("179.90"); instants are Unix seconds, ISO times or
days. Each operation keeps the account's books as Vindi would, sends the events Vindi
would, and returns the row. `OPERATIONS` is what the control API offers by name.
"""

import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any, Final

from services.sandbox.vindi.account import Account
from services.sandbox.vindi.records import (
    Bill,
    Charge,
    Customer,
    Invoice,
    Issue,
    Json,
    Line,
    Period,
    Plan,
    Product,
    Row,
    Subscription,
    Transaction,
)
from services.sandbox.vindi.times import (
    end_of,
    local_day,
    money,
    read_instant,
    read_money,
    start_of,
)

Instant = str | float
Amount = str | float
# Methods Vindi tries by itself, so that a sale is paid the moment it is made.
AUTOMATIC: Final = frozenset({"credit_card", "debit_card"})
# Methods whose `paid_at` is the instant; the others get midnight of the payment day.
INSTANTANEOUS: Final = AUTOMATIC | {"pix"}


class OperationRefusedError(Exception):
    """The account's state does not allow it, or something named does not exist."""


def _row(account: Account, kind: str, row_id: int) -> Any:
    try:
        return account.table(kind).rows[row_id]
    except KeyError:
        raise OperationRefusedError(f"no {kind} {row_id}") from None


def _new(account: Account, kind: str, row_id: int | None, at: Instant | None) -> Json:
    """Give the fields every new row needs."""
    created = account.now_ms() if at is None else read_instant(at)
    number = account.next_id(kind) if row_id is None else row_id
    return {"id": number, "created_ms": created, "updated_ms": created}


def create_customer(
    account: Account, *, name: str = "Cliente Exemplo", id: int | None = None,  # noqa: A002 (Vindi's word)
    created_at: Instant | None = None, **details: Any,
) -> Customer:  # fmt: skip
    """Make a customer; `details` are Customer's fields. Sends no event, as Vindi."""
    row = Customer(**_new(account, "customers", id, created_at), name=name, **details)
    account.added("customers", row)
    return row


def edit_customer(account: Account, *, customer_id: int, **details: Any) -> Customer:
    """Change a customer; sends no event, as Vindi."""
    row: Customer = _row(account, "customers", customer_id)
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
        **_new(account, "products", id, created_at), name=name, price_cents=read_money(price),
        **details,
    )  # fmt: skip
    account.added("products", row)
    return row


def create_plan(
    account: Account, *, name: str = "Mensal", id: int | None = None, **details: Any  # noqa: A002
) -> Plan:  # fmt: skip
    """Make a plan."""
    row = Plan(**_new(account, "plans", id, None), name=name, **details)
    account.added("plans", row)
    return row


def create_subscription(
    account: Account, *, customer_id: int, plan_id: int, id: int | None = None,  # noqa: A002
    code: str | None = None,
) -> Subscription:  # fmt: skip
    """Subscribe a customer; bills it with `renew`."""
    _row(account, "customers", customer_id)
    _row(account, "plans", plan_id)
    row = Subscription(
        **_new(account, "subscriptions", id, None), customer_id=customer_id, plan_id=plan_id,
        code=code, start_ms=start_of(local_day(account.now_ms())),
    )  # fmt: skip
    account.added("subscriptions", row)
    account.emit("subscription_created", row)
    return row


def renew(account: Account, *, subscription_id: int, **sale_details: Any) -> Bill:
    """Begin the next period and bill it; `sale_details` as in `sale`."""
    parent: Subscription = _row(account, "subscriptions", subscription_id)
    parent.cycles += 1
    day = local_day(account.now_ms())
    period = Period(
        **_new(account, "periods", None, None), subscription_id=parent.id, cycle=parent.cycles,
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
    row: Subscription = _row(account, "subscriptions", subscription_id)
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
        customer_id = create_customer(account).id
    if lines is None:
        lines = [{"amount": "100.00" if amount is None else amount}]
    if product_id is None:
        first = next(iter(account.products.rows), None)
        product_id = create_product(account).id if first is None else first
    new = _new(account, "bills", id, created_at)
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
        _issue_charge(account, row, events=events)
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


def _issue_charge(account: Account, bill: Bill, *, events: bool, at: int | None = None) -> None:
    if bill.cents <= 0:
        return
    created = bill.created_ms if at is None else at
    row = Charge(
        id=account.next_id("charges"), created_ms=created, updated_ms=created, bill_id=bill.id,
        customer_id=bill.customer_id, cents=bill.cents, method=bill.method,
        due_ms=bill.due_ms or end_of(local_day(created)), installments=bill.installments,
    )  # fmt: skip
    bill.charge_ids.append(row.id)
    account.added("charges", row)
    if events:
        account.emit("charge_created", row)


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


def approve_bill(account: Account, *, bill_id: int) -> Bill:
    """Let a bill in review go out."""
    bill: Bill = _row(account, "bills", bill_id)
    if bill.status not in {"review", "scheduled"}:
        raise OperationRefusedError(f"bill {bill_id} is {bill.status}")
    account.changing("bills", bill)
    bill.status = "pending"
    _issue_charge(account, bill, events=True, at=account.now_ms())
    account.changed("bills", bill)
    return bill


def pay_bill(
    account: Account, *, bill_id: int, paid_at: Instant | None = None,
    known_at: Instant | None = None, amount: Amount | None = None, events: bool = True,
) -> Bill:  # fmt: skip
    """Pay a bill's open charge in full, or `amount` of it (less opens an issue)."""
    bill: Bill = _row(account, "bills", bill_id)
    if bill.status != "pending":
        raise OperationRefusedError(f"bill {bill_id} is {bill.status}")
    paid = account.now_ms() if paid_at is None else read_instant(paid_at)
    known = _known(account, paid_at, known_at, bill.method)
    account.changing("bills", bill)
    for charge in _open_charges(account, bill):
        _pay_charge(account, charge, paid, known, amount)
    bill.status = "paid"
    account.changed("bills", bill, at_ms=known)
    if events:
        account.emit("bill_paid", bill)
    return bill


def _known(account: Account, paid: Instant | None, known: Instant | None, method: str) -> int:
    if known is not None:
        return read_instant(known)
    if paid is not None and method in INSTANTANEOUS:
        return read_instant(paid)
    return account.now_ms()


def _open_charges(account: Account, bill: Bill) -> list[Charge]:
    charges = (account.charges.rows[i] for i in bill.charge_ids)
    return [c for c in charges if c.status in {"pending", "processing", "fraud_review"}]


def _pay_charge(
    account: Account, charge: Charge, paid: int, known: int, amount: Amount | None
) -> None:
    account.changing("charges", charge)
    cents = charge.cents if amount is None else read_money(amount)
    instantaneous = charge.method in INSTANTANEOUS
    charge.status = "paid"
    charge.paid_ms = paid // 1000 * 1000 if instantaneous else start_of(local_day(paid))
    charge.attempt_count += charge.method in AUTOMATIC
    charge.next_attempt_ms = None
    kind = "capture" if charge.method in AUTOMATIC else "charge"
    _transact(account, charge, kind, "success", cents=cents, at=known)
    account.changed("charges", charge, at_ms=known)
    if cents < charge.cents:
        data = {"expected_amount": money(charge.cents), "transaction_amount": money(cents)}
        issue = Issue(
            **_new(account, "issues", None, known / 1000), customer_id=charge.customer_id,
            item_id=charge.id, data=data,
        )  # fmt: skip
        account.added("issues", issue)
        account.emit("issue_created", issue)


def _transact(
    account: Account, charge: Charge, kind: str, status: str, *, cents: int, at: int
) -> Transaction:
    row = Transaction(
        id=account.next_id("transactions"), created_ms=at, updated_ms=at, charge_id=charge.id,
        customer_id=charge.customer_id, kind=kind, status=status, cents=cents,
        message={"success": "Aprovado", "rejected": "Cartão recusado"}.get(status)
        if kind != "refund" else None, method=charge.method,
    )  # fmt: skip
    charge.transaction_ids.append(row.id)
    account.added("transactions", row)
    return row


def reject_attempt(account: Account, *, bill_id: int, last: bool = False) -> Charge:
    """Let the next attempt at a bill's charge fail; after the last one none is planned."""
    bill: Bill = _row(account, "bills", bill_id)
    charge = next(iter(_open_charges(account, bill)), None)
    if charge is None:
        raise OperationRefusedError(f"bill {bill_id} has no open charge")
    now = account.now_ms()
    account.changing("charges", charge)
    charge.attempt_count += 1
    charge.next_attempt_ms = None if last else now + 3 * 86_400_000
    _transact(account, charge, "authorization", "rejected", cents=charge.cents, at=now)
    account.changed("charges", charge)
    account.emit("charge_rejected", charge)
    return charge


def reissue(account: Account, *, bill_id: int, method: str | None = None) -> Bill:
    """Put a new charge in the place of the open ones, perhaps with another method."""
    bill: Bill = _row(account, "bills", bill_id)
    if bill.status != "pending":
        raise OperationRefusedError(f"bill {bill_id} is {bill.status}")
    account.changing("bills", bill)
    _cancel_charges(account, _open_charges(account, bill))
    bill.method = method or bill.method
    _issue_charge(account, bill, events=True, at=account.now_ms())
    account.changed("bills", bill)
    return bill


def _cancel_charges(account: Account, charges: Iterable[Charge]) -> None:
    for charge in charges:
        account.changing("charges", charge)
        charge.status = "canceled"
        account.changed("charges", charge)
        account.emit("charge_canceled", charge)


def cancel_bill(account: Account, *, bill_id: int) -> Bill:
    """Cancel a bill: its amount falls to zero, its lines and charges keep theirs."""
    bill: Bill = _row(account, "bills", bill_id)
    if bill.status == "canceled":
        raise OperationRefusedError(f"bill {bill_id} is canceled")
    account.changing("bills", bill)
    _cancel_charges(account, _open_charges(account, bill))
    bill.status, bill.cents = "canceled", 0
    account.changed("bills", bill)
    account.emit("bill_canceled", bill)
    return bill


def refund(
    account: Account, *, bill_id: int, amount: Amount | None = None, cancel_bill: bool = False,
    events: bool = True,
) -> Charge:  # fmt: skip
    """Give money back, all that is left by default.

    A part leaves charge and bill as they were, `updated_at` too. All of it cancels the
    charge; the bill goes where the switch `bill_after_refund` (or `cancel_bill`) says.
    """
    bill: Bill = _row(account, "bills", bill_id)
    charge = next(
        (c for i in bill.charge_ids if (c := account.charges.rows[i]).status == "paid"), None
    )
    if charge is None:
        raise OperationRefusedError(f"bill {bill_id} has no paid charge")
    left = charge.cents - _refunded(account, charge)
    cents = left if amount is None else read_money(amount)
    if not 0 < cents <= left:
        raise OperationRefusedError(f"cannot refund {money(cents)} of {money(left)}")
    account.changing("charges", charge)
    account.changing("bills", bill)
    _transact(account, charge, "refund", "success", cents=cents, at=account.now_ms())
    if cents == left:
        _undo_payment(account, bill, charge, cancel=cancel_bill)
    if events:
        account.emit("charge_refunded", charge)
        if bill.status == "canceled":
            account.emit("bill_canceled", bill)
    return charge


def _refunded(account: Account, charge: Charge) -> int:
    rows = (account.transactions.rows[i] for i in charge.transaction_ids)
    return sum(row.cents for row in rows if row.kind == "refund" and row.status == "success")


def _undo_payment(account: Account, bill: Bill, charge: Charge, *, cancel: bool) -> None:
    charge.status = account.faults.charge_after_refund
    account.changed("charges", charge)
    after = "canceled" if cancel else account.faults.bill_after_refund
    if after != bill.status:
        bill.status = after
        bill.cents = 0 if after == "canceled" else bill.cents
        account.changed("bills", bill)


def chargeback(account: Account, *, bill_id: int, as_refund: bool = True) -> Charge:
    """Let the card's bank take the money back: a refund transaction, or a canceled charge."""
    if as_refund:
        return refund(account, bill_id=bill_id)
    bill: Bill = _row(account, "bills", bill_id)
    charge: Charge = account.charges.rows[bill.charge_ids[-1]]
    _cancel_charges(account, [charge])
    return charge


def edit_bill(
    account: Account, *, bill_id: int, amount: Amount | None = None,
    line_amounts: Sequence[Amount] | None = None, metadata: Json | None = None,
    code: str | None = None, seen: bool = False,
) -> Bill:  # fmt: skip
    """Change a bill behind everybody's back; amount and lines may disagree afterwards."""
    bill: Bill = _row(account, "bills", bill_id)
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
    bill: Bill = _row(account, "bills", bill_id)
    row = Invoice(
        **_new(account, "invoices", None, None), bill_id=bill.id, customer_id=bill.customer_id,
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
    ids = [create_customer(account, created_at=since).id for _ in range(max(1, customers))]
    step = (last - first) / count
    for i in range(count):
        at = (first + step * i) / 1000
        bill = sale(
            account, customer_id=ids[i % len(ids)], amount=amount, method=method, paid=paid,
            created_at=at, paid_at=at, known_at=at, events=False,
        )  # fmt: skip
    return bill


def load_raw(account: Account, *, kind: str, body: Json) -> Row:
    """Serve a body exactly as given; search fields are read from it where they can be.

    `kind` is bills, charges, transactions or customers; the body is what a GET wraps.
    """
    created = _instant_or(body.get("created_at"), account.now_ms())
    common: Json = {
        "id": int(body["id"]), "created_ms": created, "raw": body,
        "updated_ms": _instant_or(body.get("updated_at"), created),
    }  # fmt: skip
    row = _RAW_ROWS[kind](body, common)
    account.added(kind, row)
    return row


def _instant_or(value: Any, fallback: int) -> int:
    try:
        return read_instant(value) if isinstance(value, str) else fallback
    except ValueError:
        return fallback


def _cents_or_zero(value: Any) -> int:
    try:
        return read_money(value)
    except ValueError:
        return 0


def _inner_id(body: Json, name: str) -> int:
    inner = body.get(name)
    return int(inner.get("id") or 0) if isinstance(inner, dict) else 0


def _method_of(body: Json) -> str:
    described = body.get("payment_method")
    return str(described.get("code")) if isinstance(described, dict) else "credit_card"


_RAW_ROWS: Final[dict[str, Callable[[Json, Json], Row]]] = {
    "bills": lambda body, common: Bill(
        **common, customer_id=_inner_id(body, "customer"), method="credit_card",
        cents=_cents_or_zero(body.get("amount")), status=str(body.get("status")),
        subscription_id=_inner_id(body, "subscription") or None,
    ),
    "charges": lambda body, common: Charge(
        **common, bill_id=_inner_id(body, "bill"), customer_id=_inner_id(body, "customer"),
        cents=_cents_or_zero(body.get("amount")), method=_method_of(body),
        status=str(body.get("status")), due_ms=_instant_or(body.get("due_at"), 0),
    ),
    "transactions": lambda body, common: Transaction(
        **common, charge_id=_inner_id(body, "charge"), customer_id=_inner_id(body, "customer"),
        kind=str(body.get("transaction_type")), status=str(body.get("status")),
        cents=_cents_or_zero(body.get("amount")), method=_method_of(body),
    ),
    "customers": lambda body, common: Customer(
        **common, name=str(body.get("name")), email=body.get("email"),
        registry_code=body.get("registry_code"),
    ),
}  # fmt: skip


OPERATIONS: Final[dict[str, Callable[..., Row]]] = {
    made.__name__: made
    for made in (
        create_customer, edit_customer, archive_customer, create_product, create_plan,
        create_subscription, renew, cancel_subscription, create_bill, sale, approve_bill,
        pay_bill, reject_attempt, reissue, cancel_bill, refund, chargeback, edit_bill,
        create_invoice, bulk_sales, load_raw,
    )
}  # fmt: skip

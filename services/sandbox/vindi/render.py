"""Vindi's JSON of what an account holds.

`fresh` shows milliseconds, as answers to a write and events do; later reads show
zeroes. Shapes as in Vindi's recorded traffic: nulls, negative discount lines, short
forms of nested things.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from services.sandbox.vindi.methods import method
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
from services.sandbox.vindi.times import money, text_of

if TYPE_CHECKING:
    from services.sandbox.vindi.account import Account

_NO_ADDRESS: Final = dict.fromkeys(
    ("street", "number", "additional_details", "zipcode", "neighborhood", "city", "state",
     "country")
)  # fmt: skip


def render(account: "Account", row: Row, *, fresh: bool = False) -> Json:
    """Render any row as its own GET shows it."""
    if row.raw is not None:
        return row.raw
    return _RENDERERS[type(row)](account, row, fresh)


def short_customer(account: "Account", customer_id: int) -> Json:
    """Name a customer inside something else."""
    row = account.customers.rows.get(customer_id)
    if row is None:
        return {"id": customer_id, "name": "", "email": "", "code": None}
    return {"id": row.id, "name": row.name, "email": row.email, "code": row.code}


def _short_product(account: "Account", product_id: int) -> Json:
    row = account.products.rows[product_id]
    return {"id": row.id, "name": row.name, "code": row.code}


def _times(row: Row, fresh: bool) -> Json:
    return {
        "created_at": text_of(row.created_ms, fresh=fresh),
        "updated_at": text_of(row.updated_ms, fresh=fresh),
    }


def _bill(account: "Account", bill: Bill, fresh: bool) -> Json:
    charges = [account.charges.rows[i] for i in bill.charge_ids]
    return {
        "id": bill.id, "code": bill.code, "amount": money(bill.cents),
        "installments": bill.installments, "status": bill.status,
        "seen_at": text_of(bill.seen_ms), "billing_at": text_of(bill.billing_ms),
        "due_at": text_of(bill.due_ms),
        "url": f"https://sandbox-app.vindi.com.br/customer/bills/{bill.id}?token={bill.token}",
        **_times(bill, fresh),
        "bill_items": [_line(account, bill, line) for line in bill.lines],
        "charges": [_charge_body(account, charge, fresh) for charge in charges],
        "customer": short_customer(account, bill.customer_id),
        "period": _period_of(account, bill), "subscription": _subscription_of(account, bill),
        "metadata": bill.metadata, "payment_profile": None, "payment_condition": None,
    }  # fmt: skip


def _line(account: "Account", bill: Bill, line: Line) -> Json:
    product = _short_product(account, line.product_id)
    recurring = bill.subscription_id is not None
    priced = recurring and line.discount is None
    schema = _schema(account.products.rows[line.product_id], fresh=False) if priced else None
    return {
        "id": line.id, "amount": money(line.cents), "quantity": line.quantity,
        "pricing_range_id": None, "description": line.description,
        "pricing_schema": schema, "product": product,
        "product_item": {"id": line.id + 10_000_000, "product": product} if recurring else None,
        "discount": line.discount,
    }  # fmt: skip


def _period_of(account: "Account", bill: Bill) -> Json | None:
    if bill.period_id is None:
        return None
    period = account.periods.rows[bill.period_id]
    return {
        "id": period.id, "billing_at": text_of(period.start_ms), "cycle": period.cycle,
        "start_at": text_of(period.start_ms), "end_at": text_of(period.end_ms),
        "duration": (period.end_ms - period.start_ms) // 1000,
    }  # fmt: skip


def _subscription_of(account: "Account", bill: Bill) -> Json | None:
    if bill.subscription_id is None:
        return None
    return _short_subscription(account, account.subscriptions.rows[bill.subscription_id])


def _short_subscription(account: "Account", row: Subscription) -> Json:
    plan = account.plans.rows[row.plan_id]
    return {
        "id": row.id, "code": row.code, "plan": {"id": plan.id, "name": plan.name,
        "code": plan.code}, "customer": short_customer(account, row.customer_id),
    }  # fmt: skip


def _charge_body(account: "Account", charge: Charge, fresh: bool) -> Json:
    latest = charge.transaction_ids[-1] if charge.transaction_ids else None
    return {
        "id": charge.id, "amount": money(charge.cents), "status": charge.status,
        "due_at": text_of(charge.due_ms), "paid_at": text_of(charge.paid_ms),
        "installments": charge.installments, "attempt_count": charge.attempt_count,
        "next_attempt": text_of(charge.next_attempt_ms), "print_url": None,
        **_times(charge, fresh),
        "last_transaction":
            _transaction_body(account.transactions.rows[latest], fresh) if latest else None,
        "payment_method": method(charge.method),
    }  # fmt: skip


def _charge(account: "Account", charge: Charge, fresh: bool) -> Json:
    bill = account.bills.rows.get(charge.bill_id)
    return _charge_body(account, charge, fresh) | {
        "bill": {"id": charge.bill_id, "code": bill.code if bill else None},
        "customer": short_customer(account, charge.customer_id),
    }


def _transaction_body(row: Transaction, fresh: bool) -> Json:
    card = row.method == "credit_card"
    refund = row.kind == "refund"
    return {
        "id": row.id, "transaction_type": row.kind, "status": row.status,
        "amount": money(row.cents), "installments": None if refund or not card else 1,
        "gateway_message": row.message, "gateway_response_code": None,
        "gateway_authorization": "", "gateway_transaction_id": None,
        "gateway_response_fields": {"nsu": f"{row.id:06d}"} if card and not refund else None,
        "fraud_detector_score": None, "fraud_detector_status": None, "fraud_detector_id": None,
        "created_at": text_of(row.created_ms, fresh=fresh),
        "gateway": {"id": 1, "connector": "fake"} if card else None, "payment_profile": None,
    }  # fmt: skip


def _transaction(account: "Account", row: Transaction, fresh: bool) -> Json:
    return _transaction_body(row, fresh) | {
        "updated_at": text_of(row.updated_ms, fresh=fresh),
        "charge": {"id": row.charge_id},
        "customer": short_customer(account, row.customer_id),
        "payment_method": method(row.method),
    }


def _customer(_: "Account", row: Customer, fresh: bool) -> Json:
    return {
        "id": row.id, "name": row.name, "email": row.email, "registry_code": row.registry_code,
        "code": row.code, "notes": row.notes, "status": row.status, **_times(row, fresh),
        "metadata": row.metadata, "address": _NO_ADDRESS | row.address, "phones": row.phones,
    }  # fmt: skip


def _product(_: "Account", row: Product, fresh: bool) -> Json:
    return {
        "id": row.id, "name": row.name, "code": row.code, "unit": None, "status": row.status,
        "description": None, "invoice": row.invoice, **_times(row, fresh),
        "pricing_schema": _schema(row, fresh=fresh),
        "metadata": {},
    }  # fmt: skip


def _schema(row: Product, *, fresh: bool) -> Json:
    return {
        "id": row.id, "short_format": f"R$ {row.price_cents / 100:.2f}".replace(".", ","),
        "price": money(row.price_cents), "minimum_price": None, "schema_type": "flat",
        "pricing_ranges": [], "created_at": text_of(row.created_ms, fresh=fresh),
    }  # fmt: skip


def _plan(_: "Account", row: Plan, fresh: bool) -> Json:
    return {
        "id": row.id, "name": row.name, "interval": row.interval,
        "interval_count": row.interval_count, "billing_trigger_type": "beginning_of_period",
        "billing_trigger_day": 0, "billing_cycles": None, "code": row.code, "description": None,
        "status": row.status, "installments": 1, "invoice_split": False,
        "interval_name": "mensal", **_times(row, fresh), "plan_items": [], "metadata": {},
    }  # fmt: skip


def _subscription(account: "Account", row: Subscription, fresh: bool) -> Json:
    return _short_subscription(account, row) | {
        "status": row.status, "start_at": text_of(row.start_ms), "end_at": text_of(row.end_ms),
        "next_billing_at": None, "overdue_since": None,
        "cancel_at": text_of(row.end_ms, fresh=fresh), "interval": "months", "interval_count": 1,
        "billing_trigger_type": "beginning_of_period", "billing_trigger_day": 0,
        "billing_cycles": None, "installments": 1, **_times(row, fresh), "product_items": [],
        "payment_method": method("credit_card"), "current_period": None, "metadata": {},
        "payment_profile": None, "invoice_split": False,
    }  # fmt: skip


def _period(account: "Account", row: Period, fresh: bool) -> Json:
    parent = account.subscriptions.rows[row.subscription_id]
    return {
        "id": row.id, "billing_at": text_of(row.start_ms), "cycle": row.cycle,
        "start_at": text_of(row.start_ms), "end_at": text_of(row.end_ms),
        "duration": (row.end_ms - row.start_ms) // 1000,
        "customer": short_customer(account, parent.customer_id),
        "subscription": _short_subscription(account, parent), "usages": [],
        **_times(row, fresh),
    }  # fmt: skip


def _invoice(account: "Account", row: Invoice, fresh: bool) -> Json:
    bill = account.bills.rows[row.bill_id]
    return {
        "id": row.id, "amount": money(row.cents), "status": row.status,
        "integration_invoice_id": None, "integration_reference": None, "print_url": None,
        "description": None, "settings": None, "issued_at": None, "scheduled_at": None,
        **_times(row, fresh), "bill": {"id": bill.id, "code": bill.code},
        "customer": short_customer(account, row.customer_id),
    }  # fmt: skip


def _issue(account: "Account", row: Issue, fresh: bool) -> Json:
    return {
        "id": row.id, "issue_type": row.issue_type, "status": row.status, "item_type": "Charge",
        "item_id": row.item_id, "data": row.data, **_times(row, fresh),
        "customer": short_customer(account, row.customer_id),
    }  # fmt: skip


_RENDERERS: Final[dict[type[Row], Callable[["Account", Any, bool], Json]]] = {
    Bill: _bill, Charge: _charge, Transaction: _transaction, Customer: _customer,
    Product: _product, Plan: _plan, Subscription: _subscription, Period: _period,
    Invoice: _invoice, Issue: _issue,
}  # fmt: skip

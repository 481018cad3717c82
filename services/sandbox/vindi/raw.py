"""Bodies served exactly as given, however odd."""

from collections.abc import Callable
from typing import Any, Final

from services.sandbox.vindi.account import Account
from services.sandbox.vindi.records import Bill, Charge, Customer, Json, Row, Transaction
from services.sandbox.vindi.times import read_instant, read_money


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
    except (ValueError, OverflowError):
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

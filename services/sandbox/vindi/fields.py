"""The fields each list can be searched by (Vindi's API description, as far as modelled)."""

from operator import attrgetter
from typing import Final

from services.sandbox.vindi.query import Field, Kind


def _fields(**kinds: str) -> dict[str, Field]:
    """Read `name="kind"` or `name="kind attribute"`."""
    made = {}
    for name, text in kinds.items():
        word, _, attribute = text.partition(" ")
        kind: Kind = word  # type: ignore[assignment] # the table below holds only kinds
        made[name] = Field(kind, attrgetter(attribute or name))
    return made


_ROW: Final = {
    "id": "number",
    "created_at": "time created_ms",
    "updated_at": "time updated_ms",
}

FIELDS: Final[dict[str, dict[str, Field]]] = {
    "bills": _fields(
        **_ROW, code="text", installments="number", period_id="number",
        subscription_id="number", customer_id="number", amount="money cents", status="text",
        payment_method_id="number method_id", seen_at="time seen_ms", due_at="time due_ms",
        billing_at="time billing_ms",
    ),
    "charges": _fields(
        **_ROW, customer_id="number", bill_id="number", amount="money cents",
        payment_method_id="number method_id", due_at="time due_ms", paid_at="time paid_ms",
        installments="number", attempt_count="number", next_attempt="time next_attempt_ms",
        status="text",
    ),
    "transactions": _fields(
        **_ROW, customer_id="number", charge_id="number", transaction_type="text kind",
        amount="money cents", status="text", payment_method_id="number method_id",
    ),
    "customers": _fields(
        **_ROW, name="text", status="text", code="text", email="text", registry_code="text",
    ),
    "subscriptions": _fields(
        **_ROW, code="text", customer_id="number", plan_id="number", status="text",
        start_at="time start_ms", end_at="time end_ms",
    ),
    "periods": _fields(
        **_ROW, subscription_id="number", cycle="number", start_at="time start_ms",
        end_at="time end_ms",
    ),
    "products": _fields(**_ROW, name="text", code="text", status="text", invoice="text"),
    "plans": _fields(**_ROW, name="text", code="text", status="text", interval="text"),
    "invoices": _fields(**_ROW, status="text", bill_id="number", customer_id="number"),
    "issues": _fields(
        **_ROW, status="text", item_id="number", issue_type="text", customer_id="number"
    ),
}  # fmt: skip

HASHED: Final = {
    "bills": ("customer_id", "subscription_id"),
    "charges": ("bill_id", "customer_id"),
    "transactions": ("charge_id", "transaction_type"),
    "subscriptions": ("customer_id",),
    "periods": ("subscription_id",),
}
SINGULAR: Final = {kind: kind.removesuffix("s") for kind in FIELDS}

"""What a Vindi account holds. Instants are milliseconds (`_ms`), money is centavos."""

from dataclasses import dataclass, field
from typing import Any

from services.sandbox.vindi.methods import method as describe_method

Json = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Row:
    """What every listed thing has. `raw` replaces the rendering, to serve odd bodies."""

    id: int
    created_ms: int
    updated_ms: int
    raw: Json | None = None


@dataclass(slots=True, kw_only=True)
class Customer(Row):
    """A payer."""

    name: str
    email: str | None = None
    registry_code: str | None = None
    code: str | None = None
    notes: str | None = None
    status: str = "inactive"
    metadata: Json = field(default_factory=dict)
    address: Json = field(default_factory=dict)
    phones: list[Json] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Product(Row):
    """Something sold; `invoice` says when Vindi itself would want a nota."""

    name: str
    code: str | None = None
    invoice: str = "always"
    status: str = "active"
    price_cents: int = 0


@dataclass(slots=True, kw_only=True)
class Plan(Row):
    """A rhythm of billing."""

    name: str
    code: str | None = None
    status: str = "active"
    interval: str = "months"
    interval_count: int = 1


@dataclass(slots=True, kw_only=True)
class Subscription(Row):
    """A customer on a plan."""

    customer_id: int
    plan_id: int
    code: str | None = None
    status: str = "active"
    start_ms: int = 0
    end_ms: int | None = None
    cycles: int = 0


@dataclass(slots=True, kw_only=True)
class Period(Row):
    """One cycle of a subscription."""

    subscription_id: int
    cycle: int
    start_ms: int
    end_ms: int


@dataclass(slots=True, kw_only=True)
class Line:
    """A line of a bill; a discount is a line with a negative amount."""

    id: int
    product_id: int
    cents: int
    quantity: int | None = None
    description: str | None = None
    discount: Json | None = None


@dataclass(slots=True, kw_only=True)
class Transaction(Row):
    """An attempt at a gateway, or a refund."""

    charge_id: int
    customer_id: int
    kind: str
    status: str
    cents: int
    message: str | None = None
    method: str = "credit_card"

    @property
    def method_id(self) -> int:
        """The payment method's number, as it is searched by."""
        return int(describe_method(self.method)["id"])


@dataclass(slots=True, kw_only=True)
class Charge(Row):
    """One demand for payment of a bill."""

    bill_id: int
    customer_id: int
    cents: int
    method: str
    due_ms: int
    status: str = "pending"
    paid_ms: int | None = None
    installments: int = 1
    attempt_count: int = 0
    next_attempt_ms: int | None = None
    transaction_ids: list[int] = field(default_factory=list)

    @property
    def method_id(self) -> int:
        """The payment method's number, as it is searched by."""
        return int(describe_method(self.method)["id"])


@dataclass(slots=True, kw_only=True)
class Bill(Row):
    """What a customer owes or has paid."""

    customer_id: int
    cents: int
    method: str
    status: str = "pending"
    code: str | None = None
    installments: int = 1
    billing_ms: int | None = None
    due_ms: int | None = None
    seen_ms: int | None = None
    subscription_id: int | None = None
    period_id: int | None = None
    lines: list[Line] = field(default_factory=list)
    charge_ids: list[int] = field(default_factory=list)
    metadata: Json = field(default_factory=dict)
    token: str = ""

    @property
    def method_id(self) -> int:
        """The payment method's number, as it is searched by."""
        return int(describe_method(self.method)["id"])


@dataclass(slots=True, kw_only=True)
class Invoice(Row):
    """Vindi's own record of a nota fiscal."""

    bill_id: int
    customer_id: int
    cents: int
    status: str = "processing"


@dataclass(slots=True, kw_only=True)
class Issue(Row):
    """Something Vindi wants a person to look at."""

    customer_id: int
    item_id: int
    issue_type: str = "charge_underpay"
    status: str = "open"
    data: Json = field(default_factory=dict)

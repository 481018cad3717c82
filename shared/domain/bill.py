"""What Vindi knows: bills, their charges and refunds, customers."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec
from msgspec import Struct

from shared.domain.ids import BillId, ChargeId, CustomerId
from shared.domain.money import Cents


class BillStatus(StrEnum):
    """Vindi's words for the state of a bill (vindi-api, section 6.1)."""

    REVIEW = "review"
    SCHEDULED = "scheduled"
    PENDING = "pending"
    PAID = "paid"
    CANCELED = "canceled"


PAYING = frozenset({"charge", "capture"})  # vindi-api, section 6.4
LIVE_STATUSES = frozenset({BillStatus.PENDING, BillStatus.PAID})


class BillLine(Struct, frozen=True, kw_only=True):
    """One line of a bill: a product, or a discount on one (negative amount)."""

    id: int
    product_id: int | None
    product_code: str | None
    product_name: str
    amount: Cents  # the line's total, not its unit price
    quantity: float  # for people to read; 1 where Vindi tells none that is one
    description: str | None
    is_discount: bool = False  # Vindi itself says so


class Charge(Struct, frozen=True, kw_only=True, cache_hash=True):
    """One demand for payment of a bill."""

    id: ChargeId
    status: str  # Vindi's word; new ones are kept, never fatal
    amount: Cents
    paid_at: datetime | None  # midnight of the day of payment for boleto and manual payments
    updated_at: datetime | None
    payment_method_code: str | None
    transaction_at: datetime | None  # created_at of its last transaction, of any kind
    transaction_type: str | None
    transaction_status: str | None = None  # Vindi's word: `success`, `rejected`, ...

    @property
    def paid_by(self) -> datetime | None:
        """When its last transaction was made, if that one is the payment; else None."""
        return self.transaction_at if _is_payment(self) else None


def is_payment(kind: str | None, status: str | None) -> bool:
    """Say whether a transaction brought money: no attempt, registration, check or refund does."""
    return kind in PAYING and status == "success"


def _is_payment(charge: Charge) -> bool:
    return is_payment(charge.transaction_type, charge.transaction_status)


class Bill(Struct, frozen=True, kw_only=True):
    """What a tenant's customer owes, or has paid. All instants are UTC."""

    id: BillId
    code: str | None
    status: BillStatus
    amount: Cents  # falls to zero when the bill is canceled
    lines: tuple[BillLine, ...]
    charges: tuple[Charge, ...]
    customer_id: CustomerId
    customer_name: str
    customer_code: str | None
    cycle: int | None  # of the subscription's period, from 1; None for single bills
    plan_code: str | None
    installments: int
    billing_at: datetime | None
    due_at: datetime | None
    created_at: datetime
    updated_at: datetime  # whole seconds: Vindi's sub-seconds are not stable
    metadata: Mapping[str, object] = msgspec.field(default_factory=dict)
    plan_id: int | None = None
    plan_name: str | None = None

    @property
    def lines_total(self) -> Cents:
        """The sum of its lines, discounts included."""
        if len(self.lines) == 1:  # most bills, and asked several times of each
            return self.lines[0].amount
        return Cents(sum([line.amount for line in self.lines]))  # a list: twice as fast

    @property
    def paid_charges(self) -> tuple[Charge, ...]:
        """Charges that are paid, in Vindi's order."""
        return tuple(charge for charge in self.charges if charge.status == "paid")


class Refund(Struct, frozen=True, kw_only=True):
    """One successful refund transaction on a charge."""

    transaction_id: int
    charge_id: ChargeId
    amount: Cents  # positive: what was given back
    created_at: datetime


class Payment(Struct, frozen=True, kw_only=True):
    """The successful transaction that paid a charge, as Vindi lists it."""

    charge_id: ChargeId
    created_at: datetime
    updated_at: datetime | None  # moves with any touch


class Address(Struct, frozen=True, kw_only=True):
    """A postal address; any part may be missing."""

    street: str | None = None
    number: str | None = None
    complement: str | None = None
    district: str | None = None
    city: str | None = None
    state: str | None = None
    zip: str | None = None
    country: str | None = None
    city_code: str | None = None  # IBGE's, seven digits; found when a nota is drafted


class Customer(Struct, frozen=True, kw_only=True):
    """The buyer of a bill, as Vindi has it now (the tomador of the nota)."""

    id: CustomerId
    code: str | None
    name: str
    email: str | None
    document: str | None  # CPF or CNPJ without punctuation, upper case; None when absent
    phone: str | None  # the first of them
    address: Address
    updated_at: datetime | None
    phones: tuple[str, ...] = ()  # all of them, as they were typed
    metadata: Mapping[str, object] = msgspec.field(default_factory=dict)

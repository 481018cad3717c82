"""One Vindi account as Vindi keeps it: records in the shape of its answers, not yet as text.

Instants are aware datetimes and money is Decimal until they are rendered. Source: the working
reference of Vindi's API, sections 4, 6 and 7, and recorded traffic.
"""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

BRASILIA = ZoneInfo("America/Sao_Paulo")

Record = dict[str, Any]

METHODS = {
    "credit_card": ("Cartão de crédito", "PaymentMethod::CreditCard"),
    "debit_card": ("Cartão de débito", "PaymentMethod::DebitCard"),
    "online_bank_slip": ("Boleto", "PaymentMethod::OnlineBankSlip"),
    "pix": ("Pix", "PaymentMethod::Pix"),
    "cash": ("Dinheiro", "PaymentMethod::Cash"),
}


def now() -> datetime:
    return datetime.now(UTC)


def midnight(instant: datetime) -> datetime:
    """The start of the day in Brasília: how payments of boletos and by hand are dated."""
    return instant.astimezone(BRASILIA).replace(hour=0, minute=0, second=0, microsecond=0)


def last_second(instant: datetime) -> datetime:
    """How a day without an hour is given."""
    return midnight(instant) + timedelta(days=1, seconds=-1)


@dataclass(slots=True, kw_only=True)
class Readings:
    """What the papers leave open about Vindi; every test chooses its own."""

    zone: str = "brasilia"  # of instants inside `query`; "utc"
    page_most: int | None = 50  # what `per_page` is cut to; None for no cut
    or_ids: str = "honoured"  # "ignored", "refused": `id=1 OR id=2`
    unknown_filter: str = "refused"  # "ignored"
    ignored: tuple[str, ...] = ()  # fields whose filter is not applied
    totals: bool = True  # `Total`, `Per-Page` and `Link`
    pages: str = "real"  # "repeat": every page is the first
    missing: str = "wrapped"  # of a record that is not there: "bare", "html", "empty"
    full_refund: str = "canceled"  # what becomes of the charge: "canceled", "paid"
    refunded_bill: str = "paid"  # of a bill whose money was given back without cancelling it
    chargeback: str = "refund"  # how it shows: "refund" transaction, "canceled" charge
    reissued: str = "canceled"  # the charge in whose place another is made: "pending"
    numbers: bool = False  # money as a JSON number
    metadata: str = "{}"  # "[]": as a middleman re-encodes it
    blank: str = "null"  # a text without a value: "" sometimes
    milliseconds: bool = True  # fresh stamps carry them
    event_data: str = "full"  # "small": id and status alone; "old": as it was before; "none"
    limit: int = 6000  # requests a minute
    refuses: tuple[str, ...] = ()  # fields whose filter is answered 422
    sorts: bool = True  # whether `sort_by` and `sort_order` are listened to
    total_says: str = "rows"  # "more" than there are, "page": those of this page alone
    cancels_with_refund: bool = True  # `cancel_bill` beside a refund
    registers: str = ""  # of boletos, before they are paid: a "charge" or "register" transaction
    last: str = "newest"  # "null", "paying": what a charge shows of its transactions
    ids: str = "number"  # "text", "float": as a middleman or another serialiser has them
    merchant: str = "active"  # "trial", "little"
    cookies: bool = False
    rate_headers: bool = True


@dataclass(slots=True, kw_only=True)
class Account:
    """A merchant with its records; `news` is what webhooks would be sent about."""

    key: str
    name: str = "Loja de Fora Ltda"
    registry_code: str = "11222333000181"
    id: int = 0
    seed: int = 1
    readings: Readings = field(default_factory=Readings)
    customers: dict[int, Record] = field(default_factory=dict)
    products: dict[int, Record] = field(default_factory=dict)
    bills: dict[int, Record] = field(default_factory=dict)
    charges: dict[int, Record] = field(default_factory=dict)
    transactions: dict[int, Record] = field(default_factory=dict)
    invoices: dict[int, Record] = field(default_factory=dict)
    news: list[tuple[str, Record]] = field(default_factory=list)
    hidden: dict[int, float] = field(default_factory=dict)  # bill: 404 until then (monotonic)
    refused: set[str] = field(default_factory=set)  # kinds that the key may not read
    status: int = 0  # an answer to everything instead: 401, 402
    chance: random.Random = field(init=False)
    _ids: "count[int]" = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self._ids = count(self.seed * 1_000_000 + 1)
        self.id = self.id or self.seed

    def new_id(self) -> int:
        """Rising, but not without gaps."""
        for _ in range(self.chance.randrange(3)):
            next(self._ids)
        return next(self._ids)

    def add_customer(self, **changes: Any) -> Record:
        number = self.new_id()
        made: Record = {
            "id": number,
            "name": f"Cliente Número {number}",
            "email": f"cliente{number}@loja.example",
            "registry_code": a_cpf(number),
            "code": None,
            "notes": None,
            "status": "inactive",
            "created_at": now() - timedelta(days=40),
            "updated_at": now() - timedelta(days=40),
            "metadata": {},
            "address": {
                "street": "Rua das Amostras",
                "number": "100",
                "additional_details": None,
                "zipcode": "01001000",
                "neighborhood": "Centro",
                "city": "São Paulo",
                "state": "SP",
                "country": "BR",
            },
            "phones": [],
        }
        made.update(changes)
        self.customers[number] = made
        return made

    def add_product(self, name: str = "Plano Exemplo", code: Any = "EX-1") -> Record:
        number = self.new_id()
        stamp = now() - timedelta(days=60)
        made: Record = {
            "id": number,
            "name": name,
            "code": code,
            "unit": None,
            "status": "active",
            "description": "",
            "invoice": "always",
            "created_at": stamp,
            "updated_at": stamp,
            "pricing_schema": None,
            "metadata": {},
        }
        self.products[number] = made
        return made


def short(customer: Record) -> Record:
    return {name: customer[name] for name in ("id", "name", "email", "code")}


def a_cpf(number: int) -> str:
    """A CPF whose check digits are right (modulo 11, as Receita Federal states it)."""
    digits = [int(each) for each in f"{number % 10**9:09d}"]
    for _ in range(2):
        weight = len(digits) + 1
        left = sum(each * (weight - place) for place, each in enumerate(digits)) * 10 % 11 % 10
        digits.append(left)
    return "".join(map(str, digits))


def is_settled(charge: Record) -> bool:
    return bool(charge["status"] == "paid")


def lines_of(bill: Record) -> Decimal:
    """What the bill's lines come to: what a nota for it is worth."""
    return sum((line["amount"] for line in bill["bill_items"]), Decimal(0))

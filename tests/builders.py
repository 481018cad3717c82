"""Valid wholes for tests: a test names only what it is about."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from shared.db.outbox.outbox_store import LIVE, Entry
from shared.domain.bill import Address, Bill, BillLine, BillStatus, Charge, Customer
from shared.domain.ids import BillId, ChargeId, CustomerId, TenantId
from shared.domain.money import Cents
from shared.domain.nota import NotaStatus
from shared.domain.parts import WHOLE, Part, Share
from shared.domain.rule import Rule
from shared.domain.sale import SaleFacts, TenantTerms, Wish

SAO_PAULO = ZoneInfo("America/Sao_Paulo")
ACTIVE_FROM = datetime(2026, 10, 1, 12, tzinfo=UTC)
PAID_AT = datetime(2026, 11, 10, 15, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)
TENANT = TenantId("tabcdefghij")


def a_line(amount: int = 10_000, **changes: Any) -> BillLine:
    line = BillLine(
        id=1,
        product_id=7,
        product_code="PLANO",
        product_name="Plano Exemplo",
        amount=Cents(amount),
        quantity=1,
        description=None,
    )
    return replace(line, **changes)


def a_charge(**changes: Any) -> Charge:
    charge = Charge(
        id=ChargeId(50),
        status="paid",
        amount=Cents(10_000),
        paid_at=PAID_AT,
        updated_at=PAID_AT,
        payment_method_code="credit_card",
        transaction_at=PAID_AT,
        transaction_type="charge",
        transaction_status="success",
    )
    return replace(charge, **changes)


def a_bill(**changes: Any) -> Bill:
    bill = Bill(
        id=BillId(4711),
        code=None,
        status=BillStatus.PAID,
        amount=Cents(10_000),
        lines=(a_line(),),
        charges=(a_charge(),),
        customer_id=CustomerId(9),
        customer_name="Padaria Fictícia Ltda",
        customer_code="C-9",
        cycle=2,
        plan_code="MENSAL",
        installments=1,
        billing_at=None,
        due_at=None,
        created_at=datetime(2026, 11, 9, 15, tzinfo=UTC),
        updated_at=PAID_AT,
    )
    return replace(bill, **changes)


def an_open_bill(**changes: Any) -> Bill:
    charge = a_charge(status="pending", paid_at=None, transaction_at=None, transaction_type=None)
    return a_bill(**{"status": BillStatus.PENDING, "charges": (charge,), **changes})


def a_canceled_bill(**changes: Any) -> Bill:
    charge = a_charge(status="canceled", paid_at=None, transaction_at=None, transaction_type=None)
    values = {"status": BillStatus.CANCELED, "amount": Cents(0), "charges": (charge,)}
    return a_bill(**{**values, **changes})


def an_address(**changes: Any) -> Address:
    address = Address(
        street="Rua das Amostras",
        number="100",
        district="Centro",
        city="São Paulo",
        state="SP",
        zip="01001000",
        country="BR",
    )
    return replace(address, **changes)


def a_customer(**changes: Any) -> Customer:
    customer = Customer(
        id=CustomerId(9),
        code="C-9",
        name="Padaria Fictícia Ltda",
        email="financeiro@padaria.example",
        document="11222333000181",
        phone="5511900000000",
        address=an_address(),
        updated_at=None,
    )
    return replace(customer, **changes)


def a_nota(status: NotaStatus, *, amount: int = 10_000, **changes: Any) -> Part:
    """The nota of a whole bill, as a decision looks at it."""
    part = Part(share=Share(part=WHOLE, amount=Cents(amount)), status=status, revision=1)
    return replace(part, **changes)


def a_sale(
    bill: Bill | None = None,
    *,
    refunds: Mapping[ChargeId, Cents] | None = None,
    customer: Customer | None = None,
    no_customer: bool = False,
    nota: Part | None = None,
    wish: Wish | None = None,
    **changes: Any,
) -> SaleFacts:
    facts = SaleFacts(
        bill=bill or a_bill(),
        refunds=refunds or {},
        customer=None if no_customer else customer or a_customer(),
        came_alive_at=None,
        parts=(nota,) if nota else (),
        wish=wish,
        wish_at=NOW if wish else None,
        competencia=None,
        backfill=None,
    )
    return replace(facts, **changes)


def a_rule(**changes: Any) -> Rule:
    return Rule.model_validate({"issue_when": "bill_paid", **changes})


def terms(**changes: Any) -> TenantTerms:
    return replace(TenantTerms(zone=SAO_PAULO, active_from=ACTIVE_FROM, issuing=True), **changes)


def a_day(text: str) -> date:
    return date.fromisoformat(text)


def an_entry(bill: int, **changes: Any) -> Entry:
    """A sale leased for the first time, because of an event about its bill."""
    entry = Entry(
        tenant_id=TENANT,
        bill_id=BillId(bill),
        lane=LIVE,
        origin="webhook",
        due_at=NOW,
        generation=1,
        bill_facts=1,
        bill_facts_read=0,
        heard_at=NOW,
        attempt=1,
        tries=0,
    )
    return replace(entry, **changes)

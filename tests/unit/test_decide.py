from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared.domain.bill import BillStatus
from shared.domain.decide import decide
from shared.domain.decision import (
    Cancel,
    Decision,
    Follow,
    Hold,
    Issue,
    Keep,
    NeedsCustomer,
    NotYet,
    Skip,
    Wait,
)
from shared.domain.ids import ChargeId
from shared.domain.money import Cents
from shared.domain.nota import NotaStatus
from shared.domain.parts import Part, Share
from shared.domain.sale import SaleFacts
from tests.builders import (
    ACTIVE_FROM,
    NOW,
    a_bill,
    a_canceled_bill,
    a_charge,
    a_customer,
    a_day,
    a_line,
    a_nota,
    a_rule,
    a_sale,
    an_address,
    an_open_bill,
    terms,
)

CHARGE = ChargeId(50)
ALL = Cents(10_000)
SOME = Cents(2_500)


def nota(status: NotaStatus = NotaStatus.ISSUED, **changes: Any) -> Part:
    return a_nota(status, amount=ALL, **changes)


def decided(sale: SaleFacts, **rule: Any) -> Decision:
    return decide(sale, a_rule(**rule), terms(), NOW)


def word(decision: Decision) -> str:
    """A decision as an accountant would name it."""
    match decision:
        case Issue():
            return "issue"
        case Wait():
            return decision.status
        case Hold() | Skip() | Cancel():
            return f"{type(decision).__name__.lower()} {decision.code}"
        case Follow():
            return f"follow {decision.then_cancel or decision.attention or ''}".strip()
        case Keep():
            return f"keep {decision.attention or ''}".strip()
        case NotYet():
            return "not yet"
        case NeedsCustomer():
            return "needs customer"


# rule, bill and what else is known -> what becomes of the sale
SITUATIONS: list[tuple[str, dict[str, Any], SaleFacts, str]] = [
    ("a paid bill is issued", {}, a_sale(), "issue"),
    ("an open bill waits", {}, a_sale(an_open_bill()), "waiting_payment"),
    (
        "an open bill is issued when created",
        {"issue_when": "bill_created"},
        a_sale(an_open_bill()),
        "issue",
    ),
    (
        "a bill in review is not a sale",
        {"issue_when": "bill_created"},
        a_sale(a_bill(status=BillStatus.REVIEW, charges=())),
        "not yet",
    ),
    ("a scheduled bill is not one", {}, a_sale(a_bill(status=BillStatus.SCHEDULED)), "not yet"),
    ("a canceled bill is skipped", {}, a_sale(a_canceled_bill()), "skip bill_canceled"),
    (
        "a free month is skipped",
        {},
        a_sale(a_bill(amount=Cents(0), lines=(a_line(0),), charges=())),
        "skip zero_amount",
    ),
    ("never means never", {"issue_when": "never"}, a_sale(an_open_bill()), "skip rule_never"),
    ("manual waits for a person", {"issue_when": "manual"}, a_sale(), "hold rule_manual"),
    (
        "a person issues a manual one",
        {"issue_when": "manual"},
        a_sale(wish="issue"),
        "issue",
    ),
    ("a person holds", {}, a_sale(wish="hold"), "hold held_by_person"),
    (
        "a person holds, the bill dies",
        {},
        a_sale(a_canceled_bill(), wish="hold"),
        "skip bill_canceled",
    ),
    ("full refund before issuing", {}, a_sale(refunds={CHARGE: ALL}), "skip refunded"),
    (
        "what a person took back is asked about no more",
        {},
        a_sale(refunds={CHARGE: SOME}, wish="cancel"),
        "skip canceled_by_person",
    ),
    (
        "partial refund before issuing",
        {},
        a_sale(refunds={CHARGE: SOME}),
        "hold partially_refunded",
    ),
    (
        "refunded and back to pending",
        {},
        a_sale(an_open_bill(charges=(a_charge(status="canceled"),)), refunds={CHARGE: ALL}),
        "skip refunded",
    ),
    (
        "refunded and canceled with nothing sent",
        {},
        a_sale(a_canceled_bill(), refunds={CHARGE: ALL}),
        "skip bill_canceled",
    ),
    (
        "refunded, then paid again by another charge",
        {},
        a_sale(
            a_bill(charges=(a_charge(status="canceled"), a_charge(id=ChargeId(51)))),
            refunds={CHARGE: ALL},
        ),
        "issue",
    ),
    (
        "a paid bill whose only charge was undone",
        {},
        a_sale(a_bill(charges=(a_charge(status="canceled"),))),
        "hold payment_undone",
    ),
    (
        "lines and amount disagree",
        {},
        a_sale(a_bill(lines=(a_line(9_000),))),
        "hold amount_mismatch",
    ),
    (
        "a discount line is part of the sum",
        {},
        a_sale(a_bill(lines=(a_line(12_000), a_line(-2_000, id=2)))),
        "issue",
    ),
    (
        "no document",
        {},
        a_sale(customer=a_customer(document=None)),
        "hold customer_document_missing",
    ),
    (
        "no document, issued without",
        {"customer_document_missing": "issue_without"},
        a_sale(customer=a_customer(document=None)),
        "issue",
    ),
    (
        "a document with wrong digits",
        {"customer_document_missing": "issue_without"},
        a_sale(customer=a_customer(document="11222333000182")),
        "hold customer_document_invalid",
    ),
    (
        "a CNPJ with letters is good",
        {},
        a_sale(customer=a_customer(document="12ABC34501DE35")),
        "issue",
    ),
    (
        "no street",
        {},
        a_sale(customer=a_customer(address=an_address(street=None))),
        "hold customer_address_incomplete",
    ),
    (
        "no house number is fine",
        {},
        a_sale(customer=a_customer(address=an_address(number=None))),
        "issue",
    ),
    (
        "a person without street, issued without",
        {"customer_address_incomplete": "issue_without"},
        a_sale(customer=a_customer(document="12345678909", address=an_address(street=None))),
        "issue",
    ),
    ("the customer is read only when needed", {}, a_sale(no_customer=True), "needs customer"),
    (
        "the first exception that matches has the word",
        {
            "exceptions": [
                {"if": {"product_code": ["PLANO"]}, "issue_when": "never"},
                {"if": {"plan_code": ["MENSAL"]}, "issue_when": "manual"},
            ]
        },
        a_sale(),
        "skip rule_never",
    ),
    (
        "an exception for first charges lets renewals pass",
        {"exceptions": [{"if": {"cycle": "first"}, "issue_when": "never"}]},
        a_sale(),
        "issue",
    ),
    (
        "products that want different moments",
        {"exceptions": [{"if": {"product_code": ["EBOOK"]}, "issue_when": "never"}]},
        a_sale(
            a_bill(
                lines=(
                    a_line(5_000),
                    a_line(5_000, id=2, product_id=8, product_code="EBOOK"),
                )
            )
        ),
        "hold mixed_rules",
    ),
    ("an issued nota stands", {}, a_sale(nota=nota()), "keep"),
    (
        "fully refunded after issuing",
        {},
        a_sale(nota=nota(), refunds={CHARGE: ALL}),
        "cancel refunded",
    ),
    (
        "fully refunded, policy off",
        {"cancel_on_refund": False},
        a_sale(nota=nota(), refunds={CHARGE: ALL}),
        "keep refunded",
    ),
    (
        "partially refunded after issuing",
        {},
        a_sale(nota=nota(), refunds={CHARGE: SOME}),
        "keep partially_refunded",
    ),
    (
        "bill canceled after issuing",
        {},
        a_sale(a_canceled_bill(), nota=nota()),
        "cancel bill_canceled",
    ),
    (
        "refunded while being issued",
        {},
        a_sale(nota=nota(NotaStatus.PENDING), refunds={CHARGE: ALL}),
        "follow refunded",
    ),
    ("denied waits for a person", {}, a_sale(nota=nota(NotaStatus.DENIED)), "keep"),
    (
        "denied, then refunded",
        {},
        a_sale(nota=nota(NotaStatus.DENIED), refunds={CHARGE: ALL}),
        "skip refunded",
    ),
    (
        "denied, then partially refunded",
        {},
        a_sale(nota=nota(NotaStatus.DENIED), refunds={CHARGE: SOME}),
        "hold partially_refunded",
    ),
    (
        "the city refused to cancel",
        {},
        a_sale(nota=nota(NotaStatus.CANCEL_REFUSED), refunds={CHARGE: ALL}),
        "keep cancel_refused",
    ),
    ("a cancelled nota is final", {}, a_sale(nota=nota(NotaStatus.CANCELLED)), "keep"),
    (
        "a person wants a new one after it",
        {},
        a_sale(nota=nota(NotaStatus.CANCELLED), wish="issue"),
        "issue",
    ),
]


@pytest.mark.parametrize(
    ("rule", "sale", "expected"),
    [situation[1:] for situation in SITUATIONS],
    ids=[situation[0] for situation in SITUATIONS],
)
def test_every_situation_has_its_answer(
    rule: dict[str, Any], sale: SaleFacts, expected: str
) -> None:
    assert word(decided(sale, **rule)) == expected


def test_a_sale_without_a_rule_is_held() -> None:
    assert decide(a_sale(), None, terms(), NOW) == Hold(code="no_rule")


def test_a_guarantee_does_not_count_the_day_of_payment() -> None:
    paid_at = datetime(2026, 11, 15, 2, 59, tzinfo=UTC)  # still the 14th in São Paulo
    bill = a_bill(charges=(a_charge(paid_at=paid_at),))

    decision = decided(a_sale(bill), issue_when="guarantee_ended", guarantee_days=7)

    assert isinstance(decision, Wait)
    assert decision.status == "in_guarantee"
    assert decision.until == datetime(2026, 11, 22, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "paid_at", "days", "due"),
    [
        ("America/Sao_Paulo", "2026-11-01T12:00:00Z", 7, "2026-11-09T03:00:00Z"),
        ("America/Sao_Paulo", "2026-11-01T02:30:00Z", 7, "2026-11-08T03:00:00Z"),
        ("America/Sao_Paulo", "2028-02-22T12:00:00Z", 7, "2028-03-01T03:00:00Z"),
        ("America/Manaus", "2026-11-01T03:30:00Z", 7, "2026-11-08T04:00:00Z"),
        ("America/Noronha", "2026-11-01T02:30:00Z", 1, "2026-11-03T02:00:00Z"),
        ("America/Sao_Paulo", "2026-12-31T23:00:00Z", 1, "2027-01-02T03:00:00Z"),
    ],
)
def test_a_guarantee_ends_at_local_midnight(zone: str, paid_at: str, days: int, due: str) -> None:
    paid = datetime.fromisoformat(paid_at)
    bill = a_bill(charges=(a_charge(paid_at=paid),))

    decision = decide(
        a_sale(bill),
        a_rule(issue_when="guarantee_ended", guarantee_days=days),
        terms(zone=ZoneInfo(zone), active_from=paid),
        paid + timedelta(minutes=1),
    )

    assert isinstance(decision, Wait)
    assert decision.until == datetime.fromisoformat(due)


def test_a_sale_before_activation_is_left_alone() -> None:
    before = ACTIVE_FROM - timedelta(seconds=1)
    bill = a_bill(charges=(a_charge(paid_at=before, transaction_at=before, updated_at=before),))

    assert decided(a_sale(bill)) == Skip(code="before_activation")


def test_a_boleto_of_friday_known_on_monday_belongs_to_the_stream() -> None:
    bill = a_bill(
        charges=(a_charge(paid_at=ACTIVE_FROM - timedelta(days=3), transaction_at=ACTIVE_FROM),)
    )

    decision = decide(a_sale(bill), a_rule(), terms(), ACTIVE_FROM + timedelta(hours=1))

    assert word(decision) == "issue"


def test_a_bill_created_before_activation_stays_out_even_if_paid_later() -> None:
    bill = a_bill(created_at=ACTIVE_FROM - timedelta(days=1))

    assert decided(a_sale(bill), issue_when="bill_created") == Skip(code="before_activation")


def test_a_paused_tenant_issues_nothing() -> None:
    decision = decide(a_sale(), a_rule(), terms(issuing=False), NOW)

    assert word(decision) == "hold tenant_paused"


def test_a_denied_nota_is_sent_again_under_its_revision() -> None:
    sale = a_sale(
        nota=nota(NotaStatus.DENIED, revision=3, resend=True), competencia=a_day("2026-11-10")
    )

    decision = decided(sale)

    assert isinstance(decision, Issue)
    assert decision.revision == 3
    assert decision.competencia == a_day("2026-11-10")
    assert decision.issue_at is None  # when it was due stays as it was stored


def test_a_new_nota_after_a_cancelled_one_gets_a_new_revision() -> None:
    decision = decided(a_sale(nota=nota(NotaStatus.CANCELLED), wish="issue"))

    assert isinstance(decision, Issue)
    assert decision.revision == 2


@pytest.mark.parametrize(
    ("today", "keep_until_day", "then", "expected"),
    [
        ("2026-11-30", 5, "hold", "2026-11-10"),
        ("2026-12-05", 5, "hold", "2026-11-10"),
        ("2026-12-06", 5, "hold", "closed"),
        ("2026-12-06", 5, "today", "2026-12-06"),
        ("2027-01-01", 5, "hold", "closed"),
        ("2026-12-01", 0, "hold", "closed"),
    ],
)
def test_a_competencia_of_a_closed_month_is_held_or_moved_by_policy(
    today: str, keep_until_day: int, then: str, expected: str
) -> None:
    late = {"keep_until_day": keep_until_day, "then": then}
    now = datetime.fromisoformat(f"{today}T15:00:00Z")

    decision = decide(a_sale(), a_rule(late_competencia=late), terms(), now)

    if expected == "closed":
        assert word(decision) == "hold competencia_month_closed"
    else:
        assert isinstance(decision, Issue)
        assert str(decision.competencia) == expected


def test_it_is_too_late_for_the_city_only_where_it_is_for_every_nota() -> None:
    window = {"refunds": {"city_window": {"days_after_issue": 3}}}
    old, new = NOW - timedelta(days=10), NOW - timedelta(days=1)

    def part(number: int, issued_at: datetime) -> Part:
        share = Share(part=number, amount=Cents(5_000), lines=(number,))
        return nota(share=share, issued_at=issued_at)

    def asked(*parts: Part) -> str:
        return word(decided(a_sale(parts=parts, refunds={CHARGE: ALL}), **window))

    assert asked(part(1, old), part(2, new)) == "cancel refunded"
    assert asked(part(1, new), part(2, old)) == "cancel refunded"
    assert asked(part(1, old), part(2, old)) == "keep cancel_window_over"

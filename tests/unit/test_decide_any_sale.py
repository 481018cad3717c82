"""Whatever a sale looks like, it gets an answer, and no nota is issued wrongly."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.db.rows import rows_json
from shared.db.vindi.bills_store import ReadBill
from shared.domain.bill import BillStatus, Customer
from shared.domain.decide import decide, decide_with_customer
from shared.domain.decision import (
    Cancel,
    Issue,
    NeedsCustomer,
)
from shared.domain.draft import tomador_of
from shared.domain.nota import OWED_AGAIN, NotaStatus
from shared.domain.parts import Part
from shared.domain.sale import SaleFacts
from shared.vindi.errors import UnreadableBillError
from shared.vindi.payloads import read_bill
from tests.builders import (
    a_bill,
    a_charge,
    a_customer,
    a_day,
    a_line,
    a_nota,
    a_rule,
    a_sale,
    terms,
)

statuses = st.sampled_from(list(BillStatus))
charge_statuses = st.sampled_from(
    ["paid", "pending", "canceled", "processing", "fraud_review", "x"]
)
instants = st.integers(0, 730 * 86_400).map(
    lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
charges = st.builds(
    a_charge,
    id=st.integers(50, 53),
    status=charge_statuses,
    amount=st.integers(0, 20_000),
    paid_at=st.none() | instants,
    transaction_at=st.none() | instants,
    transaction_type=st.sampled_from([None, "charge", "refund"]),
)
bills = st.builds(
    a_bill,
    status=statuses,
    amount=st.integers(-100, 20_000),
    lines=st.lists(
        st.builds(
            a_line, st.integers(-5_000, 20_000), product_code=st.sampled_from([None, "A", "B"])
        ),
        max_size=3,
    ).map(tuple),
    charges=st.lists(charges, max_size=3).map(tuple),
    billing_at=st.none() | instants,
    cycle=st.none() | st.integers(1, 5),
)
choices = st.sampled_from(["cancel", "hold", "nothing"])
SENT = tomador_of(a_customer(document=None), a_rule(customer_document_missing="issue_without"))
rules = st.builds(
    a_rule,
    issue_when=st.sampled_from(["bill_created", "bill_paid", "guarantee_ended", "manual", "never"]),
    guarantee_days=st.integers(1, 365),
    exceptions=st.lists(
        st.fixed_dictionaries(
            {
                "if": st.fixed_dictionaries({"product_code": st.sampled_from([["A"], ["B"]])}),
                "issue_when": st.sampled_from(["bill_paid", "never", "guarantee_ended"]),
            }
        ),
        max_size=2,
        unique_by=lambda exception: exception["if"]["product_code"][0],
    ),
    refunds=st.fixed_dictionaries(
        dict.fromkeys(("full", "partial", "chargeback", "bill_canceled"), choices),
        optional={"city_window": st.sampled_from([{"days_after_issue": 0}, {"until_day": 0}])},
    ),
)


def given_up_or_not(nota: Part) -> st.SearchStrategy[Part]:
    """A nota may have been a test, or be proved not to be where it was asked for."""
    given_up = st.sampled_from(OWED_AGAIN).map(
        lambda why: replace(nota, status=None, resend=False, denied_with=None, owed_again=why)
    )
    return st.one_of(st.just(nota), given_up)


sales = st.builds(
    a_sale,
    bills,
    refunds=st.dictionaries(st.integers(50, 53), st.integers(1, 20_000), max_size=3),
    no_customer=st.booleans(),
    nota=st.none()
    | st.builds(
        a_nota,
        st.sampled_from(list(NotaStatus)),
        revision=st.integers(1, 3),
        amount=st.integers(1, 20_000),
        resend=st.booleans(),
        issued_at=st.none() | instants,
        competencia=st.none() | st.dates(a_day("2026-09-01"), a_day("2026-12-31")),
        denied_with=st.none() | st.just(SENT),
    ).flatmap(given_up_or_not),
    wish=st.sampled_from([None, "hold", "issue", "cancel"]),
    backfill=st.sampled_from([None, "original", "today"]),
)


@given(
    sale=sales,
    rule=rules,
    now=instants,
    issuing=st.booleans(),
    locked=st.frozensets(st.tuples(st.just(2026), st.integers(9, 12)), max_size=4),
)
def test_every_sale_has_an_answer_and_none_is_issued_wrongly(
    sale: SaleFacts, rule: Any, now: datetime, issuing: bool, locked: frozenset[tuple[int, int]]
) -> None:
    decision = decide(sale, rule, terms(issuing=issuing, locked_months=locked), now)

    if isinstance(decision, Issue):
        live = any(one.status not in (None, NotaStatus.CANCELLED) for one in sale.parts)
        again = any(one.resend or one.denied_with is not None for one in sale.parts)
        assert not live or again
        assert issuing
        guaranteed = rule.issue_when == "guarantee_ended" and not rule.exceptions
        given_up = [one.revision for one in sale.parts if one.owed_again]
        assert (decision.issue_at is None) == (live or bool(given_up))
        assert not given_up or decision.revision == given_up[0] + 1
        early = decision.issue_at is not None and decision.issue_at > now
        assert not guaranteed or not early or sale.wish == "issue"
        assert (decision.competencia.year, decision.competencia.month) not in locked
        assert sale.bill.status in (BillStatus.PENDING, BillStatus.PAID)
        assert decision.draft.amount == sale.bill.lines_total
    if isinstance(decision, Cancel):
        assert sale.parts
        assert issuing
        wanted = {rule.refunds.full, rule.refunds.partial, rule.refunds.chargeback}
        assert sale.wish == "cancel" or "cancel" in wanted | {rule.refunds.bill_canceled}


@given(
    sale=sales,
    customer=st.sampled_from([a_customer(), a_customer(document=None), a_customer(name=" ")]),
    rule=rules,
    now=instants,
    issuing=st.booleans(),
)
def test_the_customer_is_asked_for_only_where_it_matters_and_nothing_else_is_decided_twice(
    sale: SaleFacts, customer: Customer, rule: Any, now: datetime, issuing: bool
) -> None:
    agreed = terms(issuing=issuing)
    unnamed, named = replace(sale, customer=None), replace(sale, customer=customer)

    before = decide(unnamed, rule, agreed, now)

    anew = decide(named, rule, agreed, now)
    if isinstance(before, NeedsCustomer):
        assert decide_with_customer(named, before, rule, agreed, now) == anew
        assert not isinstance(anew, NeedsCustomer)
    else:
        assert before == anew


# What Vindi may send at the very edges of what its readers let through, and beyond.
ODD_TIMES = [
    "0001-01-01T00:00:00.000+03:00", "1999-12-31T23:59:59.000Z", "2000-01-01T00:00:00.000Z",
    "2026-11-03T00:00:00.000-03:00", "2100-12-31T23:59:59.999-03:00", "2100-12-31T20:59:59.000Z",
    "9999-12-31T23:59:59.000-03:00", None, "",
]  # fmt: skip
times = st.sampled_from(ODD_TIMES)
money = st.sampled_from(
    ["0.0", "0.01", "-0.01", "179.9", "100000000000.0", "-100000000000.0", "1e15"]
)
numbers = st.sampled_from([1, 4711, "4711", 2**63 - 1, 2**63, 0, -1, 7.0])
charge_bodies = st.fixed_dictionaries(
    {
        "id": numbers,
        "amount": money,
        "status": st.sampled_from(["paid", "canceled", "new"]),
        "paid_at": times,
        "updated_at": times,
        "payment_method": st.sampled_from([None, {"code": "pix"}, {"code": "bank_slip"}]),
        "last_transaction": st.none()
        | st.fixed_dictionaries(
            {"created_at": times, "transaction_type": st.sampled_from(["charge", "refund"])}
        ),
    }
)
line_bodies = st.fixed_dictionaries(
    {
        "id": numbers,
        "amount": money,
        "quantity": st.sampled_from([None, 0, 1, 2**31 - 1]),
        "product": st.fixed_dictionaries(
            {"name": st.sampled_from(["", "Plano", "x" * 5000]), "code": st.sampled_from(["A", 7])}
        ),
    }
)
bill_bodies = st.fixed_dictionaries(
    {
        "id": numbers,
        "amount": money,
        "status": st.sampled_from([status.value for status in BillStatus]),
        "customer": st.fixed_dictionaries({"id": numbers}),
        "bill_items": st.lists(line_bodies, max_size=3)
        | line_bodies.map(lambda line: [line] * 2000),
        "charges": st.lists(charge_bodies, max_size=3),
        "billing_at": times,
        "created_at": times,
        "updated_at": times,
        "period": st.fixed_dictionaries({"cycle": st.sampled_from([None, 0, 2**31 - 1])}),
    }
)


@given(body=bill_bodies, rule=rules, now=instants, sale=sales, locked=st.booleans())
def test_whatever_a_reader_lets_through_is_decided_and_can_be_written(
    body: dict[str, Any], rule: Any, now: datetime, sale: SaleFacts, locked: bool
) -> None:
    try:
        bill = read_bill(body)
    except UnreadableBillError:
        return
    months = frozenset({(2026, 11)}) if locked else frozenset()
    facts = replace(sale, bill=bill, refunds={c.id: c.amount for c in bill.charges})

    decision = decide(facts, rule, terms(issuing=True, locked_months=months), now)

    if isinstance(decision, Issue):
        assert 0 < decision.draft.amount < 2**63
        assert 1900 < decision.competencia.year < 2200
    assert abs(bill.lines_total) < 2**63
    rows_json([ReadBill(bill=bill, body=b"", read_at=now).bill])

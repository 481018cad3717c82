"""Sales of one nota or several, in every state: none is sent twice, or left where nobody looks."""

import random
from datetime import date, timedelta
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from services.emitter.planning import answers
from services.emitter.planning.answers import Answer, Shown
from services.emitter.planning.decided import Undecided, decided
from services.emitter.planning.follow import follow
from services.emitter.planning.rows import Terms
from services.emitter.planning.sale_after import Answered, sale_after, sale_after_any
from services.emitter.work import Act, Ask, FreshSale, Known, Plan, Rest, Send, settle
from shared.crypto.columns import RowKey, SealedColumn
from shared.db.sales.notas_store import DIVIDED_ANEW, KnownNota
from shared.db.sales.sale_notas import SaleNotas, gathered
from shared.db.sales.sales_store import KnownSale
from shared.domain.bill import Bill, BillStatus
from shared.domain.ids import ChargeId, CustomerId, ExternalId, IssuerNotaId
from shared.domain.money import Cents
from shared.domain.nota import NotaStatus
from shared.domain.part_states import DOUBT, unwanted
from shared.domain.parts import WHOLE, Share
from shared.domain.rule import Rule
from shared.domain.sale import SaleStatus, Wish
from tests.builders import (
    NOW,
    TENANT,
    a_bill,
    a_charge,
    a_customer,
    a_line,
    a_rule,
    an_entry,
    terms,
)
from tests.support.notas import after, as_written

RULE = a_rule(services_by_product_code={"P2": {"lc116": "1.09"}, "P3": {"lc116": "8.02"}})
ENTRY = an_entry(4711)


def a_nota(part: int, status: NotaStatus, revision: int, then_cancel: str | None) -> KnownNota:
    return KnownNota(
        bill_id=ENTRY.bill_id,
        part=part,
        revision=revision,
        external_id=ExternalId(f"p-{TENANT}-4711x{part}-{revision}"),
        issuer_id=None,
        status=status,
        amount=Cents(5_000),
        competencia=date(2026, 11, 10),
        lookups=0,
        look_up_at=None,
        resend=False,
        then_cancel=then_cancel,
        denial="denied_address" if status is NotaStatus.DENIED else None,
        changed_at=None,
        sent_at=NOW,
        cancel_sent_at=NOW,
        sends=1,
        auto_sends=0,
        resend_at=None,
    )


@st.composite
def some_notas(draw: st.DrawFn) -> SaleNotas:
    """The notas of a sale, one for the whole or several; at least one was asked for."""
    count = draw(st.integers(1, 3))
    numbers = [WHOLE] if count == 1 else list(range(1, count + 1))
    found = [
        draw(
            st.none()
            | st.builds(
                a_nota,
                st.just(part),
                st.sampled_from(NotaStatus),
                st.integers(1, 2),
                st.sampled_from([None, None, "refunded"]),
            )
        )
        for part in numbers
    ]
    notas = [nota for nota in found if nota] or [a_nota(numbers[0], NotaStatus.ISSUED, 1, None)]
    shares = [Share(part=n, amount=Cents(5_000), lines=(n,)) for n in numbers if n]
    return gathered(notas, shares)


def a_divided_bill(parts: int, status: BillStatus) -> Bill:
    lines = tuple(
        a_line(5_000, id=n, product_id=n, product_code=f"P{n}") for n in range(1, parts + 1)
    )
    total = Cents(5_000 * parts)
    amount = Cents(0) if status is BillStatus.CANCELED else total
    charge = a_charge(id=ChargeId(50), amount=total)
    return a_bill(status=status, amount=amount, lines=lines, charges=(charge,))


def a_known_sale(wish: Wish | None) -> KnownSale:
    return KnownSale(
        bill_id=ENTRY.bill_id,
        status=SaleStatus.ISSUING,
        code=None,
        detail="",
        attention=None,
        amount=Cents(10_000),
        moment_at=NOW,
        issue_at=NOW,
        competencia=date(2026, 11, 10),
        rule_version=1,
        origin="webhook",
        wish=wish,
        wish_at=NOW if wish else None,
        backfill=None,
        customer_id=CustomerId(9),
    )


@st.composite
def some_sales(draw: st.DrawFn) -> FreshSale:
    """A sale with notas, and whatever may have happened to its bill."""
    notas = draw(some_notas())
    bill = a_divided_bill(len(notas.shares), draw(st.sampled_from([*BillStatus, BillStatus.PAID])))
    given_back = draw(st.sampled_from([0, 0, 100, 5_000 * len(notas.shares)]))
    wishes: list[Wish | None] = [None, None, "hold", "issue", "cancel"]
    return FreshSale(
        entry=ENTRY,
        known=Known(sale=a_known_sale(draw(st.sampled_from(wishes))), notas=notas),
        bill=bill,
        body=b"",
        refunds={ChargeId(50): Cents(given_back)} if given_back else {},
        came_alive_at=None,
        read_at=NOW,
        customer=draw(st.sampled_from([None, a_customer()])),
    )


def _seal(column: SealedColumn, value: bytes, *key: RowKey) -> bytes:
    return column.row(key).encode() + value


def _word(document: str) -> bytes:
    return document.encode()


def plan_of(sale: FreshSale, rule: Rule | None, *, issuing: bool, trouble: str | None) -> Plan:
    shared = Terms(
        tenant=TENANT,
        rule=rule,
        rule_version=1,
        environment="Producao",
        issuer_trouble=trouble,
        seal=_seal,
        document_word=_word,
    )
    plan = decided(sale, terms(issuing=issuing), shared, NOW)
    return follow(ENTRY, sale.known.notas, NOW) if isinstance(plan, Undecided) else plan


_RULES = st.sampled_from([RULE, RULE.model_copy(update={"cancel_on_refund": False}), None])


@given(some_sales(), _RULES, st.booleans(), st.sampled_from([None, None, "issuer_key_refused"]))
def test_a_sale_with_notas_always_has_a_next_step_and_sends_nothing_twice(
    sale: FreshSale, rule: Rule | None, issuing: bool, trouble: str | None
) -> None:
    plan = plan_of(sale, rule, issuing=issuing, trouble=trouble)
    notas = sale.known.notas

    match plan:
        case Act(action=Send(intent=intent)):
            assert issuing
            before = notas.newest.get(intent.part)
            dead = (NotaStatus.DENIED, NotaStatus.CANCELLED)
            assert before is None or before.status in dead
            if before is not None and before.status is NotaStatus.CANCELLED:
                assert intent.revision > before.revision
            assert not any(one.status in DOUBT for one in notas.under_way)
        case Act(action=Ask(steps=steps)):
            assert len({step.part for step in steps}) == len(steps)
            if any(step.cancel for step in steps):
                assert issuing
        case Rest(settlement=settlement):
            if notas.under_way:  # somebody has to look after it
                assert settlement.due_at is not None


def an_answer(kind: str, nota: KnownNota) -> Answer:
    waits = (timedelta(seconds=10),)
    soon = NOW + timedelta(minutes=5)
    match kind:
        case "accepted":
            return answers.accepted(nota, IssuerNotaId("n1"))
        case "lost":
            return answers.answer_lost(nota, "timeout", NOW)
        case "busy":
            return answers.busy(nota, soon, waits)
        case "not sent":
            return answers.not_sent(nota, soon)
        case "blocked":
            return answers.blocked(nota, "issuer_key_refused")
        case _:
            return answers.ask_later(nota, soon)


def answered(notas: SaleNotas, *those: Answer) -> Answered:
    return Answered(entry=ENTRY, notas=notas, answers=those, bill_read=True, now=NOW)


@given(some_notas(), st.sampled_from(["accepted", "lost", "busy", "not sent", "blocked", "later"]))
def test_after_any_answer_what_is_under_way_is_looked_at_again(notas: SaleNotas, kind: str) -> None:
    sending = a_nota(notas.shares[-1].part, NotaStatus.SENDING, 2, None)
    answer = an_answer(kind, sending)
    before = notas.once([sending])

    now_are = after(before, answer)
    told = sale_after(answered(before, answer), now_are)

    parts = now_are.parts(NOW)
    assert told.settlement is not None
    if now_are.under_way:
        assert told.settlement.due_at is not None
    left = kind in ("accepted", "lost", "later")
    if left and any(one.owed for one in parts) and not unwanted(parts):
        assert told.settlement.due_at is not None
    if told.progress is not None and any(one.owed for one in parts):
        assert not told.progress.nota_made


_UNUSUAL: Final = (
    *(("answer", one) for one in ({"attention": "refunded"}, {"due_at": NOW}, {"what": None})),
    ("answer", {"shows": Shown(status=SaleStatus.SKIPPED)}),
    *(("answer", {name: True}) for name in ("failed", "read_again", "nota_read", "tells")),
    *(("nota", one) for one in ({"then_cancel": "refunded"}, {"raw_status": DIVIDED_ANEW})),
    *(("nota", {"wish": wish}) for wish in ("issue", "cancel")),
    *(("nota", one) for one in ({"substitutes": 1}, {"news_at": NOW})),
    *(("sale", one) for one in ({"more": True}, {"bill_read": False})),
    ("sale", {"rests": settle(ENTRY, due_at=None)}),
)


@settings(max_examples=400)
@given(
    st.just(gathered([a_nota(WHOLE, NotaStatus.DENIED, 1, None)], [])) | some_notas(),
    st.sampled_from(["accepted", "accepted", "accepted", "lost", "busy", "later"]),
    st.lists(st.sampled_from(_UNUSUAL), max_size=2),
)
def test_the_usual_answer_makes_of_a_sale_what_any_answer_would(
    notas: SaleNotas, kind: str, unusual: list[tuple[str, dict[str, Any]]]
) -> None:
    said: dict[str, dict[str, Any]] = {"answer": {}, "nota": {}, "sale": {}}
    for where, fields in unusual:
        said[where] |= fields
    stored = said["nota"]
    sending = replace(a_nota(notas.shares[-1].part, NotaStatus.SENDING, 2, None), **stored)
    before = notas.once([sending])
    answer = replace(an_answer(kind, sending), **said["answer"])
    entry = replace(ENTRY, bill_facts=2, bill_facts_read=1)
    done = replace(answered(before, answer), entry=entry, **said["sale"])
    now_are = after(before, answer)

    random.seed(7)
    told = sale_after(done, now_are)
    random.seed(7)
    assert told == sale_after_any(done, now_are)


@pytest.mark.parametrize(
    ("kind", "told"), [("not sent", "substitution_waits"), ("blocked", "issuer_key_refused")]
)
def test_a_substitute_that_did_not_leave_is_no_sale_in_the_queue(kind: str, told: str) -> None:
    valid = replace(a_nota(WHOLE, NotaStatus.ISSUED, 1, None), wish="substitute")
    sending = replace(a_nota(WHOLE, NotaStatus.SENDING, 2, None), substitutes=1)
    notas = gathered([valid], [])
    answer = an_answer(kind, sending)

    after_it = sale_after(answered(notas.once([sending]), answer), notas)

    assert after_it.progress is not None
    shown = after_it.progress
    assert (shown.status, shown.code, shown.attention) == (SaleStatus.ISSUED, None, told)


def test_the_first_part_of_a_bill_goes_with_its_division() -> None:
    fresh = FreshSale(
        entry=ENTRY,
        known=Known(),
        bill=a_divided_bill(2, BillStatus.PAID),
        body=b"",
        refunds={},
        came_alive_at=None,
        read_at=NOW,
        customer=a_customer(),
    )
    plan = plan_of(fresh, RULE, issuing=True, trouble=None)

    assert isinstance(plan, Act)
    assert isinstance(plan.action, Send)
    assert plan.notas.shares == plan.action.division
    written = as_written(plan, NOW)
    assert [one.status for one in written.parts(NOW)] == [NotaStatus.SENDING, None]


def test_a_nota_that_cannot_be_asked_about_now_waits_as_long_as_it_is_told() -> None:
    in_doubt = [
        replace(a_nota(part, NotaStatus.UNCERTAIN, 1, None), look_up_at=NOW - timedelta(seconds=1))
        for part in (1, 2)
    ]
    notas = gathered(in_doubt, [Share(part=n, amount=Cents(5_000), lines=(n,)) for n in (1, 2)])
    waits = (timedelta(minutes=2), timedelta(seconds=10))
    those = [answers.ask_later(one, NOW + wait) for one, wait in zip(in_doubt, waits, strict=True)]

    told = sale_after(answered(notas, *those), notas)

    assert told.settlement is not None
    assert told.settlement.due_at == NOW + min(waits)

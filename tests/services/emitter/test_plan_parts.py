"""Divided sales in every state: no part is sent twice, none is left where nobody looks."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.emitter.acting.walk import Walk
from services.emitter.planning import answers
from services.emitter.planning.fold import answered, fold, sent_parts
from services.emitter.planning.plan import plan_sale
from services.emitter.planning.rows import Terms
from services.emitter.work import (
    CancelNota,
    FollowUp,
    FreshSale,
    Known,
    KnownPart,
    Plan,
    Send,
    Steps,
    states_of,
)
from shared.db.sales.notas_store import KnownNota, liveliest
from shared.db.sales.sales_store import KnownSale
from shared.domain.bill import Bill, BillStatus
from shared.domain.decide import decide
from shared.domain.decision import NeedsCustomer
from shared.domain.ids import ChargeId, CustomerId, ExternalId, IssuerNotaId
from shared.domain.money import Cents
from shared.domain.nota import NotaStatus
from shared.domain.part_states import DOUBT, FOLLOWED, unwanted
from shared.domain.parts import Share
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
        request=b"",
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
def some_parts(draw: st.DrawFn) -> tuple[KnownPart, ...]:
    """Two or three parts, at least one of them asked for."""
    count = draw(st.integers(2, 3))
    notas = [
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
        for part in range(1, count + 1)
    ]
    if not any(notas):
        notas[0] = a_nota(1, NotaStatus.ISSUED, 1, None)
    return tuple(
        KnownPart(share=Share(part=n, amount=Cents(5_000), lines=(n,)), nota=nota)
        for n, nota in enumerate(notas, start=1)
    )


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
    """A divided sale with whatever may have happened to its bill."""
    parts = draw(some_parts())
    bill = a_divided_bill(len(parts), draw(st.sampled_from([*BillStatus, BillStatus.PAID])))
    given_back = draw(st.sampled_from([0, 0, 100, 5_000 * len(parts)]))
    notas = [part.nota for part in parts if part.nota is not None]
    return FreshSale(
        entry=ENTRY,
        known=Known(
            sale=a_known_sale(draw(st.sampled_from([None, None, "hold", "issue", "cancel"]))),
            nota=liveliest(notas),
            parts=parts,
        ),
        bill=bill,
        body=b"",
        refunds={ChargeId(50): Cents(given_back)} if given_back else {},
        came_alive_at=None,
        read_at=NOW,
        customer=draw(st.sampled_from([None, a_customer()])),
    )


def _seal(value: bytes, purpose: str) -> bytes:
    return purpose.encode() + value


def _word(document: str) -> bytes:
    return document.encode()


def plan_of(sale: FreshSale, rule: Rule | None, *, issuing: bool, trouble: str | None) -> Plan:
    decision = decide(sale.facts(NOW), rule, terms(issuing=issuing), NOW)
    if isinstance(decision, NeedsCustomer):
        return Plan(entry=ENTRY, action=FollowUp(nota=a_nota(1, NotaStatus.PENDING, 1, None)))
    shared = Terms(
        tenant=TENANT,
        rule=rule,
        rule_version=1,
        environment="Producao",
        issuer_trouble=trouble,
        seal=_seal,
        document_word=_word,
    )
    return plan_sale(sale, decision, shared, NOW)


_RULES = st.sampled_from([RULE, RULE.model_copy(update={"cancel_on_refund": False}), None])


@given(some_sales(), _RULES, st.booleans(), st.sampled_from([None, None, "issuer_key_refused"]))
def test_a_divided_sale_always_has_a_next_step_and_sends_nothing_twice(
    sale: FreshSale, rule: Rule | None, issuing: bool, trouble: str | None
) -> None:
    plan = plan_of(sale, rule, issuing=issuing, trouble=trouble)
    notas = {part.share.part: part.nota for part in sale.known.parts}
    moving = [one for one in notas.values() if one is not None and one.status in FOLLOWED]

    match plan.action:
        case Send(intent=intent):
            assert issuing
            before = notas.get(intent.part)
            dead = (NotaStatus.DENIED, NotaStatus.CANCELLED)
            assert before is None or before.status in dead
            if before is not None and before.status is NotaStatus.CANCELLED:
                assert intent.revision > before.revision
            assert not any(one.status in DOUBT for one in moving)
        case Steps(steps=steps):
            assert steps
            assert len({step.nota.part for step in steps}) == len(steps)
            if any(isinstance(step, CancelNota) for step in steps):
                assert issuing
        case FollowUp() | CancelNota():
            pass
        case None:
            assert plan.settlement is not None
            if moving:  # somebody has to look after what is under way
                assert plan.settlement.due_at is not None


def _sent(part: int, status: NotaStatus) -> answers.Sent:
    return answers.Sent(
        entry=ENTRY,
        part=part,
        revision=1,
        status=status,
        since=NOW,
        competencia=date(2026, 11, 10),
    )


def an_answer(kind: str, sent: answers.Sent) -> Plan:
    waits = (timedelta(seconds=10),)
    soon = NOW + timedelta(minutes=5)
    match kind:
        case "accepted":
            return answers.accepted(sent, IssuerNotaId("n1"), NOW)
        case "lost":
            return answers.answer_lost(sent, "timeout", NOW)
        case "busy":
            return answers.busy(sent, soon, waits)
        case "not sent":
            return answers.not_sent(sent, soon)
        case "blocked":
            return answers.blocked(sent, "issuer_key_refused")
        case _:
            return answers.ask_later(sent, NOW)


@given(some_parts(), st.sampled_from(["accepted", "lost", "busy", "not sent", "blocked", "later"]))
def test_after_any_answer_what_is_under_way_is_looked_at_again(
    parts: tuple[KnownPart, ...], kind: str
) -> None:
    part = parts[-1].share.part
    sale = Plan(entry=ENTRY, parts=parts)
    sending = a_nota(part, NotaStatus.SENDING, 2, None)
    before = tuple(
        KnownPart(share=one.share, nota=sending if one.share.part == part else one.nota)
        for one in sale.parts
    )
    answer = an_answer(kind, _sent(part, NotaStatus.SENDING))

    told = fold(answer, before, NOW, sent=True)

    after = states_of(answered(before, answer), NOW)
    assert told.settlement is not None
    if any(one.status in FOLLOWED for one in after):
        assert told.settlement.due_at is not None
    left = kind in ("accepted", "lost", "later")
    if left and any(one.owed for one in after) and not unwanted(after):
        assert told.settlement.due_at is not None
    if told.progress is not None and any(one.owed for one in after):
        assert not told.progress.nota_made


def test_the_intent_of_a_part_is_among_its_parts_before_the_answer() -> None:
    parts = (
        KnownPart(share=Share(part=1, amount=Cents(5_000), lines=(1,))),
        KnownPart(share=Share(part=2, amount=Cents(5_000), lines=(2,))),
    )
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

    assert isinstance(plan.action, Send)
    assert [one.nota for one in plan.parts] == [None, None]
    first, second = sent_parts(parts, plan.action, NOW)
    assert first.nota is not None
    assert (first.nota.status, second.nota) == (NotaStatus.SENDING, None)
    assert plan.division == tuple(part.share for part in parts)


def test_a_part_that_cannot_be_asked_about_now_waits_as_long_as_it_is_told() -> None:
    in_doubt = tuple(
        KnownPart(
            share=Share(part=part, amount=Cents(5_000), lines=(part,)),
            nota=replace(
                a_nota(part, NotaStatus.UNCERTAIN, 1, None), look_up_at=NOW - timedelta(seconds=1)
            ),
        )
        for part in (1, 2)
    )
    walk = Walk(parts=in_doubt, now=NOW)
    waits = (timedelta(minutes=2), timedelta(seconds=10))

    for wait, one in zip(waits, in_doubt, strict=True):
        assert one.nota is not None
        sent = _sent(one.share.part, NotaStatus.UNCERTAIN)
        told = walk.take(answers.ask_later(sent, NOW, due_at=NOW + wait), FollowUp(nota=one.nota))

    assert told.settlement is not None
    assert told.settlement.due_at == NOW + min(waits)

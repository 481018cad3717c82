"""The rule as a pure function: what becomes of a sale, given all that is known (design D6)."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from shared.domain import spoken
from shared.domain.actions import LACKS
from shared.domain.amounts import amounts, settled
from shared.domain.attention import attention_after_cancel
from shared.domain.bill import BillStatus
from shared.domain.choose_rule import IssueMoment, choose_moment
from shared.domain.competencia import MONTH_CLOSED, choose_competencia
from shared.domain.decide_asked import decide_asked
from shared.domain.decision import (
    Decision,
    Due,
    Hold,
    Issue,
    Keep,
    NeedsCustomer,
    NotYet,
    Skip,
    Wait,
)
from shared.domain.ids import ChargeId
from shared.domain.moment import (
    Moment,
    dated_at_vindi,
    guarantee_end,
    is_paid_at,
    moment_created,
    moment_paid,
    moment_undone,
)
from shared.domain.nota import ISSUED_AS_TEST
from shared.domain.part_states import is_over, was_asked
from shared.domain.rule import Rule
from shared.domain.sale import SaleFacts, TenantTerms
from shared.domain.sending import (
    attention_to_payment,
    drafted,
    is_free,
    moment_for,
    send_next,
)
from shared.domain.shadow import shadow_terms, shadowed, stopped_code
from shared.domain.stream import ONE_WRITE, ActivationSide, doubtful, side_of
from shared.domain.undone import undone


def decide(sale: SaleFacts, rule: Rule | None, terms: TenantTerms, now: datetime) -> Decision:
    """Say what becomes of a sale. Total: every input has an answer, and nothing is read.

    A sale no rule foresaw is held, never skipped: a nota owed and forgotten costs more than a
    question to a person.
    """
    asked = was_asked(sale.parts)
    if asked and not is_over(sale.parts):
        return decide_asked(sale, rule, terms, now)
    if not asked and any(one.owed_again for one in sale.parts):
        return _decide_owed_again(sale, rule, terms, now)
    if sale.bill.status in (BillStatus.REVIEW, BillStatus.SCHEDULED):
        return NotYet()
    if asked and sale.wish != "issue":
        return Keep(attention=attention_after_cancel(sale))
    return _decide_unsent(sale, rule, terms, now)


def decide_with_customer(
    sale: SaleFacts, before: NeedsCustomer, rule: Rule | None, terms: TenantTerms, now: datetime
) -> Decision:
    """Go on from `before`, which `decide` said of the same sale without its customer.

    What `decide` says of it with its customer, for less: no batch decides its sales twice.
    """
    if before.due is None or rule is None or sale.customer is None:
        return decide(sale, rule, terms, now)
    written = _write(sale, rule, terms, before.due)
    return shadowed(written) if before.due.shadow else written


def _decide_owed_again(
    sale: SaleFacts, rule: Rule | None, terms: TenantTerms, now: datetime
) -> Decision:
    """Answer for a sale whose nota was a test, or is proved not to be where it was asked for.

    It was the tenant's to issue then, and is now: nothing but what the bill has become can end it.
    """
    stopped = undone(sale, rule)
    if sale.bill.status is BillStatus.CANCELED:
        return Skip(code="bill_canceled")
    if stopped is not None:
        return _unless_taken_back(sale, stopped)
    if sale.wish == "hold":
        return Hold(code="held_by_person")
    if sale.wish == "cancel":
        return Skip(code="canceled_by_person")
    if sale.wish != "issue" and any(one.owed_again == ISSUED_AS_TEST for one in sale.parts):
        return Hold(code=ISSUED_AS_TEST)
    return send_next(sale, rule, terms, now)


def _unless_taken_back(sale: SaleFacts, stopped: Decision) -> Decision:
    """What stops a sale, unless that asks a person who has said already that it gets no nota."""
    asks = isinstance(stopped, Hold) and sale.wish == "cancel"
    return Skip(code="canceled_by_person") if asks else stopped


def _decide_unsent(
    sale: SaleFacts, rule: Rule | None, terms: TenantTerms, now: datetime
) -> Decision:
    bill = sale.bill
    created = moment_created(bill, sale.came_alive_at)
    if rule is None:
        return Hold(code="no_rule")
    when = choose_moment(bill, rule)
    moment = moment_for(sale, when)
    side = _side(sale, moment or moment_undone(bill), terms)
    if side == "before":
        return _decide_left_out(sale, rule, terms, now, moment or moment_undone(bill))
    if bill.status is BillStatus.CANCELED:
        return Skip(code="bill_canceled")
    stopped = undone(sale, rule)
    if stopped is not None:
        return _unless_taken_back(sale, stopped)
    if is_free(bill):
        return Skip(code="zero_amount")
    moment = moment or moment_undone(bill)  # the rule, or a person, lets a dispute be
    if sale.wish == "hold":
        return Hold(code="held_by_person")
    if sale.wish == "cancel":
        return Skip(code="canceled_by_person")
    if sale.wish == "issue":
        at = sale.wish_at or now
        return _issue(sale, rule, terms, now, moment or created, issue_at=at, days=None)
    if side == "unclear":
        return Hold(code="activation_unclear")
    if _was_elsewhere(sale, moment, terms):
        return Hold(code="account_elsewhere")
    if when is None:
        return Hold(code="mixed_rules")
    return _decide_by_moment(sale, rule, terms, now, when, moment)


def _decide_left_out(
    sale: SaleFacts, rule: Rule, terms: TenantTerms, now: datetime, moment: Moment | None
) -> Decision:
    """Answer for a sale of before the activation: in shadow it is decided, and told only."""
    since = terms.shadow_from
    if since is None:
        return Skip(code="before_activation")
    as_if = shadow_terms(terms, since)
    if _side(replace(sale, left_out=False), moment, as_if) == "before":
        return Skip(code="before_activation")
    decision = _decide_unsent(replace(sale, left_out=False), rule, as_if, now)
    if isinstance(decision, NeedsCustomer) and decision.due is not None:
        return NeedsCustomer(due=replace(decision.due, shadow=True))
    return shadowed(decision)


def _side(sale: SaleFacts, moment: Moment | None, terms: TenantTerms) -> ActivationSide:
    """On which side of the activation a sale lies; what was asked for is ours."""
    if moment is None or sale.backfill is not None or sale.wish == "issue":
        return "after"
    if terms.active_from is None:
        return "before"
    if moment.kind == "created":
        return "before" if moment.at < terms.active_from else "after"
    # What was left out for a payment stays out, whatever touches it and whatever follows it.
    if _was_left_out(sale, terms.active_from, terms.zone):
        return "before"
    side = side_of(sale.bill, terms.active_from, sale.seen, sale.payments)
    lost = side == "after" and _lost_payment(sale, terms.active_from, terms.zone)
    return "unclear" if lost else side


def _was_elsewhere(sale: SaleFacts, moment: Moment | None, terms: TenantTerms) -> bool:
    """Whether a sale is of when another tenant had its account, and may have issued it."""
    if terms.away is None or moment is None or sale.backfill is not None:
        return False
    return terms.away.since <= moment.recorded_at < terms.away.until


def _lost_payment(sale: SaleFacts, active_from: datetime, zone: ZoneInfo) -> bool:
    """Whether it was left out for a payment that its bill shows no more, being paid anew."""
    known = sale.known_moment
    if known is None or dated_at_vindi(known, zone) >= active_from:
        return False
    created = moment_created(sale.bill, sale.came_alive_at)
    if created is None or known == created.at:
        return _was_seen_paid(sale, active_from)  # the moment of another rule
    was_ours = sale.competencia is not None and not sale.left_out
    return not was_ours and not any(is_paid_at(charge, known, zone) for charge in sale.bill.charges)


def _was_seen_paid(sale: SaleFacts, active_from: datetime) -> bool:
    """Whether it was read as paid before any payment that its bill shows, and never open before."""
    first, open_at = sale.seen.paid_at, sale.seen.unpaid_at
    if first is None or (open_at is not None and open_at >= active_from):
        return False
    paid = [charge for charge in sale.bill.charges if charge.paid_at is not None]
    known = [max(one.paid_at, one.paid_by or one.paid_at) for one in paid if one.paid_at]
    return bool(known) and min(known) - first > ONE_WRITE  # two clocks


def _was_left_out(sale: SaleFacts, active_from: datetime, zone: ZoneInfo) -> bool:
    """Whether it was left out for a payment that is of before the activation as it is now."""
    known = sale.known_moment
    if not sale.left_out or known is None or dated_at_vindi(known, zone) >= active_from:
        return False
    return any(is_paid_at(charge, known, zone) for charge in sale.bill.charges)


def asks_when_recorded(sale: SaleFacts, terms: TenantTerms) -> list[ChargeId]:
    """Charges of a sale that nothing was sent for, whose paying transaction would tell its side.

    Worth asking before `decide`; without the answer it holds the sale.
    """
    paid = moment_paid(sale.bill)
    unsent = not was_asked(sale.parts) and paid is not None and terms.active_from is not None
    if not unsent or _side(sale, paid, terms) != "unclear" or terms.active_from is None:
        return []
    return doubtful(sale.bill, terms.active_from, sale.seen)


def _decide_by_moment(
    sale: SaleFacts,
    rule: Rule,
    terms: TenantTerms,
    now: datetime,
    when: IssueMoment,
    moment: Moment | None,
) -> Decision:
    match when.issue_when:
        case "never":
            return Skip(code="rule_never")
        case "manual":
            return Hold(code="rule_manual")
        case "bill_created":
            return _issue(sale, rule, terms, now, moment, issue_at=None, days=None)
        case "bill_paid" | "guarantee_ended":
            pass
    if sale.bill.status is BillStatus.PENDING:
        return Wait(
            status="waiting_payment",
            until=None,
            why="a regra pede o pagamento e a fatura está aberta",
        )
    if moment is None:
        return Hold(code="payment_unclear")
    if when.issue_when == "bill_paid":
        return _issue(sale, rule, terms, now, moment, issue_at=None, days=None)
    days = when.guarantee_days or 1
    end = guarantee_end(moment.day(terms.zone), days, terms.zone)
    return _issue(sale, rule, terms, now, moment, issue_at=end, days=days)


def _issue(
    sale: SaleFacts,
    rule: Rule,
    terms: TenantTerms,
    now: datetime,
    moment: Moment | None,
    *,
    issue_at: datetime | None,
    days: int | None,
) -> Decision:
    """Answer for a sale whose moment came: the last questions before a nota."""
    if moment is None:
        return Hold(code="payment_unclear")
    due = issue_at or moment.at
    if settled(sale.bill, sale.amount_choice, sale.refunds) is None:
        return Hold(code="amount_mismatch", detail=amounts(sale.bill), issue_at=due)
    day = choose_competencia(
        fixed=sale.competencia,
        rule=rule,
        moment_on=moment.day(terms.zone),
        issue_at=due,
        guarantee=days is not None,
        zone=terms.zone,
        backfill=sale.backfill,
        now=now,
        locked=terms.locked_months,
        by_person=sale.wish == "issue",
    )
    if days is not None and now < due:
        lacks = _will_lack(sale, rule, terms, day.day)
        return Wait(
            status="in_guarantee",
            until=due,
            why=_guarantee_why(moment.day(terms.zone), days, terms, due),
            competencia=day.day,
            attention=None if lacks is None else lacks.code,
            lacks="" if lacks is None else lacks.detail,
        )
    if not terms.issuing:
        return Hold(code=stopped_code(terms), issue_at=due, competencia=day.day)
    if day.closed:
        return Hold(code=MONTH_CLOSED, issue_at=due, competencia=day.day)
    ready = Due(issue_at=due, competencia=day.day)
    if sale.customer is None:
        return NeedsCustomer(due=ready)
    return _write(sale, rule, terms, ready)


def _will_lack(sale: SaleFacts, rule: Rule, terms: TenantTerms, day: date) -> Hold | None:
    """What would hold the nota at the guarantee's end, if its customer is known already."""
    if sale.customer is None:
        return None
    made = drafted(sale, rule, terms, day)
    return made if isinstance(made, Hold) and made.code in LACKS else None


def _write(sale: SaleFacts, rule: Rule, terms: TenantTerms, due: Due) -> Decision:
    """Write the nota that is owed, or say what keeps it from being written."""
    made = drafted(sale, rule, terms, due.competencia)
    if isinstance(made, Hold):
        return Hold(
            code=made.code, detail=made.detail,
            issue_at=due.issue_at, competencia=due.competencia,
        )  # fmt: skip
    return Issue(
        draft=made.draft,
        revision=made.revision,
        part=made.part,
        division=made.division,
        issue_at=due.issue_at,
        competencia=due.competencia,
        attention=attention_to_payment(sale),
    )


def _guarantee_why(paid_on: date, days: int | None, terms: TenantTerms, due: datetime) -> str:
    last = due.astimezone(terms.zone).date() - timedelta(days=1)
    said = spoken.days(days or 1)
    return (
        f"pago em {paid_on:%d/%m/%Y}; a garantia de {said} termina com o dia {last:%d/%m/%Y}; "
        f"a nota é devida no dia seguinte, às 00:00"
    )

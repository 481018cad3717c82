"""The rule as a pure function: what becomes of a sale, given all that is known (design D6)."""

from datetime import date, datetime, timedelta
from typing import Final

from shared.domain.attention import (
    PAID_TWICE,
    REFUNDED_ABOVE,
    attention_after_cancel,
    attention_after_issue,
)
from shared.domain.bill import Bill, BillStatus
from shared.domain.choose_rule import IssueMoment, amounts_by_service, choose_moment, choose_service
from shared.domain.competencia import MONTH_CLOSED, choose_competencia
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
from shared.domain.draft import buyer_mended, draft_nota
from shared.domain.moment import (
    Moment,
    guarantee_end,
    local_day,
    moment_created,
    moment_paid,
    moment_undone,
)
from shared.domain.money import show_reais
from shared.domain.nota import IN_FLIGHT, NotaDraft, NotaStatus
from shared.domain.refund_policy import (
    CODES,
    LEFT_BY_RULE,
    WINDOW_OVER,
    standing_stage,
    treat,
)
from shared.domain.refunds import Cause, cause_of, paid_twice, refunded_above
from shared.domain.rule import Rule
from shared.domain.sale import LastNota, SaleFacts, TenantTerms

CHARGED_BACK: Final = "charged_back"


def decide(sale: SaleFacts, rule: Rule | None, terms: TenantTerms, now: datetime) -> Decision:
    """Say what becomes of a sale. Total: every input has an answer, and nothing is read.

    A sale no rule foresaw is held, never skipped: a nota owed and forgotten costs more than a
    question to a person.
    """
    nota = sale.nota
    if nota is not None and nota.status is not NotaStatus.CANCELLED:
        return _decide_with_nota(sale, nota, rule, terms, now)
    if sale.bill.status in (BillStatus.REVIEW, BillStatus.SCHEDULED):
        return NotYet()
    if nota is not None and sale.wish != "issue":
        return Keep(attention=attention_after_cancel(sale, nota))
    return _decide_unsent(sale, rule, terms, now)


def _decide_with_nota(
    sale: SaleFacts, nota: LastNota, rule: Rule | None, terms: TenantTerms, now: datetime
) -> Decision:
    if nota.status in IN_FLIGHT:
        return _follow(sale, nota, rule)
    match nota.status:
        case NotaStatus.DENIED:
            return _decide_denied(sale, nota, rule, terms, now)
        case NotaStatus.CANCELLING:
            return Follow(attention=_above(sale))
        case NotaStatus.CANCEL_REFUSED if sale.wish != "cancel":
            return Keep(attention="cancel_refused")
        case _:
            pass
    cause = cause_of(sale.bill, sale.refunds)
    if sale.wish == "cancel":
        return _cancel(sale, _unwanted_code(cause), terms)
    if cause is None:
        return Keep(attention=attention_after_issue(sale, nota, rule))
    stage = standing_stage(
        rule,
        issued_on=nota.issued_at and local_day(nota.issued_at, terms.zone),
        competencia=nota.competencia,
        today=local_day(now, terms.zone),
    )
    match treat(cause, stage, rule):
        case "cancel":
            return _cancel(sale, CODES[cause], terms)
        case "too_late":
            return Keep(attention=WINDOW_OVER)
        case "leave":
            return Keep(attention=_left(sale, nota, rule, cause))
        case _:
            return Keep(attention=_above(sale) or CODES[cause])


def _cancel(sale: SaleFacts, code: str, terms: TenantTerms) -> Decision:
    if not terms.issuing:
        return Keep(attention="tenant_paused")
    return Cancel(code=code, attention=_above(sale))


def _unwanted_code(cause: Cause | None) -> str:
    return CODES[cause] if cause in ("full", "bill_canceled") else "canceled_by_person"


def _left(sale: SaleFacts, nota: LastNota, rule: Rule | None, cause: Cause) -> str:
    """What is said of a nota that stays by rule: never nothing."""
    other = attention_after_issue(sale, nota, rule) if cause == "partial" else None
    return other or LEFT_BY_RULE


def _above(sale: SaleFacts) -> str | None:
    return REFUNDED_ABOVE if refunded_above(sale.bill, sale.refunds) else None


def _follow(sale: SaleFacts, nota: LastNota, rule: Rule | None) -> Follow:
    cause = cause_of(sale.bill, sale.refunds)
    if sale.wish == "cancel":
        return Follow(then_cancel=_unwanted_code(cause))
    if cause is None:
        return Follow(attention=attention_after_issue(sale, nota, rule))
    match treat(cause, "while", rule):
        case "remember":
            return Follow(then_cancel=CODES[cause])
        case "leave":
            return Follow(attention=_left(sale, nota, rule, cause))
        case _:
            return Follow(attention=_above(sale) or CODES[cause])


def _decide_denied(
    sale: SaleFacts, nota: LastNota, rule: Rule | None, terms: TenantTerms, now: datetime
) -> Decision:
    cause = cause_of(sale.bill, sale.refunds)
    if cause == "bill_canceled":
        return Skip(code="bill_canceled")
    if cause != "full" and sale.wish == "cancel":
        return Skip(code="canceled_by_person")  # asked for while it was with the issuer
    undone = _undone(sale, rule)
    if undone is not None:
        return undone
    if sale.wish == "hold" or (not nota.resend and nota.denied_with is None):
        return Keep()
    if not nota.resend and sale.customer is None:
        return NeedsCustomer()
    if not nota.resend and not buyer_mended(sale, rule, nota.denied_with):
        return Keep()
    if not terms.issuing:
        return Keep(attention="tenant_paused")
    return _send_again(sale, nota, rule, terms, now)


def _send_again(
    sale: SaleFacts, nota: LastNota, rule: Rule | None, terms: TenantTerms, now: datetime
) -> Decision:
    """A denied nota once more, under its revision; the bill may have changed since."""
    if rule is None:
        return Hold(code="no_rule")
    if _free(sale.bill):
        return Skip(code="zero_amount")
    if _disagrees(sale.bill):
        return Hold(code="amount_mismatch", detail=_amounts(sale.bill))
    if sale.customer is None:
        return NeedsCustomer()
    moment = _moment_for(sale, choose_moment(sale.bill, rule)) or moment_created(
        sale.bill, sale.came_alive_at
    )
    if moment is None or sale.competencia is None:
        return Hold(code="payment_unclear")
    day = choose_competencia(
        fixed=sale.competencia,
        rule=rule,
        moment_on=moment.day(terms.zone),
        issue_at=moment.at,
        guarantee=False,  # its end has passed
        zone=terms.zone,
        backfill=sale.backfill,
        now=now,
        locked=terms.locked_months,
        by_person=sale.wish == "issue",
        refused=nota.day_refused,
    )
    if day.closed:
        return Hold(code=MONTH_CLOSED, competencia=day.day)
    drafted = _drafted(sale, rule, terms, day.day)
    if isinstance(drafted, Hold):
        return drafted
    return Issue(
        draft=drafted,
        revision=nota.revision,
        issue_at=None,
        competencia=day.day,
        attention=_attention_to_payment(sale),
        because="" if nota.resend else "o cadastro do cliente mudou na Vindi",
    )


def _decide_unsent(
    sale: SaleFacts, rule: Rule | None, terms: TenantTerms, now: datetime
) -> Decision:
    bill = sale.bill
    created = moment_created(bill, sale.came_alive_at)
    if rule is None:
        return Hold(code="no_rule")
    when = choose_moment(bill, rule)
    moment = _moment_for(sale, when)
    if moment is not None and _outside_stream(sale, moment, terms):
        return Skip(code="before_activation")
    if bill.status is BillStatus.CANCELED:
        return Skip(code="bill_canceled")
    undone = _undone(sale, rule)
    if undone is not None:
        return undone
    if _free(bill):
        return Skip(code="zero_amount")
    if sale.wish == "hold":
        return Hold(code="held_by_person")
    if sale.wish == "cancel":
        return Skip(code="canceled_by_person")
    if sale.wish == "issue":
        at = sale.wish_at or now
        return _issue(sale, rule, terms, now, moment or created, issue_at=at, days=None)
    if when is None:
        return Hold(code="mixed_rules")
    return _decide_by_moment(sale, rule, terms, now, when, moment)


def _moment_for(sale: SaleFacts, when: IssueMoment | None) -> Moment | None:
    if when is not None and when.issue_when in ("bill_paid", "guarantee_ended"):
        return moment_paid(sale.bill) or moment_undone(sale.bill)
    return moment_created(sale.bill, sale.came_alive_at)


def _outside_stream(sale: SaleFacts, moment: Moment, terms: TenantTerms) -> bool:
    if sale.backfill is not None or sale.wish == "issue":
        return False
    return terms.active_from is None or max(moment.at, moment.recorded_at) < terms.active_from


def _undone(sale: SaleFacts, rule: Rule | None) -> Hold | Skip | None:
    """What stops a nota that was not asked for yet, or was denied."""
    cause = cause_of(sale.bill, sale.refunds)
    if cause is None:
        return None
    by_person = sale.wish == "issue" and cause != "full"
    match treat(cause, "before", rule):
        case "drop" if not by_person:
            code = CHARGED_BACK if cause == "chargeback" else CODES[cause]
            return Skip(code=code, attention=_above(sale))
        case "hold" if not by_person:
            return Hold(code=CODES[cause])
        case _:
            return None


def _free(bill: Bill) -> bool:
    return bill.amount == 0 and bill.lines_total == 0


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
    if _disagrees(sale.bill):
        return Hold(code="amount_mismatch", detail=_amounts(sale.bill), issue_at=due)
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
        return Wait(
            status="in_guarantee",
            until=due,
            why=_guarantee_why(moment.day(terms.zone), days, terms, due),
            competencia=day.day,
        )
    if not terms.issuing:
        return Hold(code="tenant_paused", issue_at=due, competencia=day.day)
    if day.closed:
        return Hold(code=MONTH_CLOSED, issue_at=due, competencia=day.day)
    if sale.customer is None:
        return NeedsCustomer()
    drafted = _drafted(sale, rule, terms, day.day)
    if isinstance(drafted, Hold):
        return Hold(code=drafted.code, detail=drafted.detail, issue_at=due, competencia=day.day)
    return Issue(
        draft=drafted,
        revision=_next_revision(sale),
        issue_at=due,
        competencia=day.day,
        attention=_attention_to_payment(sale),
    )


def _attention_to_payment(sale: SaleFacts) -> str | None:
    # The nota is owed all the same: a second payment changes the money, not the sale.
    if paid_twice(sale.bill, sale.refunds):
        return PAID_TWICE
    by_rule = sale.wish != "issue" and cause_of(sale.bill, sale.refunds) is not None
    return LEFT_BY_RULE if by_rule else None


def _drafted(sale: SaleFacts, rule: Rule, terms: TenantTerms, day: date) -> NotaDraft | Hold:
    service = choose_service(sale.bill, rule)
    if service is None:
        return Hold(code="mixed_services", detail=_amounts_of_services(sale.bill, rule))
    return draft_nota(sale, rule, service, day, terms.zone)


def _next_revision(sale: SaleFacts) -> int:
    return 1 if sale.nota is None else sale.nota.revision + 1


def _disagrees(bill: Bill) -> bool:
    return bill.lines_total != bill.amount or bill.amount < 0


def _amounts(bill: Bill) -> str:
    return f"itens somam {show_reais(bill.lines_total)}, fatura diz {show_reais(bill.amount)}"


def _amounts_of_services(bill: Bill, rule: Rule) -> str:
    return "; ".join(
        f"serviço {service.lc116 or service.municipal_code or 'sem código'}: {show_reais(amount)}"
        for service, amount in amounts_by_service(bill, rule).items()
        if amount != 0
    )


def _guarantee_why(paid_on: date, days: int | None, terms: TenantTerms, due: datetime) -> str:
    last = due.astimezone(terms.zone).date() - timedelta(days=1)
    return (
        f"pago em {paid_on:%d/%m/%Y}; a garantia de {days} dias termina com o dia {last:%d/%m/%Y}; "
        f"a nota é devida no dia seguinte, às 00:00"
    )

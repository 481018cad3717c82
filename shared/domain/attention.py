"""What happened to a bill after its nota was asked for, that a person has to look at. Pure."""

from typing import Final

from shared.domain.amounts import settled
from shared.domain.bill import BillStatus
from shared.domain.choose_rule import choose_moment
from shared.domain.moment import moment_created
from shared.domain.part_states import amount_of, cancelled_for
from shared.domain.refunds import cause_of, paid_twice, refunded_above
from shared.domain.rule import Rule
from shared.domain.sale import SaleFacts

REOPENED: Final = "bill_reopened_after_issue"
MOVED: Final = "bill_moved_after_issue"
PAID_AFTER_CANCEL: Final = "paid_after_cancel"
CANCELLED_ELSEWHERE: Final = "cancelled_elsewhere"
MISSING: Final = "nota_missing_at_issuer"
SUBSTITUTION_DENIED: Final = "substitution_denied"
SUBSTITUTION_ELSEWHERE: Final = "substitution_elsewhere"
SUBSTITUTION_UNTAKEN: Final = "substitution_untaken"
SUBSTITUTION_WAITS: Final = "substitution_waits"
SECOND_NOTA: Final = "second_nota_valid"
UNANSWERED: Final = "issuer_unanswered"
PAID_TWICE: Final = "paid_twice"
REFUNDED_ABOVE: Final = "refunded_above_payment"
ANOTHER_BILL: Final = "bill_of_another_account"  # Vindi's number is that of another bill now
# Said of the bill, not of the nota: they outlive the nota's own steps at the issuer.
ABOUT_BILL: Final = (
    "partially_refunded",
    "payment_undone",
    "bill_changed_after_issue",
    "refunded",
    "bill_canceled",
    MOVED,
    REOPENED,
    PAID_TWICE,
    REFUNDED_ABOVE,
    ANOTHER_BILL,
    "kept_by_rule",
    SECOND_NOTA,
    "cancel_window_over",
)


def attention_after_issue(sale: SaleFacts, rule: Rule | None) -> str | None:
    """Name what no longer fits a nota that is wanted, its payment apart; the gravest first."""
    if sale.made_out_to is not None and sale.made_out_to != sale.bill.customer_id:
        return MOVED
    if _reopened(sale, rule):
        return REOPENED
    if _changed(sale):
        return "bill_changed_after_issue"
    return PAID_TWICE if paid_twice(sale.bill, sale.refunds) else None


def attention_after_cancel(sale: SaleFacts) -> str | None:
    """Name a nota that was cancelled with its payment, when the bill is paid again."""
    if refunded_above(sale.bill, sale.refunds):
        return REFUNDED_ABOVE
    lost_payment = cancelled_for(sale.parts) in ("refunded", "bill_canceled", "payment_undone")
    paid = sale.bill.status is BillStatus.PAID and bool(sale.bill.paid_charges)
    undone = cause_of(sale.bill, sale.refunds) in ("full", "bill_canceled")
    if cancelled_for(sale.parts) == CANCELLED_ELSEWHERE and not undone:
        return CANCELLED_ELSEWHERE
    return PAID_AFTER_CANCEL if lost_payment and paid and not undone else None


def _changed(sale: SaleFacts) -> bool:
    bill, asked_for = sale.bill, amount_of(sale.parts)
    if bill.status is BillStatus.PENDING and bill.amount == 0 and asked_for:
        return False  # its charge was canceled, its lines still say what was sold
    chosen = settled(bill, sale.amount_choice, sale.refunds)
    return (bill.lines_total if chosen is None else chosen) != asked_for


def _reopened(sale: SaleFacts, rule: Rule | None) -> bool:
    """Say whether a bill that had been paid is open again."""
    bill = sale.bill
    if bill.status in (BillStatus.REVIEW, BillStatus.SCHEDULED):
        return True
    when = choose_moment(bill, rule) if rule is not None else None
    if bill.status is not BillStatus.PENDING or when is None:
        return False
    if when.issue_when not in ("bill_paid", "guarantee_ended"):
        return False
    # A person may have had an open bill issued: then no payment was ever known. Nor is the moment
    # of creation one, of a rule that has changed since; but a card pays in the very second.
    created = moment_created(bill, sale.came_alive_at)
    paid_once = any(charge.paid_at is not None for charge in bill.charges)
    if sale.known_moment is None:
        return False
    return paid_once or created is None or sale.known_moment != created.at

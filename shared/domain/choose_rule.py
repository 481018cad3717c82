"""Which part of a rule speaks for a bill."""

from collections import defaultdict
from collections.abc import Sequence

from msgspec import Struct

from shared.domain.bill import Bill, BillLine
from shared.domain.money import Cents
from shared.domain.rule import Conditions, IssueWhen, Rule, RuleException, ServiceRule


class IssueMoment(Struct, frozen=True, kw_only=True):
    """When a bill's nota is due; `exception` is its number from 1, None for the general rule."""

    issue_when: IssueWhen
    guarantee_days: int | None
    exception: int | None


def products_with_value(bill: Bill) -> list[BillLine]:
    """One line for each product whose lines do not cancel out, in the bill's order.

    Discounts are lines of the product they reduce, so a product discounted away has no word in
    the choice of a rule.
    """
    if len(bill.lines) == 1:  # most bills
        return [line for line in bill.lines if line.amount != 0]
    totals: dict[object, int] = defaultdict(int)
    first: dict[object, BillLine] = {}
    for line in bill.lines:
        key = line.product_id if line.product_id is not None else line.product_code
        totals[key] += line.amount
        first.setdefault(key, line)
    return [line for key, line in first.items() if totals[key] != 0]


def choose_moment(bill: Bill, rule: Rule) -> IssueMoment | None:
    """Find the one moment that all products of a bill agree on; None when they do not."""
    if not rule.exceptions:
        return _moment(rule, rule, None)
    lines: Sequence[BillLine | None] = products_with_value(bill) or [None]
    moments = {_moment_of_line(bill, line, rule) for line in lines}
    if len({(m.issue_when, m.guarantee_days) for m in moments}) > 1:
        return None
    return min(moments, key=lambda moment: moment.exception or 0)


def choose_service(bill: Bill, rule: Rule) -> ServiceRule | None:
    """Find the one service that all products of a bill share; None when they do not."""
    if not rule.services_by_product_code:
        return rule.service
    services = [own_service(line, rule) for line in products_with_value(bill)] or [rule.service]
    return services[0] if all(service == services[0] for service in services) else None


def own_service(line: BillLine, rule: Rule) -> ServiceRule:
    """The service of a line's product, with what it takes from the rule's own."""
    own = rule.services_by_product_code.get(line.product_code or "", rule.service)
    return rule.with_inherited(own)


def amounts_by_service(bill: Bill, rule: Rule) -> dict[ServiceRule, Cents]:
    """What each service of a bill comes to, discounts with the product they reduce.

    Adds up to the lines' total, to the cent.
    """
    amounts: dict[ServiceRule, int] = defaultdict(int)
    services: dict[object, ServiceRule] = {}
    for line in bill.lines:
        # Lines of one product are one service, even where only the first says its code.
        key = line.product_id if line.product_id is not None else line.product_code
        amounts[services.setdefault(key, own_service(line, rule))] += line.amount
    return {service: Cents(amount) for service, amount in amounts.items()}


def _moment_of_line(bill: Bill, line: BillLine | None, rule: Rule) -> IssueMoment:
    for number, exception in enumerate(rule.exceptions, start=1):
        if _matches(bill, line, exception.if_):
            return _moment(exception, rule, number)
    return _moment(rule, rule, None)


def _moment(source: Rule | RuleException, rule: Rule, number: int | None) -> IssueMoment:
    days = None
    if source.issue_when == "guarantee_ended":
        days = source.guarantee_days or rule.guarantee_days
    return IssueMoment(issue_when=source.issue_when, guarantee_days=days, exception=number)


def _matches(bill: Bill, line: BillLine | None, wanted: Conditions) -> bool:
    methods = {charge.payment_method_code for charge in bill.paid_charges or bill.charges}
    return (
        _among(wanted.product_code, {line.product_code} if line else set())
        and _among(wanted.plan_code, {bill.plan_code})
        and _among(wanted.payment_method_code, methods)
        and _among(wanted.customer_code, {bill.customer_code})
        and _cycle_matches(bill, wanted)
    )


def _among(wanted: Sequence[str], found: set[str | None]) -> bool:
    return not wanted or not found.isdisjoint(wanted)


def _cycle_matches(bill: Bill, wanted: Conditions) -> bool:
    # A single bill has no period: it is a first sale, never a renewal.
    match wanted.cycle:
        case "any":
            return True
        case "first":
            return (bill.cycle or 1) == 1
        case "renewal":
            return (bill.cycle or 1) > 1

"""Which part of a rule speaks for a bill."""

from collections import defaultdict

from msgspec import Struct

from shared.domain.bill import Bill, BillLine
from shared.domain.lines import product_of, products_with_value
from shared.domain.money import Cents
from shared.domain.patterns import any_matches, matches
from shared.domain.rule import Conditions, IssueWhen, Rule, RuleException, ServiceRule


class IssueMoment(Struct, frozen=True, kw_only=True):
    """When a bill's nota is due; `exception` is its number from 1, None for the general rule."""

    issue_when: IssueWhen
    guarantee_days: int | None
    exception: int | None


def choose_moment(bill: Bill, rule: Rule) -> IssueMoment | None:
    """Find the one moment that all products of a bill agree on; None when they do not."""
    if not rule.exceptions:
        return _moment(rule, rule, None)
    lines: list[BillLine | None] = [*products_with_value(bill, rule)] or [None]
    methods = {charge.payment_method_code for charge in bill.paid_charges or bill.charges}
    moments = {_moment_of_line(bill, methods, line, rule) for line in lines}
    if len({(m.issue_when, m.guarantee_days) for m in moments}) > 1:
        return None
    return min(moments, key=lambda moment: moment.exception or 0)


def choose_service(bill: Bill, rule: Rule) -> ServiceRule | None:
    """Find the one service that all products of a bill share; None when they do not."""
    if not has_services(rule):
        return rule.service
    services = [service_for(line, rule) for line in products_with_value(bill, rule)]
    services = services or [rule.service]
    return services[0] if all(service == services[0] for service in services) else None


def has_services(rule: Rule) -> bool:
    """Say whether a rule gives any product a service of its own."""
    return bool(
        rule.services_by_product_code
        or rule.services_by_product_id
        or rule.services_by_product_name
    )


def service_for(line: BillLine, rule: Rule) -> ServiceRule:
    """The service of one line's product: by its id, else its code, else the first name that fits.

    What it does not say is as in the general service, and so is what the rule does not name.
    """
    own = _own_service(line, rule)
    return rule.service if own is None else rule.with_inherited(own)


def _own_service(line: BillLine, rule: Rule) -> ServiceRule | None:
    if rule.services_by_product_id:
        by_id = rule.services_by_product_id.get(str(line.product_id))
        if by_id is not None:
            return by_id
    by_code = rule.services_by_product_code.get(line.product_code or "")
    if by_code is not None:
        return by_code
    for pattern, service in rule.services_by_product_name.items():
        if line.product_name and matches(pattern, line.product_name):
            return service
    return None


def amounts_by_service(bill: Bill, rule: Rule) -> dict[ServiceRule, Cents]:
    """What each service of a bill comes to, discounts with the product they reduce.

    Adds up to the lines' total, to the cent.
    """
    amounts: dict[ServiceRule, int] = defaultdict(int)
    services: dict[object, ServiceRule] = {}
    for line in bill.lines:
        # Lines of one product are one service, even where only the first says its code.
        own = services.setdefault(product_of(line), service_for(line, rule))
        amounts[own] += line.amount
    return {service: Cents(amount) for service, amount in amounts.items()}


def _moment_of_line(
    bill: Bill, methods: set[str | None], line: BillLine | None, rule: Rule
) -> IssueMoment:
    for number, exception in enumerate(rule.exceptions, start=1):
        if _matches(bill, methods, line, exception.if_):
            return _moment(exception, rule, number)
    return _moment(rule, rule, None)


def _moment(source: Rule | RuleException, rule: Rule, number: int | None) -> IssueMoment:
    days = None
    if source.issue_when == "guarantee_ended":
        days = source.guarantee_days or rule.guarantee_days
    return IssueMoment(issue_when=source.issue_when, guarantee_days=days, exception=number)


def _matches(
    bill: Bill, methods: set[str | None], line: BillLine | None, wanted: Conditions
) -> bool:
    return (
        _is_product(line, wanted)
        and _is_plan(bill, wanted)
        and (not wanted.payment_method_code or not methods.isdisjoint(wanted.payment_method_code))
        and (not wanted.customer_code or bill.customer_code in wanted.customer_code)
        and _cycle_matches(bill, wanted)
    )


def _is_product(line: BillLine | None, wanted: Conditions) -> bool:
    if line is None:
        return not (wanted.product_code or wanted.product_id or wanted.product_name)
    return (
        (not wanted.product_code or line.product_code in wanted.product_code)
        and (not wanted.product_id or line.product_id in wanted.product_id)
        and (not wanted.product_name or any_matches(wanted.product_name, line.product_name))
    )


def _is_plan(bill: Bill, wanted: Conditions) -> bool:
    return (
        (not wanted.plan_code or bill.plan_code in wanted.plan_code)
        and (not wanted.plan_id or bill.plan_id in wanted.plan_id)
        and (not wanted.plan_name or any_matches(wanted.plan_name, bill.plan_name))
    )


def _cycle_matches(bill: Bill, wanted: Conditions) -> bool:
    # A single bill has no period: it is a first sale, never a renewal.
    match wanted.cycle:
        case "any":
            return True
        case "first":
            return (bill.cycle or 1) == 1
        case "renewal":
            return (bill.cycle or 1) > 1

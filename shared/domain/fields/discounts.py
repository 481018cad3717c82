"""The discounts of a bill's lines, where a tenant wants its nota to show them. Pure.

Which line is a discount, and which a credit or a proration that is none, says `docs/lines.md`.
"""

from collections import defaultdict
from collections.abc import Sequence

from shared.domain.bill import Bill, BillLine
from shared.domain.lines import Product, is_credit, product_of
from shared.domain.money import NOTHING, Cents
from shared.domain.parts import Share, allocate, lines_of


def discount_in(bill: Bill, share: Share | None, shares: Sequence[Share], amount: Cents) -> Cents:
    """What a nota shows as discounts; its total is its amount and that.

    Of a share its own, and its part of what was spread over all `shares` of the bill: together
    they show what the bill's lines are discounted, to the cent. A credit or a proration lowers the
    total itself. A product discounted away altogether was not sold: its price does not count, and
    of its discounts only what lowers the price of others.
    Nothing where the amount is another one than the lines come to.
    """
    if share is not None:
        return _of_share(bill, share, shares or (share,))
    return _discounts(bill.lines) if amount == bill.lines_total else NOTHING


def _of_share(bill: Bill, share: Share, shares: Sequence[Share]) -> Cents:
    mine = lines_of(bill, share)
    own = _sum(mine)
    named = {line for one in shares for line in one.lines}
    spread = [line for line in bill.lines if line.id not in named]
    discounts = _discounts(spread)
    if not discounts:
        return _discounts(mine)
    if _sum(spread) == -discounts:  # nothing else was spread: the total is the very price
        return Cents(max(_discounts(mine) + own - share.amount, 0))
    weights = [_sum(lines_of(bill, one)) for one in shares]
    if min(weights) <= 0:
        return _discounts(mine)
    at = [one.part for one in shares].index(share.part)
    return Cents(_discounts(mine) + allocate(discounts, weights)[at])


def _discounts(lines: Sequence[BillLine]) -> Cents:
    if min([line.amount for line in lines], default=0) >= 0:  # as nearly always
        return NOTHING
    by_product: dict[tuple[Product, bool], list[BillLine]] = defaultdict(list)
    for line in lines:
        product = product_of(line)
        # A reduction that names no product is of none, and spread over all (`divide`).
        by_product[product, product is None and line.amount < 0].append(line)
    return Cents(sum(_of_product(own) for own in by_product.values()))


def _of_product(lines: Sequence[BillLine]) -> int:
    """What the lines of one product show as discounts, of it or of others."""
    lowering = [line for line in lines if line.amount < 0]
    credit = -sum(line.amount for line in lowering if is_credit(line))
    discount = -_sum(lowering) - credit
    total = _sum(lines)
    # Below zero it was not sold: what goes beyond its price lowers others, credits first.
    return discount if total > 0 else max(-total - credit, 0)


def _sum(lines: Sequence[BillLine]) -> int:
    return sum(line.amount for line in lines)

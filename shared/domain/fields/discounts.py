"""The discounts of a bill's lines, where a tenant wants its nota to show them. Pure."""

from collections import defaultdict
from collections.abc import Sequence

from shared.domain.bill import Bill, BillLine
from shared.domain.money import NOTHING, Cents
from shared.domain.parts import Share, lines_of


def discount_in(bill: Bill, share: Share | None, amount: Cents) -> Cents:
    """What a nota's amount is less than what was sold; of a share with what was spread over it.

    A product discounted away altogether was not sold: its price does not count, and of its
    discounts only what lowers the price of others.
    Nothing where the amount is another one than the lines come to.
    """
    lines = bill.lines if share is None else lines_of(bill, share)
    if share is None and amount != bill.lines_total:
        return NOTHING
    return Cents(max(_sold(lines) - amount, 0))


def _sold(lines: Sequence[BillLine]) -> int:
    totals: dict[object, int] = defaultdict(int)
    for line in lines:
        totals[_product(line)] += line.amount
    return sum(line.amount for line in lines if line.amount > 0 and totals[_product(line)] > 0)


def _product(line: BillLine) -> object:
    return line.product_id if line.product_id is not None else line.product_code

"""A month as the accountant files it: notas by their competência, added up by fiscal class.

What was filed stays filed: a nota cancelled in a later month than its competência stays in the
totals of its own month, and is a credit of the month in which it was cancelled. So no month
changes afterwards, and nothing is taken off twice.
"""

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from shared.domain.closing import Month
from shared.domain.fiscal import FiscalClass
from shared.domain.money import NOTHING, Cents


class FiscalSums(Struct, frozen=True, kw_only=True):
    """What notas of one class add up to. `total` and `base` are gross, and what ISS is due on.

    ISS is of one kind within a class: the seller's own, withheld by the buyer, or suspended.
    `without_rate` counts the notas whose ISS only the city knows.
    """

    notas: int = 0
    amount: Cents = NOTHING
    total: Cents = NOTHING
    discount: Cents = NOTHING
    conditional_discount: Cents = NOTHING
    deductions: Cents = NOTHING
    base: Cents = NOTHING
    own_iss: Cents = NOTHING
    withheld_iss: Cents = NOTHING
    suspended_iss: Cents = NOTHING
    pis: Cents = NOTHING
    cofins: Cents = NOTHING
    csll: Cents = NOTHING
    inss: Cents = NOTHING
    irrf: Cents = NOTHING
    without_rate: int = 0

    @property
    def withheld(self) -> Cents:
        """All that buyers keep back, ISS included."""
        federal = self.pis + self.cofins + self.csll + self.inss + self.irrf
        return Cents(federal + self.withheld_iss)

    @property
    def net(self) -> Cents:
        """What buyers pay: the gross value, less both discounts and what they keep back."""
        return Cents(self.total - self.discount - self.conditional_discount - self.withheld)


def added(sums: Iterable[FiscalSums]) -> FiscalSums:
    """All of them together."""
    whole = dict.fromkeys(FiscalSums.__struct_fields__, 0)
    for one in sums:
        for name in whole:
            whole[name] += getattr(one, name)
    return msgspec.convert(whole, FiscalSums)


class ClassTotal(Struct, frozen=True, kw_only=True):
    """One line of the totals; `fiscal_class` None: notas of which only the amount is known."""

    fiscal_class: FiscalClass | None
    sums: FiscalSums


class MonthSum(Struct, frozen=True, kw_only=True):
    """Some notas that have to do with another month; None where that month is not known."""

    month: Month | None
    notas: int
    amount: Cents


class CreditSum(Struct, frozen=True, kw_only=True):
    """What was cancelled in a month of the notas of an earlier one."""

    month: Month  # of their competência
    sums: FiscalSums


class Filing(Struct, frozen=True, kw_only=True):
    """A month by competência, and the bridge to its sales, which count by their moment.

    `of_sales` are the valid notas of the month's sales. Those of them with a competência in
    another month are `competencia_elsewhere`; `moment_elsewhere` are valid notas of this
    competência whose sale is of another month; `cancelled_later` were cancelled after the month.
    `foreign` are the issuer's notas that nobody asked us for; they are in no total.
    """

    month: Month
    classes: tuple[ClassTotal, ...]
    of_sales: MonthSum
    competencia_elsewhere: tuple[MonthSum, ...]
    moment_elsewhere: tuple[MonthSum, ...]
    cancelled_later: tuple[MonthSum, ...]  # by the month that has the credit
    credits: tuple[CreditSum, ...]
    foreign: MonthSum

    @property
    def total(self) -> FiscalSums:
        """The whole month."""
        return added(one.sums for one in self.classes)

    @property
    def credited(self) -> FiscalSums:
        """All credits of the month."""
        return added(one.sums for one in self.credits)

    @property
    def unknown(self) -> int:
        """How many notas say no more than their amount: sent by code that kept no more."""
        return sum(one.sums.notas for one in self.classes if one.fiscal_class is None)

    @property
    def unexplained(self) -> Cents:
        """What the bridge leaves between both ways to count: always nothing."""
        bridged = self.of_sales.amount + sum(
            one.amount for one in (*self.moment_elsewhere, *self.cancelled_later)
        )
        elsewhere = sum(one.amount for one in self.competencia_elsewhere)
        return Cents(self.total.amount - bridged + elsewhere)

"""What a nota is for where that is a question, and a person's word on it. Pure.

It is one where a bill's lines and its amount disagree, and where a part of it was given back.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from shared.domain.bill import Bill
from shared.domain.ids import ChargeId
from shared.domain.money import NOTHING, Cents, show_reais

LINES: Final = "lines"
BILL: Final = "bill"
REMAINING: Final = "remaining"  # asked for; what is kept of it is centavos
_GIVEN_BACK: Final = "estornado "


class AmountChoice(Struct, frozen=True, kw_only=True):
    """The amount a person chose for a nota, and the sums that were seen when choosing.

    `choice` is LINES, BILL or centavos in digits. Other sums than `about` are a new question.
    """

    choice: str
    about: str

    @property
    def about_refund(self) -> bool:
        """Whether it was chosen since a part had been given back."""
        return self.about.startswith(_GIVEN_BACK)

    def of(self, bill: Bill, refunds: Mapping[ChargeId, int]) -> Cents | None:
        """What the nota is for; None where the choice is not about the bill as it is now."""
        if self.about_refund:
            fits = self.about == refund_seen(Cents(sum(refunds.values())), price(bill))
        else:
            fits = disagrees(bill) and self.about == amounts(bill)
        if not fits:
            return None
        chosen = {LINES: bill.lines_total, BILL: bill.amount}.get(self.choice)
        return Cents(int(self.choice)) if chosen is None else chosen


def disagrees(bill: Bill) -> bool:
    """Say whether a bill's lines and its amount differ, or it is worth less than nothing."""
    return bill.lines_total != bill.amount or bill.amount < 0


def amounts(bill: Bill) -> str:
    """Both sums of a bill, for a person."""
    return f"itens somam {show_reais(bill.lines_total)}, fatura diz {show_reais(bill.amount)}"


def price(bill: Bill) -> Cents:
    """What a bill says that it is worth; a canceled one says nothing, and its lines still do."""
    return bill.amount or bill.lines_total


def refund_seen(given_back: Cents, of: Cents) -> str:
    """The sums a person sees who chooses an amount since a part was given back."""
    return f"{_GIVEN_BACK}{show_reais(given_back)} de {show_reais(of)}"


def remaining(given_back: Cents, of: Cents) -> Cents:
    """What a buyer still pays of a bill after its refunds; nothing where all went back."""
    return max(Cents(of - given_back), NOTHING)


def settled(
    bill: Bill, choice: AmountChoice | None, refunds: Mapping[ChargeId, int]
) -> Cents | None:
    """What a bill's nota is for: its lines, or what was chosen; None while that is a question."""
    chosen = choice.of(bill, refunds) if choice is not None else None
    if chosen is not None and chosen > 0:
        return chosen
    return None if disagrees(bill) else bill.lines_total

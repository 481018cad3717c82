"""What a bill is worth where its lines and its amount disagree, and a person's word on it. Pure."""

from typing import Final

from msgspec import Struct

from shared.domain.bill import Bill
from shared.domain.money import Cents, show_reais

LINES: Final = "lines"
BILL: Final = "bill"


class AmountChoice(Struct, frozen=True, kw_only=True):
    """The amount a person chose for a nota, and the sums that were seen when choosing.

    `choice` is LINES, BILL or centavos in digits. Other sums than `about` are a new question.
    """

    choice: str
    about: str

    def of(self, bill: Bill) -> Cents | None:
        """What the nota is for; None where the choice is not about the bill as it is now."""
        if not disagrees(bill) or self.about != amounts(bill):
            return None
        chosen = {LINES: bill.lines_total, BILL: bill.amount}.get(self.choice)
        return Cents(int(self.choice)) if chosen is None else chosen


def disagrees(bill: Bill) -> bool:
    """Say whether a bill's lines and its amount differ, or it is worth less than nothing."""
    return bill.lines_total != bill.amount or bill.amount < 0


def amounts(bill: Bill) -> str:
    """Both sums of a bill, for a person."""
    return f"itens somam {show_reais(bill.lines_total)}, fatura diz {show_reais(bill.amount)}"


def settled(bill: Bill, choice: AmountChoice | None) -> Cents | None:
    """What a bill's nota is for: its lines, or what was chosen; None while that is a question."""
    if not disagrees(bill):
        return bill.lines_total
    chosen = choice.of(bill) if choice is not None else None
    return chosen if chosen is not None and chosen > 0 else None

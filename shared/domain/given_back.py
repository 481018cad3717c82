"""How much of a sale was given back, said in Portuguese. Pure."""

from datetime import date
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.message_texts.message import Message
from shared.domain.money import Cents
from shared.domain.spoken import day, reais

# What is said of a refund, or may rest on one.
ABOUT_REFUND: Final = frozenset(
    {
        "refunded",
        "partially_refunded",
        "refunded_above_payment",
        "kept_by_rule",
        "cancel_window_over",
    }
)


class GivenBack(Struct, frozen=True, kw_only=True):
    """The refunds of a bill added up; `on` is the tenant's day of the last, None if not known."""

    amount: Cents
    of: Cents  # what the sale is worth
    on: date | None

    def told(self) -> str:
        """`Estornado: R$ 30,00 de R$ 179,90, em 12/11/2026; restam R$ 149,90.`, as a sentence."""
        whole = f" de {reais(self.of)}" if self.amount != self.of else ""
        when = f", em {day(self.on)}" if self.on is not None else ""
        left = self.of - self.amount
        rest = f"; restam {reais(left)}" if left > 0 else ""
        return f"Estornado: {reais(self.amount)}{whole}{when}{rest}."


def with_refund(message: Message, given: GivenBack | None) -> Message:
    """A message that names what was given back, after it has said what happened."""
    if given is None:
        return message
    first, dot, rest = message.text.partition(". ")
    said = f"{first}. {given.told()} {rest}" if dot else f"{message.text} {given.told()}"
    return replace(message, text=said)

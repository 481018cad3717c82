"""Divides a bill of several services into parts, one nota each, that add up to the cent. Pure."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.bill import Bill, BillLine
from shared.domain.choose_rule import service_for
from shared.domain.lines import Product, goes_along, product_of, products_with_value
from shared.domain.money import Cents
from shared.domain.nota import NotaStatus, OwedAgain, Tomador
from shared.domain.rule import Rule, ServiceRule

WHOLE: Final = 0  # the part that is the whole bill
# What a person asked for one nota alone, whatever is wished for its sale.
PartWish = Literal["cancel", "issue", "substitute"]


class Share(Struct, frozen=True, kw_only=True):
    """One part of a sale: its number, its amount, and the lines of the bill it is for.

    Parts are numbered from 1; 0 is the whole bill, which names no lines of its own.
    """

    part: int
    amount: Cents
    lines: tuple[int, ...] = ()


class Part(Struct, frozen=True, kw_only=True):
    """One nota that a sale has or is to have: the usual number is one, for the whole bill.

    Status None: none was asked for in this round.
    """

    share: Share
    status: NotaStatus | None = None
    revision: int = 0
    resend: bool = False  # a person, or an outage's end, wants a denied one sent again
    then_cancel: str | None = None
    denial: str | None = None
    day_refused: bool = False  # it was denied for its day, and another may help
    denied_with: Tomador | None = None  # the buyer as sent, where a denial hangs on such data
    stated: bool = False  # a person says so, not the issuer
    issued_at: datetime | None = None
    competencia: date | None = None  # as it was sent
    mended: bool = False  # that buyer's data is other data by now
    owed_again: OwedAgain | None = None  # why the one of its revision counts for nothing
    never_arrived: bool = False  # cancelled with us alone: the issuer never had it
    cancel_code: str | None = None  # why it was not cancelled, where it was refused
    cancel_again: bool = False  # cancelling is to be asked for again by itself now
    wish: PartWish | None = None  # of this nota alone, whatever is wished for the sale
    round: int | None = None  # None: its revision

    @property
    def owed(self) -> bool:
        """Say whether a request for its nota is still to leave, as long as the sale is wanted."""
        again = (self.resend or self.mended) and self.wish != "cancel"
        return self.status is None or (self.status is NotaStatus.DENIED and again)

    @property
    def in_round(self) -> int:
        """The round it was asked for in."""
        return self.revision if self.round is None else self.round

    @property
    def left_out(self) -> bool:
        """Say whether a person took it back alone, and it stands for nothing any more."""
        return self.wish == "cancel" and self.status in _GONE

    @property
    def to_substitute(self) -> bool:
        """Say whether another is to take its place; where it cannot be cancelled too."""
        stands = self.status in (NotaStatus.ISSUED, NotaStatus.CANCEL_REFUSED)
        return self.wish == "substitute" and stands

    @property
    def to_cancel(self) -> bool:
        """Say whether it is to be cancelled now, alone."""
        stands = self.status is NotaStatus.ISSUED
        again = self.status is NotaStatus.CANCEL_REFUSED and self.cancel_again
        return self.wish == "cancel" and (stands or again)


_GONE: Final = frozenset({NotaStatus.CANCELLED, NotaStatus.DENIED})


def is_divided(parts: Sequence[Part]) -> bool:
    """Say whether a sale has a nota for each of several services, and none of the whole."""
    return any(one.share.part != WHOLE for one in parts)


def divide(bill: Bill, rule: Rule) -> tuple[Share, ...]:
    """Divide a bill by service: every share above zero, together the bill's lines to the cent.

    Shares stand in the order of their first line by its id, so that two reads of a bill divide it
    alike. A discount on a product stays with it; one on nothing that is sold, and what a service
    discounted below zero leaves over, is spread in proportion. One share: a single service is left
    to carry the whole. None at all: the bill comes to nothing, or less.
    """
    if bill.lines_total <= 0:
        return ()
    own, lines = _by_service(bill, rule)
    if not any(amount > 0 for amount in own.values()):  # all that is left went along with it
        own, lines = _by_service(bill, rule, everything=True)
    left = [service for service, amount in own.items() if amount > 0]
    amounts = allocate(bill.lines_total, [own[service] for service in left])
    while any(amount <= 0 for amount in amounts):  # too small for its share of the discount
        left.remove(min(left, key=lambda service: own[service]))
        amounts = allocate(bill.lines_total, [own[service] for service in left])
    return tuple(
        Share(part=number, amount=amount, lines=tuple(lines[service]))
        for number, (service, amount) in enumerate(zip(left, amounts, strict=True), start=1)
    )


def allocate(total: Cents, weights: Sequence[int]) -> list[Cents]:
    """Spread a total above zero in proportion to positive weights, by largest remainder.

    Among equal remainders the first go first.
    """
    whole = sum(weights)
    floors = [total * weight // whole for weight in weights]
    order = sorted(range(len(weights)), key=lambda one: (-(total * weights[one] % whole), one))
    for one in order[: total - sum(floors)]:
        floors[one] += 1
    return [Cents(amount) for amount in floors]


def lines_of(bill: Bill, share: Share) -> list[BillLine]:
    """The lines of a share as the bill has them now."""
    return [line for line in bill.lines if line.id in share.lines]


def only(bill: Bill, share: Share) -> Bill:
    """A bill with the lines of a share alone."""
    return replace(bill, lines=tuple(lines_of(bill, share)))


def still_divides(bill: Bill, shares: Sequence[Share]) -> bool:
    """Say whether a bill still comes to these shares: their lines, each amount, and the whole.

    Whatever the rule says by now: what was divided is told by the lines of the shares.
    """
    found = [lines_of(bill, share) for share in shares]
    own = [sum(line.amount for line in lines) for lines in found]
    if any(len(lines) != len(share.lines) for lines, share in zip(found, shares, strict=True)):
        return False
    if bill.lines_total <= 0 or any(amount <= 0 for amount in own):
        return False
    return allocate(bill.lines_total, own) == [share.amount for share in shares]


def service_of(bill: Bill, share: Share, rule: Rule) -> ServiceRule | None:
    """The one service of a share under a rule; None when its lines no longer agree on one."""
    said = _services(bill, rule)
    found = {said[product_of(line)] for line in products_with_value(only(bill, share), rule)}
    return found.pop() if len(found) == 1 else None


def _by_service(
    bill: Bill, rule: Rule, *, everything: bool = False
) -> tuple[dict[ServiceRule, int], dict[ServiceRule, list[int]]]:
    """What each service sold comes to with its own discounts, and the lines that is made of."""
    said = _services(bill, rule)
    sold = _sold(bill, rule, everything=everything)
    own: dict[ServiceRule, int] = defaultdict(int)
    lines: dict[ServiceRule, list[int]] = defaultdict(list)
    for line in sorted(bill.lines, key=lambda one: one.id):
        product = product_of(line)
        named = product is not None or line.amount > 0
        if line.amount != 0 and named and product in sold:
            own[said[product]] += line.amount
            lines[said[product]].append(line.id)
    return own, lines


def _sold(bill: Bill, rule: Rule, *, everything: bool) -> set[Product]:
    """Products that carry a part: without what goes along, unless it is everything there is.

    What goes along with them is spread over all, as a discount is.
    """
    return {
        product_of(line)
        for line in bill.lines
        if line.amount > 0 and (everything or not goes_along(line, rule))
    }


def _services(bill: Bill, rule: Rule) -> dict[Product, ServiceRule]:
    # Lines of one product are one service, even where only the first says its code.
    said: dict[Product, ServiceRule] = {}
    for line in sorted(bill.lines, key=lambda one: one.id):
        said.setdefault(product_of(line), service_for(line, rule))
    return said

"""What a person may ask for one nota of a divided sale, and what that changes. Pure."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from shared.domain.actions import NUMBERING, Refusal, SaleAction
from shared.domain.nota import IN_FLIGHT, VALID_NOTA, NotaStatus
from shared.domain.parts import WHOLE, Part, PartWish
from shared.domain.sale import Wish

NO_SUCH_PART: Final = "no_such_part"
NOT_ALLOWED: Final = "substitution_not_allowed"
NOTHING_TO_SUBSTITUTE: Final = "nothing_to_substitute"
PART_NEEDED: Final = "part_needed"
WHOLE_FIRST: Final = "whole_sale_first"
# What may be asked for one part: whether a sale waits is a question of the whole.
OF_PARTS: Final[tuple[SaleAction, ...]] = ("retry", "issue", "cancel")


class PartChange(Struct, frozen=True, kw_only=True):
    """What is wanted of one nota from now on.

    `resend`: a denied one is to be sent again. `cancel_again`: the city refused to cancel it and
    is asked once more. `alone`: whichever others were cancelled stay so, though this one is issued
    anew.
    """

    wish: PartWish | None
    resend: bool = False
    cancel_again: bool = False
    alone: bool = False


def judge_part(
    action: SaleAction, parts: Sequence[Part], number: int, wish: Wish | None
) -> PartChange | Refusal:
    """Say what an action changes of one nota. The sale is decided again by the emitter.

    `wish` is the sale's: while a person holds or takes back all of it, no part of it is issued.
    """
    found = [one for one in parts if one.share.part == number != WHOLE]
    if not found:
        return Refusal(code=NO_SUCH_PART)
    if wish in ("hold", "cancel") and action != "cancel":
        return Refusal(code=WHOLE_FIRST)
    match action:
        case "cancel":
            return _cancel(found[0])
        case "issue":
            return _issue(found[0])
        case "retry":
            return _retry(found[0])
        case _:
            raise ValueError(f"{action} is a question of the whole sale")


def judge_substitute(
    parts: Sequence[Part], number: int | None, wish: Wish | None, *, allowed: bool
) -> PartChange | Refusal:
    """Say whether another nota may take the place of a valid one, as the rule allows or not.

    Of several `number` says which.
    """
    if not allowed:
        return Refusal(code=NOT_ALLOWED)
    if number is None and len(parts) > 1:
        return Refusal(code=PART_NEEDED, missing=("part",))
    own = next((one for one in parts if number in (None, one.share.part)), None)
    if own is None:
        return Refusal(code=NO_SUCH_PART if number else NOTHING_TO_SUBSTITUTE)
    if wish in ("hold", "cancel"):
        return Refusal(code=WHOLE_FIRST)
    if own.status not in (NotaStatus.ISSUED, NotaStatus.CANCEL_REFUSED) or own.to_cancel:
        return Refusal(code=NOTHING_TO_SUBSTITUTE)
    return PartChange(wish="substitute")


def _cancel(part: Part) -> PartChange | Refusal:
    match part.status:
        case NotaStatus.CANCEL_REFUSED:
            return PartChange(wish="cancel", cancel_again=True)
        case NotaStatus.CANCELLING | NotaStatus.CANCELLED:
            return Refusal(code="already_cancelled")
        case NotaStatus.DENIED:
            return Refusal(code="nothing_to_cancel")
        case None if part.wish != "issue":
            return Refusal(code="nothing_to_cancel")
        case _:
            return PartChange(wish="cancel")


def _issue(part: Part) -> PartChange | Refusal:
    if part.status in IN_FLIGHT or part.status in VALID_NOTA:
        return Refusal(code="nota_exists")
    match part.status:
        case NotaStatus.DENIED:
            return _resend(part)
        case NotaStatus.CANCELLED:
            return PartChange(wish="issue", alone=True)
        case _ if part.wish == "issue":
            return PartChange(wish="issue", alone=True)
        case _:
            return Refusal(code="nothing_to_issue")


def _retry(part: Part) -> PartChange | Refusal:
    if part.status in IN_FLIGHT:
        return PartChange(wish=part.wish)
    match part.status:
        case NotaStatus.DENIED:
            return _resend(part)
        case NotaStatus.CANCEL_REFUSED:
            return PartChange(wish="cancel", cancel_again=True)
        case _:
            return Refusal(code="nothing_to_retry")


def _resend(part: Part) -> PartChange | Refusal:
    if part.denial == NUMBERING:
        return Refusal(code="numbering_needs_person")
    return PartChange(wish=None, resend=True)

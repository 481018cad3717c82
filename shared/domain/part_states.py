"""Where the notas of a sale are, and what that makes of the sale. Pure."""

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from shared.domain.cancellations import CITY_REFUSED
from shared.domain.denials import ON_CUSTOMER
from shared.domain.money import Cents
from shared.domain.nota import IN_FLIGHT, VALID_NOTA, NotaStatus
from shared.domain.parts import Part
from shared.domain.sale import SaleStatus
from shared.domain.statement import STATED_BY_PERSON

DOUBT = frozenset({NotaStatus.SENDING, NotaStatus.UNCERTAIN})
FOLLOWED = IN_FLIGHT | {NotaStatus.CANCELLING}
BY_PERSON: Final = "canceled_by_person"
_ENDING = frozenset({SaleStatus.CANCELLING, SaleStatus.CANCELLED, SaleStatus.CANCEL_REFUSED})
_OVER = frozenset({NotaStatus.CANCELLING, NotaStatus.CANCELLED, NotaStatus.CANCEL_REFUSED})
# What one nota makes of its sale on the usual way.
_ALONE: Final = {
    None: SaleStatus.ISSUING,
    NotaStatus.SENDING: SaleStatus.ISSUING,
    NotaStatus.PENDING: SaleStatus.ISSUING,
    NotaStatus.ISSUED: SaleStatus.ISSUED,
}


def in_round(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Parts as the newest round has them: a nota cancelled in an earlier one is to be made anew.

    In a round all parts are issued again together after they were cancelled. One that a person
    took back alone stays out of it; one issued anew alone begins none.
    """
    if len(parts) == 1:
        return tuple(parts)
    newest = round_of(parts)
    return tuple(
        replace(one, status=None, then_cancel=None)
        if one.status is NotaStatus.CANCELLED and one.wish != "cancel" and one.in_round < newest
        else one
        for one in parts
    )


def round_of(parts: Sequence[Part]) -> int:
    """The newest round of any part; 0 before the first."""
    return max((one.in_round for one in parts), default=0)


def newest_revision(parts: Sequence[Part]) -> int:
    """The newest revision of any part; 0 before the first."""
    return max((one.revision for one in parts), default=0)


def was_asked(parts: Sequence[Part]) -> bool:
    """Say whether any nota was asked for, or is by a person though it had been cancelled."""
    return any(one.status is not None or one.wish == "issue" for one in parts)


def amount_of(parts: Sequence[Part]) -> Cents:
    """What all notas of a sale come to."""
    return Cents(sum(one.share.amount for one in parts))


def unwanted(parts: Sequence[Part]) -> bool:
    """Say whether the sale is being taken back, or was: what was not issued will not be.

    One taken back alone says nothing of the others, unless there are none.
    """
    if len(parts) == 1:  # as of most sales
        return parts[0].status in _OVER or _to_cancel(parts[0])
    kept = [one for one in parts if one.wish != "cancel"] or parts
    return any(one.status in _OVER or _to_cancel(one) for one in kept)


def is_over(parts: Sequence[Part]) -> bool:
    """Say whether a sale was taken back and nothing of it stands or is under way."""
    stands = any(one.status in FOLLOWED or one.status in VALID_NOTA for one in parts)
    return not stands and unwanted(parts)


def together(parts: Sequence[Part]) -> SaleStatus:
    """The status of a sale whose notas are these: what still moves, then what needs a person."""
    if len(parts) == 1 and not _to_cancel(parts[0]):  # as of most sales
        alone = _ALONE.get(parts[0].status)
        if alone is not None:
            return alone
    ending = unwanted(parts)
    found = {one.status for one in _counted(parts)}
    if NotaStatus.UNCERTAIN in found:
        return SaleStatus.UNCERTAIN
    if found & IN_FLIGHT or (None in found and not ending):
        return SaleStatus.ISSUING
    if NotaStatus.CANCELLING in found:
        return SaleStatus.CANCELLING
    if NotaStatus.DENIED in found and not ending:
        return SaleStatus.DENIED
    if NotaStatus.CANCEL_REFUSED in found:
        return SaleStatus.CANCEL_REFUSED
    return SaleStatus.CANCELLED if NotaStatus.ISSUED not in found else SaleStatus.ISSUED


def code_of(status: SaleStatus, parts: Sequence[Part]) -> str | None:
    """Why a sale is as its notas are together: a denial, or why it was taken back.

    Of several denials one that hangs on the customer's data: by it the sale is found once that
    is mended.
    """
    if status is SaleStatus.DENIED:
        denials = [one.denial for one in _counted(parts) if one.status is NotaStatus.DENIED]
        return min(denials, key=lambda denial: denial not in ON_CUSTOMER)
    if status is SaleStatus.ISSUED and any(one.left_out for one in parts):
        return BY_PERSON
    return cancelled_for(parts) if status in _ENDING else None


def _counted(parts: Sequence[Part]) -> Sequence[Part]:
    """Parts without those that were taken back alone, as long as there are others."""
    return [one for one in parts if not one.left_out] or parts


def cancelled_for(parts: Sequence[Part]) -> str | None:
    """Why notas of a sale are, or were, to be cancelled, where we asked for it."""
    return next((one.then_cancel for one in parts if one.then_cancel is not None), None)


def refusal_of(parts: Sequence[Part]) -> str:
    """Why a nota of a sale was not cancelled."""
    refused = [one for one in parts if one.status is NotaStatus.CANCEL_REFUSED]
    return next((one.cancel_code for one in refused if one.cancel_code), CITY_REFUSED)


def stated(parts: Sequence[Part]) -> str | None:
    """Name that a nota stands on a person's word, where one does."""
    on_word = any(one.stated and one.status is NotaStatus.ISSUED for one in parts)
    return STATED_BY_PERSON if on_word else None


def nota_to_act_on(parts: Sequence[Part]) -> Part | None:
    """The part a person's action is about: what moves, then what is missing, then what stands.

    None while a wanted part has no nota yet.
    """
    if is_over(parts):
        return next((one for one in parts if one.status is NotaStatus.CANCELLED), None)
    parts = _counted(parts)
    moving = next((one for one in parts if one.status in FOLLOWED), None)
    if moving is not None:
        return moving
    if not unwanted(parts):
        if any(one.status is None for one in parts):
            return None
        denied = next((one for one in parts if one.status is NotaStatus.DENIED), None)
        if denied is not None:
            return denied
    return next((one for one in parts if one.status in VALID_NOTA), None)


def _to_cancel(one: Part) -> bool:
    # Once it is issued or denied the sale is decided anew, and may be wanted again.
    return one.then_cancel is not None and one.status in IN_FLIGHT

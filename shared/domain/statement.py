"""What a person saw at the city hall about a nota: pure."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from shared.domain.actions import Refusal
from shared.domain.nota import VALID_NOTA, NotaStatus
from shared.domain.parts import Part

STATED_BY_PERSON: Final = "stated_by_person"
# Look-ups of a nota that a person says is not there, more than anybody configures: the next one is
# the last before it is sent again.
LAST_LOOK: Final = 1_000_000
CANCEL_STATED: Final = "cancel_stated"
_IN_DOUBT: Final = frozenset({NotaStatus.UNCERTAIN, NotaStatus.SENDING})
# A refusal that may mean that the nota exists already.
_MAY_EXIST: Final = frozenset({"denied_numbering", "denied_unknown"})


class Valid(Struct, frozen=True, kw_only=True):
    """The nota of this part stands at the city hall: its sale goes on, on a person's word."""

    part: int


class LookOnceMore(Struct, frozen=True, kw_only=True):
    """It is not there: one last look at the issuer, then it is sent again under the same id."""

    part: int


class SendAgain(Struct, frozen=True, kw_only=True):
    """A denied one may be sent again under the same id, after a look."""

    part: int


class CancelledThere(Struct, frozen=True, kw_only=True):
    """A nota we hold for valid was cancelled at the city hall: it ends on a person's word."""

    part: int


Judged = Valid | LookOnceMore | SendAgain | CancelledThere


def judge_statement(
    parts: Sequence[Part], *, exists: bool, leased: bool, part: int | None = None
) -> Judged | Refusal:
    """Say what a statement changes; `leased` means that a worker is at the sale this very moment.

    It is about the nota in doubt, else about one denied that may exist all the same, else, where
    it does not exist, about one that stands: first one that was not cancelled. `part` names one.
    """
    parts = [one for one in parts if part is None or one.share.part == part]
    doubtful = [one for one in parts if one.status in _IN_DOUBT]
    denied = [one for one in parts if _may_exist(one)]
    standing = sorted(
        (one for one in parts if one.status in VALID_NOTA and not exists),
        key=lambda one: one.status is not NotaStatus.CANCEL_REFUSED,
    )
    if not doubtful and not denied and not standing:
        return Refusal(code="nothing_to_state")
    if leased:
        return Refusal(code="being_worked_on")
    number = (doubtful or denied or standing)[0].share.part
    if exists:
        return Valid(part=number)
    if doubtful:
        return LookOnceMore(part=number)
    return SendAgain(part=number) if denied else CancelledThere(part=number)


class Statable(Struct, frozen=True, kw_only=True):
    """What a person may state of a sale as it is: that a nota stands, that one does not."""

    exists: bool
    gone: bool


def statable(parts: Sequence[Part]) -> Statable:
    """Say what may be stated, for whoever is shown the sale; whether it is worked on is not asked.

    Where it may be stated that a nota stands, it may be said too that it does not.
    """
    said = [judge_statement(parts, exists=exists, leased=False) for exists in (True, False)]
    exists, gone = [not isinstance(one, Refusal) for one in said]
    return Statable(exists=exists, gone=gone)


def _may_exist(part: Part) -> bool:
    return part.status is NotaStatus.DENIED and part.denial in _MAY_EXIST

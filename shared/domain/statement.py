"""What a person saw at the city hall about a nota whose fate we do not know: pure."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from shared.domain.actions import Refusal
from shared.domain.nota import NotaStatus
from shared.domain.parts import Part

STATED_BY_PERSON: Final = "stated_by_person"
# Look-ups of a nota that a person says is not there, more than anybody configures: the next one is
# the last before it is sent again.
LAST_LOOK: Final = 1_000_000
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


def judge_statement(
    parts: Sequence[Part], *, exists: bool, leased: bool
) -> Valid | LookOnceMore | SendAgain | Refusal:
    """Say what a statement changes; `leased` means that a worker is at the sale this very moment.

    It is about the nota in doubt, else about one denied that may exist all the same.
    """
    doubtful = [one for one in parts if one.status in _IN_DOUBT]
    denied = [one for one in parts if _may_exist(one)]
    if not doubtful and not denied:
        return Refusal(code="nothing_to_state")
    if leased:
        return Refusal(code="being_worked_on")
    part = (doubtful or denied)[0].share.part
    if exists:
        return Valid(part=part)
    return LookOnceMore(part=part) if doubtful else SendAgain(part=part)


def _may_exist(part: Part) -> bool:
    return part.status is NotaStatus.DENIED and part.denial in _MAY_EXIST

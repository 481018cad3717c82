"""What a person saw at the city hall about a nota whose fate we do not know: pure."""

from typing import Final

from msgspec import Struct

from shared.domain.actions import Refusal
from shared.domain.nota import NotaStatus

STATED_BY_PERSON: Final = "stated_by_person"
_IN_DOUBT: Final = frozenset({NotaStatus.UNCERTAIN, NotaStatus.SENDING})
# A refusal that may mean that the nota exists already.
_MAY_EXIST: Final = frozenset({"denied_numbering", "denied_unknown"})


class Valid(Struct, frozen=True, kw_only=True):
    """The nota stands at the city hall: the sale is issued on a person's word."""


class LookOnceMore(Struct, frozen=True, kw_only=True):
    """It is not there: one last look at the issuer, then it is sent again under the same id."""


class SendAgain(Struct, frozen=True, kw_only=True):
    """A denied one may be sent again under the same id, after a look."""


def judge_statement(
    *, exists: bool, nota: NotaStatus | None, denial: str | None, leased: bool
) -> Valid | LookOnceMore | SendAgain | Refusal:
    """Say what a statement changes; `leased` means that a worker is at it this very moment."""
    if nota is None:
        return Refusal(code="nothing_to_state")
    in_doubt = nota in _IN_DOUBT
    if not in_doubt and not (nota is NotaStatus.DENIED and denial in _MAY_EXIST):
        return Refusal(code="nothing_to_state")
    if leased:
        return Refusal(code="being_worked_on")
    if exists:
        return Valid()
    return LookOnceMore() if in_doubt else SendAgain()

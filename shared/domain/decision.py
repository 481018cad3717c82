"""What can become of a sale: the answers of `decide`."""

from datetime import date, datetime
from typing import Literal

import msgspec
from msgspec import Struct

from shared.domain.money import Cents
from shared.domain.nota import NotaDraft
from shared.domain.parts import Share


class NotYet(Struct, frozen=True, kw_only=True):
    """The bill is in review or scheduled: not a sale yet."""


class Due(Struct, frozen=True, kw_only=True):
    """A nota is owed, when it was due and of which day: only its text is not written yet."""

    issue_at: datetime
    competencia: date
    shadow: bool = False  # decided to be told, never to be sent: see `shared.domain.shadow`


class NeedsCustomer(Struct, frozen=True, kw_only=True):
    """The decision needs the customer's data, which was not read yet.

    `due` is there where nothing but the nota's text is left to decide.
    """

    due: Due | None = None


class Issue(Struct, frozen=True, kw_only=True):
    """A nota is owed now: for the whole bill (part 0), or for one part of it.

    `division` divides the sale anew, empty: into nothing but the whole; None leaves it as it is.
    """

    draft: NotaDraft
    revision: int
    part: int = 0
    division: tuple[Share, ...] | None = None
    issue_at: datetime | None  # None for one sent again: when it was due stays as it is stored
    competencia: date
    attention: str | None = None  # a code for a person to look at meanwhile
    because: str = ""  # why now, where nobody asked; told in the timeline
    round: int | None = None  # that the nota is one of; None: its revision begins one
    substitutes: bool = False  # the valid one of its part, whose place it takes

    @property
    def whole(self) -> Cents:
        """What the notas asked for come to: this one, or all of a new division."""
        shares = self.division or ()
        return Cents(sum(share.amount for share in shares)) or self.draft.amount


class Wait(Struct, frozen=True, kw_only=True):
    """Nothing to do before `until`; None means until a new fact arrives.

    `attention` says what its customer lacks for the nota, where the customer is known: there is
    time to mend it. `lacks` is the detail of that.
    """

    status: Literal["waiting_payment", "in_guarantee"]
    until: datetime | None
    why: str
    competencia: date | None = None
    attention: str | None = None
    lacks: str = ""
    ask_again: datetime | None = None  # the customer, who could not be read now
    put_off: datetime | None = None  # when `until` comes by a clock of ours that is ahead


class Hold(Struct, frozen=True, kw_only=True):
    """A person must decide, or data is missing. `detail` is shown to people: no personal data."""

    code: str
    detail: str = ""
    issue_at: datetime | None = None
    competencia: date | None = None


class Skip(Struct, frozen=True, kw_only=True):
    """No nota will be issued, and why."""

    code: str
    detail: str = ""
    issue_at: datetime | None = None
    competencia: date | None = None
    attention: str | None = None  # a code for a person to look at all the same


class Cancel(Struct, frozen=True, kw_only=True):
    """The valid nota must be cancelled; of a divided sale all that are valid, or these parts."""

    code: str
    parts: tuple[int, ...] | None = None
    attention: str | None = None  # a code for a person to look at meanwhile


class Follow(Struct, frozen=True, kw_only=True):
    """A nota is with the issuer: follow it; `then_cancel` says that it is no longer wanted.

    `wanted_again`: parts of which that was said, or which are being cancelled, for what is no more.
    """

    then_cancel: str | None = None
    wanted_again: tuple[int, ...] = ()
    attention: str | None = None  # a code for a person to look at, once it is issued


class Keep(Struct, frozen=True, kw_only=True):
    """The last nota stands as it is; `attention` asks a person to look, and says why."""

    attention: str | None = None
    details: dict[str, str] = msgspec.field(default_factory=dict)


Decision = NotYet | NeedsCustomer | Issue | Wait | Hold | Skip | Cancel | Follow | Keep

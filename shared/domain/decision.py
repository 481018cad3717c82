"""What can become of a sale: the answers of `decide`."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from shared.domain.nota import NotaDraft


@dataclass(frozen=True, slots=True, kw_only=True)
class NotYet:
    """The bill is in review or scheduled: not a sale yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedsCustomer:
    """The decision needs the customer's data, which was not read yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """A nota is owed now."""

    draft: NotaDraft
    revision: int
    issue_at: datetime | None  # None for one sent again: when it was due stays as it is stored
    competencia: date
    attention: str | None = None  # a code for a person to look at meanwhile
    because: str = ""  # why now, where nobody asked; told in the timeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Nothing to do before `until`; None means until a new fact arrives."""

    status: Literal["waiting_payment", "in_guarantee"]
    until: datetime | None
    why: str
    competencia: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A person must decide, or data is missing. `detail` is shown to people: no personal data."""

    code: str
    detail: str = ""
    issue_at: datetime | None = None
    competencia: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """No nota will be issued, and why."""

    code: str
    issue_at: datetime | None = None
    attention: str | None = None  # a code for a person to look at all the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """The valid nota must be cancelled."""

    code: str
    attention: str | None = None  # a code for a person to look at meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow:
    """A nota is with the issuer: follow it; `then_cancel` says that it is no longer wanted."""

    then_cancel: str | None = None
    attention: str | None = None  # a code for a person to look at, once it is issued


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """The last nota stands as it is; `attention` asks a person to look, and says why."""

    attention: str | None = None
    details: dict[str, str] = field(default_factory=dict)


Decision = NotYet | NeedsCustomer | Issue | Wait | Hold | Skip | Cancel | Follow | Keep

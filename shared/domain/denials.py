"""What follows from a denial: who acts, whether it is sent again by itself, and its cause."""

import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from shared.domain.refusals import UNKNOWN, KnownDenial, catalogue, of_name

_HOUR: Final = timedelta(hours=1)
OUTAGE: Final = "denied_outage"
DAY_REFUSED: Final = "denied_competencia"
RESEND_GIVEN_UP: Final = "resend_given_up"  # sent by itself as often as allowed, or month over
GROUP: Final = re.compile(r"^denied_[a-z_]+(-[0-9a-f]{16})?$")


class DenialPolicy(Struct, frozen=True, kw_only=True):
    """How one class is dealt with; who acts, and in which words, says its message.

    `waits` are the pauses before it is sent again by itself; `numbering` may exist already and is
    never sent again. `one_cause`: whatever the text says, one thing is broken for all of them.
    `on_customer`: what the customer's data said was refused; other data is worth another try.
    """

    waits: tuple[timedelta, ...] = ()
    one_cause: bool = False
    on_customer: bool = False
    ever: bool = True  # False: not even a person's retry, only their word on the city's side


# enotas-api, section 14, column "auto".
POLICIES: Final[dict[str, DenialPolicy]] = {
    "denied_certificate": DenialPolicy(one_cause=True),
    "denied_layout": DenialPolicy(waits=(24 * _HOUR,)),
    "denied_city": DenialPolicy(on_customer=True),
    "denied_document": DenialPolicy(on_customer=True),
    "denied_address": DenialPolicy(on_customer=True),
    "denied_contact": DenialPolicy(on_customer=True),
    "denied_account": DenialPolicy(one_cause=True),
    "denied_issuer_setup": DenialPolicy(),
    "denied_numbering": DenialPolicy(ever=False),
    "denied_service": DenialPolicy(),
    "denied_reform": DenialPolicy(),
    "denied_competencia": DenialPolicy(),
    "denied_foreign": DenialPolicy(),
    "denied_outage": DenialPolicy(waits=(_HOUR, 6 * _HOUR, 24 * _HOUR), one_cause=True),
    UNKNOWN: DenialPolicy(
        waits=(_HOUR,)
    ),  # of a row that may be: an empty text, "erro desconhecido"
}
_OF_COMPANY: Final = frozenset(row.denial for row in catalogue() if row.of_company)
NOBODY_RESENDS: Final = DenialPolicy()
ON_CUSTOMER: Final = tuple(code for code, policy in POLICIES.items() if policy.on_customer)


def policy_for(denial: str) -> DenialPolicy:
    """The policy of a class; a class we do not know waits for a person."""
    return POLICIES.get(denial, NOBODY_RESENDS)


def next_resend(
    denial: str, sends: int, denied_at: datetime, competencia: date, now: datetime, zone: ZoneInfo
) -> datetime | None:
    """When a denied nota is sent again by itself; None when a person has to ask for it.

    `sends` counts how often it was sent by itself already. Outside the month of its competência
    (in the tenant's zone) it is never sent silently: the date may have to change.
    """
    waits = policy_for(denial).waits
    if sends >= len(waits):
        return None
    due = max(denied_at + waits[sends], now)
    day = due.astimezone(zone).date()
    return due if (day.year, day.month) == (competencia.year, competencia.month) else None


def gives_up(known: KnownDenial, resend_at: datetime | None) -> bool:
    """Say whether what is usually sent again by itself now waits for a person after all.

    An unknown text is not usually: only one that says nothing at all is.
    """
    usually = known.resends or known.denial != UNKNOWN
    return resend_at is None and usually and bool(policy_for(known.denial).waits)


def may_be_company(denial: str | None) -> bool:
    """Say whether a class may be of the company as a whole, and so have stopped it."""
    return denial in _OF_COMPANY


def moves_day(denial: str | None, cause: str | None) -> bool:
    """Say whether dating a denied nota today may help; `cause` is its row of the catalogue."""
    known = of_name(cause)
    if known is None or known.denial != denial:
        return denial == DAY_REFUSED
    return known.moves_day


def denial_group(denial: str, reason: str | None, word: Callable[[str], bytes]) -> str:
    """Name the cause of a denial: equal for denials that one repair mends.

    Numbers differ from nota to nota and say nothing of the cause. `word` is a keyed hash, since
    a city's text may hold a customer's name.
    """
    if policy_for(denial).one_cause:
        return denial
    return f"{denial}-{word(normalise_reason(reason or '')).hex()[:16]}"


def normalise_reason(text: str) -> str:
    """A reason without what varies from nota to nota: case, accents, numbers, punctuation."""
    decomposed = unicodedata.normalize("NFKD", text.lower())
    bare = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return " ".join(re.findall(r"[a-z]+", bare))

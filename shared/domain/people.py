"""Who may do what in the panel. Pure."""

import unicodedata
from typing import Final, Literal

from msgspec import Struct

from shared.domain.ids import PersonId

Role = Literal["owner", "finance", "accountant"]  # of a tenant
Staff = Literal["support", "operator"]  # ours: of no tenant, with a way into all of them
Rank = Role | Staff
# What a page or an action needs. `see` is everything that is only looked at, downloads too.
Right = Literal["see", "act", "rule", "close", "import", "connect", "people", "search", "operate"]

_EVERYTHING: Final[frozenset[Right]] = frozenset(
    {"see", "act", "rule", "close", "import", "connect", "people"}
)
RIGHTS: Final[dict[Rank, frozenset[Right]]] = {
    "owner": _EVERYTHING,
    "finance": frozenset({"see", "act", "rule", "close", "import"}),
    "accountant": frozenset({"see"}),
    "support": frozenset({"see", "act", "import", "search"}),
    "operator": _EVERYTHING | {"search", "operate"},
}
ROLES: Final[tuple[Role, ...]] = ("owner", "finance", "accountant")
STAFF: Final[tuple[Staff, ...]] = ("support", "operator")

LEAST_PASSWORD: Final = 12  # letters; length counts for more than a mixture
MOST_PASSWORD: Final = 200
PasswordFault = Literal["too_short", "too_long", "too_plain", "is_yours"]
_LEAST_DISTINCT: Final = 5
_STEERING: Final = {"Cc": " ", "Cs": "", "Co": "", "Cn": ""}  # by Unicode's categories
# They turn what stands behind a name around; whoever writes from the right needs none of them.
_OTHER_WAY: Final = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])


class StaffRefused(Exception):
    """Nobody becomes one of ours so, or stops being it; the message says why."""


class Person(Struct, frozen=True, kw_only=True):
    """Somebody who may sign in. `staff` is None for people of tenants."""

    id: PersonId
    name: str
    staff: Staff | None


def may(standing: Rank, right: Right) -> bool:
    """Whether somebody of this standing has a right."""
    return right in RIGHTS[standing]


def needs_ticket(standing: Rank) -> bool:
    """Whether what somebody does for a tenant has to name the ticket it was asked for in."""
    return standing in STAFF


def plain_email(text: str) -> str | None:
    """An address as it is compared: one @, no spaces, small letters; None for anything else."""
    text = text.strip()
    name, at, host = text.rpartition("@")
    plain = at and name and "." in host.strip(".") and len(text) <= 254
    if not plain or any(letter.isspace() or not letter.isprintable() for letter in text):
        return None
    return text.casefold()


def plain_name(text: str) -> str:
    """A name as pages and histories show it: one blank between words, no sign that steers them.

    Nothing where no letter is left; 200 letters at most.
    """
    bare = "".join(_STEERING.get(unicodedata.category(one), one) for one in text)
    return " ".join(bare.translate(_OTHER_WAY).split())[:200]


def password_fault(password: str, *, email: str, name: str) -> PasswordFault | None:
    """Why a password will not do; None where it will."""
    if len(password) < LEAST_PASSWORD:
        return "too_short"
    if len(password) > MOST_PASSWORD:
        return "too_long"
    if len(set(password)) < _LEAST_DISTINCT:
        return "too_plain"
    bare = password.casefold().strip()
    theirs = {email.casefold(), email.partition("@")[0].casefold(), name.casefold()}
    return "is_yours" if bare in theirs else None


def signature(person: Person, standing: Rank, ticket: str | None = None) -> str:
    """How histories and the audit log name who did something, beyond doubt.

    `Ana Souza (pk3f9x2m1qz)`; for our own people with what they are and the ticket.
    """
    inside = [str(person.id)]
    if needs_ticket(standing):
        inside.append({"support": "suporte", "operator": "operação"}[standing])
    if ticket:
        inside.append(f"chamado {ticket}")
    return f"{person.name} ({', '.join(inside)})"

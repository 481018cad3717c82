"""One line of the table of data, and the words that its lines share."""

from datetime import timedelta
from typing import Final

from msgspec import Struct

from shared.domain.privacy import terms

CONTRACT: Final = "contract (art. 7, V)"
LAW: Final = "legal duty: tax documents (art. 7, II; CTN arts. 173, 174, 195)"
RIGHTS: Final = "exercise of rights, proof (art. 7, VI)"
INTEREST: Final = "legitimate interest: security and working order (art. 7, IX)"
NONE: Final = "none needed"

FISCAL: Final = (
    f"{terms.FISCAL_YEARS} full years after that of the nota (`FISCAL_YEARS`); then without the"
    " person"
)
TENANT: Final = "as long as the tenant"
DEPARTURE: Final = "the tenant's departure"
TEXTS: Final = "texts: an erasure; rows: the tenant's departure"
ERASURE: Final = "an erasure; the sweep; the tenant's departure"


class Data(Struct, frozen=True, kw_only=True):
    """One table: `personal` is empty where it says nothing of a person."""

    table: str
    holds: str
    personal: str = ""
    purpose: str
    ground: str = NONE
    kept: str = TENANT
    ended_by: str = DEPARTURE


def days(span: timedelta, since: str = "") -> str:
    """A span in words, and after what."""
    count = f"{span.days} day{'s' if span.days != 1 else ''}"
    return f"{count} after {since}" if since else count

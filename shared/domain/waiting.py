"""Why a sale that is to be issued has not been sent yet, and until when. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal

from msgspec import Struct

from shared.domain.brakes import BRAKE_CODES
from shared.domain.breaker import Breaker, again_at
from shared.domain.sale import SaleStatus

WaitCode = Literal[
    "issuer_outage",
    "city_outage",
    "company_blocked",
    "vindi_budget",
    "vindi_outage",
    "issuer_pace",
    "database_restored",
    "brake",
]
A_MOMENT: Final = timedelta(seconds=5)  # work that is about to begin waits for nothing


class WaitingEntry(Struct, frozen=True, kw_only=True):
    """A sale's place in the outbox; `bill_read`: nothing is new since it was last decided."""

    state: Literal["due", "leased", "settled"]
    due_at: datetime
    tries: int
    bill_read: bool


class Waiting(Struct, frozen=True, kw_only=True):
    """What a sale waits for; `until` None where nobody can say.

    `cause` is the row of the catalogue of refusals that stopped the company.
    """

    code: WaitCode
    until: datetime | None = None
    cause: str | None = None


def waiting_for(
    status: SaleStatus,
    code: str | None,
    entry: WaitingEntry | None,
    breakers: Sequence[Breaker],
    now: datetime,
    *,
    restored: bool = False,
) -> Waiting | None:
    """Say what keeps a sale that is due from being sent; None for every other sale.

    `restored`: the database is an older copy, and the issuer's list is still to be read.
    """
    if status is SaleStatus.HELD and code in BRAKE_CODES:
        return Waiting(code="brake")
    if entry is None or entry.state == "settled" or not _is_due(status, entry, now):
        return None
    if entry.state == "leased" and status is SaleStatus.QUEUED:
        return Waiting(code="issuer_pace")  # its turn has not come
    if not entry.bill_read or status is SaleStatus.IN_GUARANTEE:
        return _for_vindi(entry, now)
    if restored:
        return Waiting(code="database_restored")
    blocked = [one for one in breakers if one.state != "closed"]
    company = next((one for one in blocked if one.scope == "company"), None)
    if company is not None:
        until = max(again_at(one, now) for one in blocked)
        return Waiting(code="company_blocked", until=until, cause=company.cause)
    if blocked:
        city = all(one.scope == "city" for one in blocked)
        until = max(again_at(one, now) for one in blocked)
        return Waiting(code="city_outage" if city else "issuer_outage", until=until)
    return Waiting(code="issuer_pace", until=entry.due_at if entry.due_at > now else None)


def _is_due(status: SaleStatus, entry: WaitingEntry, now: datetime) -> bool:
    # A guarantee that has ended shows as one until its sale is decided again.
    ended = status is SaleStatus.IN_GUARANTEE and entry.due_at <= now - A_MOMENT
    return status is SaleStatus.QUEUED or ended


def _for_vindi(entry: WaitingEntry, now: datetime) -> Waiting | None:
    if entry.due_at > now:
        return Waiting(code="vindi_outage" if entry.tries else "vindi_budget", until=entry.due_at)
    return Waiting(code="vindi_budget") if entry.due_at <= now - A_MOMENT else None

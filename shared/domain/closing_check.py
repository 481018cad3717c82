"""The deep check of a closing: a month read again bill by bill."""

from datetime import datetime
from typing import Final, Literal

from msgspec import Struct

from shared.domain.closing import Kinds, Month
from shared.domain.ids import TenantId

CheckStatus = Literal["queued", "running", "completed", "failed"]
OMITTED: Final = "rows_omitted"
# Bills known of the month, one by one; then Vindi's own lists of it, for those not known.
CheckPhase = Literal["known", "charges", "bills"]


class DeepCheck(Struct, frozen=True, kw_only=True):
    """A deep check, where it is and what it found. `cursor` is a bill's number, or a page's.

    `error` of one under way says what it waits for, or (`rows_omitted`) that something was not
    shown: then the rest is read, and the check fails.
    """

    tenant_id: TenantId
    month: Month
    status: CheckStatus
    requested_by: str
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None
    attempt: int
    failures: int  # in a row
    phase: CheckPhase
    cursor: int
    bills_total: int
    bills_read: int
    differed: int
    found: int


class CheckStep(Struct, frozen=True, kw_only=True):
    """What one step of a check leaves behind; `phase` None says that it was the last."""

    phase: CheckPhase | None
    cursor: int = 0
    bills_total: int | None = None  # None keeps it
    bills_read: int = 0
    differed: int = 0
    found: int = 0
    omitted: str | None = None  # OMITTED where something of it is never shown


def phase_after(phase: CheckPhase, kinds: Kinds) -> CheckPhase | None:
    """The next phase of a check under a rule that counts these kinds of moment."""
    if phase == "known" and kinds.paid:
        return "charges"
    if phase != "bills" and kinds.created:
        return "bills"
    return None

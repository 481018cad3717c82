"""One action for many sales: what was asked for, and how far it is."""

from datetime import datetime, timedelta
from typing import Final, Literal

from msgspec import Struct

from shared.domain.actions import SaleAction
from shared.domain.ids import BillId, JobId, TenantId

BulkStatus = Literal["queued", "running", "completed", "cancelled", "failed"]
MOST_AT_ONCE: Final = 100_000  # a month of the largest tenants; their ids are a megabyte


class BulkJob(Struct, frozen=True, kw_only=True):
    """An action for `sales` sales, of which `done` were asked for and `accepted` took it.

    `about` names what they have in common, for people; `failures` counts steps that failed in a
    row for reasons of ours.
    """

    tenant_id: TenantId
    id: JobId
    action: SaleAction
    reason: str
    about: str
    asked_by: str
    asked_at: datetime
    sales: int
    status: BulkStatus
    done: int
    accepted: int
    failures: int
    started_at: datetime | None
    ended_at: datetime | None

    @property
    def refused(self) -> int:
        """Sales whose state forbade the action."""
        return self.done - self.accepted

    @property
    def open(self) -> bool:
        """Whether there is more to come."""
        return self.status in ("queued", "running")

    def left(self, now: datetime) -> timedelta | None:
        """How long it goes on at the speed it had; None while that is not known."""
        if not self.open or self.started_at is None or not self.done:
            return None
        return (now - self.started_at) / self.done * (self.sales - self.done)


class BulkRefusal(Struct, frozen=True, kw_only=True):
    """A sale that did not take the action, and why, in Portuguese."""

    bill_id: BillId
    code: str
    why: str

"""Deep checks of a closing: asking for one, and seeing how far it is."""

from typing import Any, Final

from pydantic import BaseModel

from services.reconciler.api.kit.operation import (
    NOTHING,
    Answer,
    AnyOperation,
    Call,
    NoBody,
    NoQuery,
    Operation,
)
from services.reconciler.api.kit.problem import Problem
from services.reconciler.api.kit.words import Instant, month_of
from shared.db.closing import closing_checks_store
from shared.db.tenants import audit_store
from shared.domain.closing_check import CheckStatus, DeepCheck

NoInput = Call[NoBody, NoQuery]


class DeepCheckOut(BaseModel):
    """How far a check is. `differed` were known and are other than stored, `found` not known.

    Bills are read in the backfill lane: some hundreds a minute at most. `error` says what it
    waits for, or why it failed.
    """

    month: str
    status: CheckStatus
    requested_by: str
    requested_at: Instant
    started_at: Instant | None
    finished_at: Instant | None
    bills_total: int
    bills_read: int
    differed: int
    found: int
    error: str | None


async def ask(call: NoInput) -> Answer:
    """Ask for a check of a month."""
    month, tenant = month_of(call.path["month"]), call.tenant.id
    async with call.services.pool.acquire() as conn, conn.transaction():
        check = await closing_checks_store.ask(conn, tenant, month, by=call.actor)
        if check is None:
            raise Problem(409, "check_running", "This month is being checked already.")
        await audit_store.add(
            conn,
            tenant,
            actor=call.actor,
            action="closing_check_requested",
            detail={"month": str(month)},
        )
    return Answer(status=202, body=_show(check))


async def get(call: NoInput) -> Answer:
    """Show the last check of a month."""
    month = month_of(call.path["month"])
    async with call.services.pool.acquire() as conn:
        check = await closing_checks_store.get(conn, call.tenant.id, month)
    if check is None:
        raise Problem(404, "check_unknown", "This month was never checked.")
    return Answer(body=_show(check))


def _show(check: DeepCheck) -> DeepCheckOut:
    return DeepCheckOut(
        month=str(check.month),
        status=check.status,
        requested_by=check.requested_by,
        requested_at=check.requested_at,
        started_at=check.started_at,
        finished_at=check.finished_at,
        bills_total=check.bills_total,
        bills_read=check.bills_read,
        differed=check.differed,
        found=check.found,
        error=check.error,
    )


_CHECK: Final = "/tenants/{tenant_id}/closing/{month}/check"
_SHOWN: Final[dict[str, Any]] = {**NOTHING, "answer": DeepCheckOut}

OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        method="POST",
        path=_CHECK,
        name="check_closing",
        summary="Read every bill of a month again, and look for bills that were never read",
        handler=ask,
        status=202,
        refusals={404: ("month_unknown",), 409: ("check_running",)},
        **_SHOWN,
    ),
    Operation(
        method="GET",
        path=_CHECK,
        name="get_closing_check",
        summary="Show how far the last check of a month is, and what it found",
        handler=get,
        refusals={404: ("month_unknown", "check_unknown")},
        **_SHOWN,
    ),
)

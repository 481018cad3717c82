"""Asking for past sales, and taking it back. Panel and internal API both come through here."""

from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from shared.crypto.seal import Sealer
from shared.crypto.tokens import new_backfill_id
from shared.db.backfill import backfills_store
from shared.db.connection import Connection
from shared.db.tenants import audit_store, connections_store
from shared.db.tenants.tenants_store import Tenant
from shared.domain.backfill_run import Backfill, BackfillRequest
from shared.domain.ids import BackfillId, TenantId
from shared.domain.moment import local_day

OLDEST: Final = date(2000, 1, 1)


class BackfillRefused(Exception):
    """It cannot be taken on; `code` is a stable word, `running` the one that is in the way."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        missing: tuple[str, ...] = (),
        running: BackfillId | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.missing = missing
        self.running = running


def check_plan(tenant: Tenant) -> None:
    """Past sales need the plan pro, and a tenant that issues or will.

    Raises BackfillRefused (`plan_required`, `shadow_mode`).
    """
    if tenant.plan != "pro":
        raise BackfillRefused("plan_required", "Backfills need the plan pro.")
    if tenant.status == "shadow":
        raise BackfillRefused("shadow_mode", "In shadow mode nothing is issued, nor imported.")


def check_days(tenant: Tenant, since: date, until: date | None, now: datetime) -> None:
    """Raise BackfillRefused for a window that cannot be.

    Codes: `since_too_old`, `since_in_future`, `until_before_since`.
    """
    today = local_day(now, ZoneInfo(tenant.timezone))
    if since < OLDEST:
        raise BackfillRefused("since_too_old", "There are no sales before the year 2000.")
    if since > today:
        raise BackfillRefused("since_in_future", "`since` is after today.")
    if until is not None and until < since:
        raise BackfillRefused("until_before_since", "`until` is before `since`.")


async def queue_backfill(
    conn: Connection, sealer: Sealer, tenant: TenantId, asked: BackfillRequest, *, by: str
) -> BackfillId:
    """Queue a backfill, or a dry run, in the caller's transaction.

    Raises BackfillRefused: `setup_incomplete`, `backfill_running`.
    """
    connections = await connections_store.get(conn, sealer, tenant)
    if connections.vindi is None:
        detail = "Past sales are read from Vindi, which is not connected yet."
        raise BackfillRefused("setup_incomplete", detail, missing=("vindi",))
    backfill = new_backfill_id(tenant)
    running = await backfills_store.add(conn, tenant, backfill, asked)
    if running is not None:
        detail = "Another backfill of this tenant has not ended yet."
        raise BackfillRefused("backfill_running", detail, running=running)
    await audit_store.add(
        conn,
        tenant,
        actor=by,
        action="backfill_requested",
        detail={
            "backfill_id": backfill,
            "since": asked.since.isoformat(),
            "until": asked.until.isoformat() if asked.until else None,
            "dry_run": asked.dry_run,
            "competencia": asked.competencia,
            "requested_by": asked.requested_by,
            "reason": asked.reason,
        },
    )
    return backfill


async def cancel_backfill(
    conn: Connection, tenant: TenantId, backfill: BackfillId, *, by: str
) -> Backfill | None:
    """Stop a backfill in the caller's transaction; what it did stays. None for an unknown one.

    Raises BackfillRefused (`backfill_finished`) for one that ended otherwise.
    """
    if await backfills_store.end(conn, tenant, backfill, "cancelled"):
        await audit_store.add(
            conn, tenant, actor=by, action="backfill_cancelled", detail={"backfill_id": backfill}
        )
    after = await backfills_store.get(conn, tenant, backfill)
    if after is not None and after.status != "cancelled":
        raise BackfillRefused("backfill_finished", "This backfill has ended already.")
    return after

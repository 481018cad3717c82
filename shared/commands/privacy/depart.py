"""A tenant leaves: disconnected at once, deleted after some days, until which it may stay.

From the asking on nothing is read, issued or heard any more: keys are forgotten and addresses
revoked. What has to be kept of its notas the tenant keeps itself (it is the controller), so it is
given everything before. A step of the deletion is one transaction; the last one looks whether
anything is left, and only then says that it is gone.
"""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Final

from msgspec.structs import replace

from shared.commands.backfills import cancel_backfill
from shared.commands.checks import Notice, SetUpRefused
from shared.crypto.seal import Sealer
from shared.db import clock
from shared.db.backfill import backfills_store
from shared.db.connection import Connection, Pool
from shared.db.hooks import status_webhooks_store
from shared.db.privacy import departures_store, tenant_rows
from shared.db.privacy.departures_store import Departure
from shared.db.tenants import audit_store, secrets_store, tenants_store
from shared.domain.ids import TenantId

BATCH: Final = 2000  # rows of one table
A_STEP: Final = 6000  # rows, at least that many before the next tenant's turn
AFTER_FAILURE: Final = timedelta(minutes=1)
BY: Final = "reconciler"
UNDER_WAY: Final = "notas_under_way"


async def ask_departure(
    conn: Connection,
    sealer: Sealer,
    tenant: TenantId,
    *,
    name: str,
    reason: str,
    days: int,
    by: str,
    confirmed: Collection[str] = (),
) -> Departure:
    """Disconnect a tenant and write down when it is deleted, in the caller's transaction.

    `name` is the tenant's, typed again. Those that remember its addresses notice
    `secrets_store.REMEMBERED_SECONDS` after the commit. Raises SetUpRefused: `name_differs`,
    `departing` where it leaves already, `confirm_needed` (`notas_under_way`) where notas are at the
    issuer that nobody will follow any more.
    """
    of = await tenants_store.lock(conn, tenant)
    if of is None:
        raise LookupError("no such tenant")
    if name.strip() != of.name:
        raise SetUpRefused("This is not the tenant's name.", code="name_differs")
    if UNDER_WAY not in confirmed:
        await _demand_nothing_under_way(conn, tenant)
    now = await clock.now(conn)
    departure = await departures_store.put(
        conn, tenant, reason=reason, by=by, now=now, delete_at=now + timedelta(days=days)
    )
    if departure is None:
        raise SetUpRefused("The tenant leaves already.", code="departing")
    await _stop(conn, of.status, tenant)
    # Whoever works on it has the key in its memory, and reads on with it until then.
    if backfill := await backfills_store.open_one(conn, tenant):
        await cancel_backfill(conn, tenant, backfill, by=by)
    await departures_store.forget_keys(conn, sealer, tenant, now)
    await secrets_store.revoke_all(conn, tenant, "vindi", now)
    await secrets_store.revoke_all(conn, tenant, "enotas", now)
    await status_webhooks_store.delete(conn, tenant)
    detail = {"reason": reason, "delete_at": departure.delete_at.isoformat()}
    await audit_store.add(conn, tenant, actor=by, action="departure_asked", detail=detail)
    return departure


async def _demand_nothing_under_way(conn: Connection, tenant: TenantId) -> None:
    count = await departures_store.open_notas(conn, tenant)
    if not count:
        return
    message = (
        f"{count} nota(s) ainda em andamento no emissor: depois de desconectar, ninguém acompanha"
        " nem baixa essas notas por aqui. Espere terminarem, ou confirme."
    )
    raise SetUpRefused(
        "Notas are at the issuer that nobody would follow: repeat it with confirm.",
        code="confirm_needed",
        missing=(UNDER_WAY,),
        warnings=(Notice(code=UNDER_WAY, message=message),),
    )


async def _stop(conn: Connection, status: str, tenant: TenantId) -> None:
    if status == "active":
        await tenants_store.pause(conn, tenant)
    elif status == "shadow":
        await tenants_store.leave_shadow(conn, tenant)


async def cancel_departure(conn: Connection, tenant: TenantId, *, by: str) -> Departure:
    """Let a tenant stay, in the caller's transaction; its keys have to be entered again.

    Raises SetUpRefused (`not_departing`) where nothing waits, also once it is being deleted.
    """
    cancelled = await departures_store.cancel(conn, tenant, by, await clock.now(conn))
    if cancelled is None:
        raise SetUpRefused("Nothing waits to be deleted.", code="not_departing")
    await audit_store.add(conn, tenant, actor=by, action="departure_cancelled")
    return cancelled


async def demand_staying(conn: Connection, tenant: TenantId) -> None:
    """Raise SetUpRefused (`departing`) for a tenant that leaves: nothing is connected any more.

    Waits for whoever is writing that down just now.
    """
    found = await departures_store.lock(conn, tenant)
    if found is not None and found.state in ("waiting", "deleting"):
        raise SetUpRefused("The tenant leaves; cancel that first.", code="departing")


async def step_departure(pool: Pool, tenant: TenantId) -> bool:
    """Delete some more of a tenant whose time has come; False where there was nothing for us.

    The audit is deleted by its owner, who looks whether the tenant is being deleted: that is
    committed before, and nothing else is changed along with it, since nodes of Citus refuse what
    two roles change of a tenant in one transaction. A kill in between loses those rows' count.
    """
    if not await _begin(pool, tenant):
        return False
    async with pool.acquire() as conn:
        told = await _forget_audit(conn, tenant)
    async with pool.acquire() as conn, conn.transaction():
        taken = await departures_store.take(conn, tenant)
        if taken is None:
            return False
        gone = _more(taken.gone, tenant_rows.AUDIT, told)
        await departures_store.save(conn, await _delete_some(conn, replace(taken, gone=gone)))
    return True


async def _begin(pool: Pool, tenant: TenantId) -> bool:
    async with pool.acquire() as conn, conn.transaction():
        taken = await departures_store.take(conn, tenant)
        if taken is not None and taken.state != "deleting":
            await departures_store.save(conn, replace(taken, state="deleting"))
    return taken is not None


async def _forget_audit(conn: Connection, tenant: TenantId) -> int:
    total = 0
    while total < A_STEP:
        rows = await tenant_rows.remove_audit(conn, tenant, limit=BATCH)
        total += rows
        if rows < BATCH:
            break
    return total


def _more(gone: Mapping[str, int], table: str, rows: int) -> dict[str, int]:
    return {**gone, table: gone.get(table, 0) + rows} if rows else dict(gone)


async def _delete_some(conn: Connection, departure: Departure) -> Departure:
    tenant, gone, people = departure.tenant_id, dict(departure.gone), departure.people
    total = 0
    for table in tenant_rows.REMOVE:
        if table == "memberships":
            people += await tenant_rows.remove_people_any_tenant(conn, tenant)
        while total < A_STEP:
            rows = await tenant_rows.remove(conn, table, tenant, limit=BATCH)
            gone = _more(gone, table, rows)
            total += rows
            if rows < BATCH:
                break
        if total >= A_STEP:
            return replace(departure, gone=gone, people=people)
    return await _last_look(conn, replace(departure, gone=gone, people=people))


async def _last_look(conn: Connection, departure: Departure) -> Departure:
    """Say that it is gone once no table has a row of it; whoever came in between goes next time."""
    tenant = departure.tenant_id
    await tenants_store.lock(conn, tenant)
    if await tenant_rows.left_in(conn, tenant):
        return departure
    await tenant_rows.remove_tenant(conn, tenant)
    detail = {"tenant_id": tenant, "rows": sum(departure.gone.values())}
    await audit_store.add(
        conn, audit_store.NO_TENANT, actor=BY, action="tenant_deleted", detail=detail
    )
    return replace(departure, state="deleted", ended_at=await clock.this_instant(conn))


async def put_off_departure(pool: Pool, tenant: TenantId) -> None:
    """A step failed: try again a little later, for ever."""
    async with pool.acquire() as conn:
        again = await clock.now(conn) + AFTER_FAILURE
        await departures_store.put_off(conn, tenant, again)

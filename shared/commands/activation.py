"""From setting up to shadow, to issuing, to a pause: how a tenant's notas begin and stop.

`setting_up` → `shadow` (decided, told, never sent) → `active` since a day → `paused` and back.
"""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from shared.commands.checks import SetUpRefused, demand_confirmed
from shared.commands.privacy.depart import demand_staying
from shared.crypto.seal import Sealer
from shared.db import clock
from shared.db.connection import Connection, Pool
from shared.db.outbox import outbox_wakes
from shared.db.tenants import (
    audit_store,
    connections_store,
    elsewhere_store,
    rules_store,
    tenants_store,
)
from shared.db.tenants.tenants_store import Tenant
from shared.domain.ids import TenantId
from shared.domain.moment import local_day, start_of_day
from shared.domain.shadow import IN_SHADOW, LEFT_TO_OTHERS, PAUSED

MissingPart = Literal["vindi", "issuer", "rule"]
LATEST: Final = timedelta(days=366)  # a year that was mistyped is further away


async def activate(
    pool: Pool,
    sealer: Sealer,
    tenant: TenantId,
    *,
    by: str,
    confirmed: Collection[str] = (),
    since: date | None = None,
) -> Tenant:
    """Let notas be issued: from now on, from where a pause stopped it, or from a day that comes.

    `since` is a local day after today: whoever issued before issues what happens before it. As
    long as that day lies ahead, another one may be given. Safe to repeat. Raises SetUpRefused:
    `setup_incomplete` with the parts that are missing, `since_not_ahead`, `since_too_far`,
    `already_issuing` for a day given to a tenant that has begun, `confirm_needed` with what
    another tenant has too and is not among the `confirmed` codes, `departing`.
    """
    async with pool.acquire() as conn, conn.transaction():
        before = known(await tenants_store.lock(conn, tenant))
        await demand_staying(conn, tenant)
        await _demand_complete(conn, sealer, tenant)
        now = await clock.now(conn)
        start = _start(before, since, now)
        if before.status == "active" and start in (None, before.active_from):
            return before
        await elsewhere_store.take_turn_any_tenant(conn)
        elsewhere = await elsewhere_store.find_any_tenant(conn, tenant)
        demand_confirmed(elsewhere, confirmed)
        after = known(await tenants_store.activate(conn, tenant, start))
        await audit_store.add(
            conn,
            tenant,
            actor=by,
            action="tenant_activated",
            detail={
                "confirmed": [one.code for one in elsewhere],
                **({} if since is None else {"since": since.isoformat()}),
            },
        )
        await outbox_wakes.wake_stopped(conn, tenant, [PAUSED, IN_SHADOW])
        if after.active_from is not None and after.active_from != before.active_from:
            await outbox_wakes.wake_left(conn, tenant, sorted(LEFT_TO_OTHERS), after.active_from)
    return after


def _start(tenant: Tenant, since: date | None, now: datetime) -> datetime | None:
    """When the day begins from which notas are issued; None for now, or for where it was."""
    if since is None:
        return None
    if tenant.active_from is not None and tenant.active_from <= now:
        raise SetUpRefused("Notas are issued already.", code="already_issuing")
    zone = ZoneInfo(tenant.timezone)
    today = local_day(now, zone)
    if since <= today:
        raise SetUpRefused("The day is not after today.", code="since_not_ahead")
    if since > today + LATEST:
        raise SetUpRefused("The day is more than a year away.", code="since_too_far")
    return start_of_day(since, zone)


async def pause(pool: Pool, tenant: TenantId, *, by: str, reason: str | None = None) -> Tenant:
    """Issue and cancel nothing until activated again; raises SetUpRefused (`not_active`)."""
    async with pool.acquire() as conn, conn.transaction():
        known(await tenants_store.lock(conn, tenant))
        paused = await tenants_store.pause(conn, tenant)
        if paused is None:
            raise SetUpRefused("The tenant was never active.", code="not_active")
        detail = {} if reason is None else {"reason": reason}
        await audit_store.add(conn, tenant, actor=by, action="tenant_paused", detail=detail)
    return paused


async def enter_shadow(pool: Pool, sealer: Sealer, tenant: TenantId, *, by: str) -> Tenant:
    """Decide each sale from now on as if notas were issued, and issue none. Safe to repeat.

    Raises SetUpRefused: `setup_incomplete` with the parts that are missing, `already_issuing` for
    a tenant that was ever active, `departing`.
    """
    async with pool.acquire() as conn, conn.transaction():
        before = known(await tenants_store.lock(conn, tenant))
        await demand_staying(conn, tenant)
        await _demand_complete(conn, sealer, tenant)
        if before.status == "shadow":
            return before
        after = await tenants_store.enter_shadow(conn, tenant)
        if after is None:
            raise SetUpRefused("Notas are issued already.", code="already_issuing")
        await audit_store.add(conn, tenant, actor=by, action="shadow_entered")
    return after


async def leave_shadow(pool: Pool, tenant: TenantId, *, by: str) -> Tenant:
    """Back to setting up, without issuing; raises SetUpRefused (`not_in_shadow`)."""
    async with pool.acquire() as conn, conn.transaction():
        known(await tenants_store.lock(conn, tenant))
        after = await tenants_store.leave_shadow(conn, tenant)
        if after is None:
            raise SetUpRefused("The tenant is not in shadow mode.", code="not_in_shadow")
        await audit_store.add(conn, tenant, actor=by, action="shadow_left")
    return after


async def _demand_complete(conn: Connection, sealer: Sealer, tenant: TenantId) -> None:
    missing = await missing_parts(conn, sealer, tenant)
    if missing:
        raise SetUpRefused(
            "Connections and rule must be there first.", code="setup_incomplete", missing=missing
        )


async def missing_parts(
    conn: Connection, sealer: Sealer, tenant: TenantId
) -> tuple[MissingPart, ...]:
    """What a tenant lacks before notas may be issued."""
    connections = await connections_store.get(conn, sealer, tenant)
    parts: dict[MissingPart, object] = {
        "vindi": connections.vindi,
        "issuer": connections.issuer,
        "rule": await rules_store.newest(conn, tenant),
    }
    return tuple(name for name, part in parts.items() if part is None)


def known(tenant: Tenant | None) -> Tenant:
    """The tenant; LookupError where there is none."""
    if tenant is None:
        raise LookupError("no such tenant")
    return tenant

"""Tenants: adding, listing, changing, activating, pausing."""

from datetime import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel

from services.reconciler.api.kit.once import once
from services.reconciler.api.kit.operation import (
    PREFIX,
    Answer,
    AnyOperation,
    Call,
    NoBody,
    NoQuery,
    Operation,
    Strict,
)
from services.reconciler.api.kit.refusals import refusing
from services.reconciler.api.kit.words import (
    Cursor,
    Instant,
    Limit,
    Name,
    Timezone,
    bad_cursor,
    read_cursor,
    write_cursor,
)
from shared.db.connection import Connection
from shared.db.tenants import tenants_store
from shared.db.tenants.tenants_store import Subscription, Tenant
from shared.domain.ids import TenantId

DEFAULT_ZONE: Final = "America/Sao_Paulo"


class TenantNew(Strict):
    """A tenant to add."""

    name: Name
    plan: Subscription
    timezone: Timezone = DEFAULT_ZONE


class TenantChange(Strict):
    """What to change of a tenant; what is left out, or null, stays."""

    name: Name | None = None
    plan: Subscription | None = None
    timezone: Timezone | None = None


class TenantOut(BaseModel):
    """A tenant. `active_from` is the instant of the first activation."""

    id: str
    name: str
    plan: Subscription
    timezone: str
    status: Literal["setting_up", "active", "paused"]
    active_from: Instant | None
    created_at: Instant


class TenantList(BaseModel):
    """Some tenants, the oldest first; `next` goes on where they end."""

    items: list[TenantOut]
    next: str | None


class Paging(Strict):
    """Which part of a list."""

    limit: Limit = 50
    cursor: Cursor | None = None


async def add(call: Call[TenantNew, NoQuery]) -> Answer:
    """Add a tenant."""

    async def work(conn: Connection) -> Answer:
        tenant = await call.services.set_up.add_tenant(
            conn,
            name=call.body.name,
            plan=call.body.plan,
            timezone=call.body.timezone,
            by=call.actor,
        )
        location = {"Location": f"{PREFIX}/tenants/{tenant.id}"}
        return Answer(status=201, body=show(tenant), headers=location)

    return await once(call, "add_tenant", TenantOut, work)


async def list_all(call: Call[NoBody, Paging]) -> Answer:
    """List tenants."""
    limit = call.query.limit
    async with call.services.pool.acquire() as conn:
        found = await tenants_store.list_any_tenant(
            conn, after=_after(call.query.cursor), limit=limit + 1
        )
    last = found[limit - 1] if len(found) > limit else None
    return Answer(
        body=TenantList(
            items=[show(tenant) for tenant in found[:limit]],
            next=write_cursor(last.created_at.isoformat(), last.id) if last else None,
        )
    )


async def get(call: Call[NoBody, NoQuery]) -> Answer:
    """Show one tenant."""
    return Answer(body=show(call.tenant))


async def change(call: Call[TenantChange, NoQuery]) -> Answer:
    """Change a tenant's name, plan or zone."""
    after = await call.services.set_up.change_tenant(
        call.tenant.id,
        name=call.body.name,
        plan=call.body.plan,
        timezone=call.body.timezone,
        by=call.actor,
    )
    return Answer(body=show(after))


async def activate(call: Call[NoBody, NoQuery]) -> Answer:
    """Let notas be issued."""
    async with refusing():
        tenant = await call.services.set_up.activate(call.tenant.id, by=call.actor)
    return Answer(body=show(tenant))


async def pause(call: Call[NoBody, NoQuery]) -> Answer:
    """Stop issuing and cancelling."""
    async with refusing():
        tenant = await call.services.set_up.pause(call.tenant.id, by=call.actor)
    return Answer(body=show(tenant))


def show(tenant: Tenant) -> TenantOut:
    """A tenant as the API writes it."""
    return TenantOut(
        id=tenant.id,
        name=tenant.name,
        plan=tenant.plan,
        timezone=tenant.timezone,
        status=tenant.status,
        active_from=tenant.active_from,
        created_at=tenant.created_at,
    )


def _after(cursor: str | None) -> tuple[datetime, TenantId] | None:
    if cursor is None:
        return None
    at, tenant = read_cursor(cursor, 2)
    try:
        instant = datetime.fromisoformat(at)
    except ValueError as error:
        raise bad_cursor() from error
    if instant.tzinfo is None or not 2000 <= instant.year <= 9000:
        raise bad_cursor()
    return instant, TenantId(tenant)


_ONE: Final = "/tenants/{tenant_id}"
_NOTHING: Final[dict[str, Any]] = {"body": NoBody, "query": NoQuery}

OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        method="POST",
        path="/tenants",
        name="add_tenant",
        summary="Add a tenant",
        handler=add,
        body=TenantNew,
        query=NoQuery,
        status=201,
        answer=TenantOut,
        idempotent_by_key=True,
    ),
    Operation(
        method="GET",
        path="/tenants",
        name="list_tenants",
        summary="List tenants, the oldest first",
        handler=list_all,
        body=NoBody,
        query=Paging,
        answer=TenantList,
    ),
    Operation(
        method="GET",
        path=_ONE,
        name="get_tenant",
        summary="Show a tenant",
        handler=get,
        answer=TenantOut,
        **_NOTHING,
    ),
    Operation(
        method="PATCH",
        path=_ONE,
        name="change_tenant",
        summary="Change a tenant's name, plan or zone",
        handler=change,
        body=TenantChange,
        query=NoQuery,
        answer=TenantOut,
    ),
    Operation(
        method="POST",
        path=f"{_ONE}/activate",
        name="activate_tenant",
        summary="Issue notas from now on, or go on after a pause",
        handler=activate,
        answer=TenantOut,
        refusals={409: ("setup_incomplete",)},
        **_NOTHING,
    ),
    Operation(
        method="POST",
        path=f"{_ONE}/pause",
        name="pause_tenant",
        summary="Issue and cancel nothing until activated again",
        handler=pause,
        answer=TenantOut,
        refusals={409: ("not_active",)},
        **_NOTHING,
    ),
)

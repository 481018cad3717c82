"""Tenants: adding, listing, changing, activating, pausing."""

from typing import Final, Literal

from pydantic import BaseModel

from services.reconciler.api.kit.once import once
from services.reconciler.api.kit.operation import (
    NOTHING,
    PREFIX,
    Answer,
    AnyOperation,
    Call,
    MayBeEmpty,
    NoBody,
    NoQuery,
    Operation,
    Strict,
)
from services.reconciler.api.kit.paging import Paging, cut, read_instant_cursor
from services.reconciler.api.kit.refusals import refusing
from services.reconciler.api.kit.words import Confirm, Day, Instant, Name, Reason, Timezone
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


class Activate(MayBeEmpty):
    """Which warnings were read and accepted; `since`: the local day from which notas are issued."""

    confirm: Confirm = ()
    since: Day | None = None


class Pause(MayBeEmpty):
    """Why nothing is to leave; it is shown in the history of what was asked for."""

    reason: Reason | None = None


class TenantOut(BaseModel):
    """A tenant. `active_from` is the instant of the first activation, and may lie ahead.

    `shadow_from` is since when sales were decided and told only, up to `active_from`.
    """

    id: str
    name: str
    plan: Subscription
    timezone: str
    status: Literal["setting_up", "shadow", "active", "paused"]
    active_from: Instant | None
    shadow_from: Instant | None
    created_at: Instant


class TenantList(BaseModel):
    """Some tenants, the oldest first; `next` goes on where they end."""

    items: list[TenantOut]
    next: str | None


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
    query = call.query
    after = read_instant_cursor(query.cursor)
    async with call.services.pool.acquire() as conn:
        found = await tenants_store.list_any_tenant(
            conn, after=after and (after[0], TenantId(after[1])), limit=query.rows
        )
    shown, more = cut(found, query, lambda one: (one.created_at.isoformat(), one.id))
    return Answer(body=TenantList(items=[show(tenant) for tenant in shown], next=more))


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


async def activate(call: Call[Activate, NoQuery]) -> Answer:
    """Let notas be issued, at once or from a day."""
    async with refusing():
        tenant = await call.services.set_up.activate(
            call.tenant.id, by=call.actor, confirmed=call.body.confirm, since=call.body.since
        )
    return Answer(body=show(tenant))


async def pause(call: Call[Pause, NoQuery]) -> Answer:
    """Stop issuing and cancelling."""
    async with refusing():
        tenant = await call.services.set_up.pause(
            call.tenant.id, by=call.actor, reason=call.body.reason
        )
    return Answer(body=show(tenant))


async def enter_shadow(call: Call[NoBody, NoQuery]) -> Answer:
    """Decide everything, issue nothing."""
    async with refusing():
        tenant = await call.services.set_up.enter_shadow(call.tenant.id, by=call.actor)
    return Answer(body=show(tenant))


async def leave_shadow(call: Call[NoBody, NoQuery]) -> Answer:
    """Decide nothing any more either."""
    async with refusing():
        tenant = await call.services.set_up.leave_shadow(call.tenant.id, by=call.actor)
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
        shadow_from=tenant.shadow_from,
        created_at=tenant.created_at,
    )


_ONE: Final = "/tenants/{tenant_id}"

OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        method="POST",
        path="/tenants",
        name="add_tenant",
        needs="operator",
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
        **NOTHING,
    ),
    Operation(
        method="PATCH",
        path=_ONE,
        name="change_tenant",
        needs="operator",
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
        body=Activate,
        query=NoQuery,
        answer=TenantOut,
        refusals={
            409: ("setup_incomplete", "confirm_needed", "already_issuing", "departing"),
            422: ("since_not_ahead", "since_too_far"),
        },
    ),
    Operation(
        method="POST",
        path=f"{_ONE}/shadow",
        name="enter_shadow",
        summary="Decide each sale from now on, and issue nothing",
        handler=enter_shadow,
        answer=TenantOut,
        refusals={409: ("setup_incomplete", "already_issuing", "departing")},
        **NOTHING,
    ),
    Operation(
        method="DELETE",
        path=f"{_ONE}/shadow",
        name="leave_shadow",
        summary="Leave shadow mode without issuing",
        handler=leave_shadow,
        answer=TenantOut,
        refusals={409: ("not_in_shadow",)},
        **NOTHING,
    ),
    Operation(
        method="POST",
        path=f"{_ONE}/pause",
        name="pause_tenant",
        summary="Issue and cancel nothing until activated again",
        body=Pause,
        query=NoQuery,
        handler=pause,
        answer=TenantOut,
        refusals={409: ("not_active",)},
    ),
)

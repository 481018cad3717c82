"""Tenants that leave: given everything, disconnected, and after some days deleted."""

import asyncio
from typing import Annotated, Final

from pydantic import BaseModel, Field

from services.reconciler.api.kit.operation import (
    NOTHING,
    Answer,
    AnyOperation,
    Call,
    NoBody,
    NoQuery,
    Operation,
    Strict,
    attachment,
)
from services.reconciler.api.kit.paging import Paging, cut, read_instant_cursor
from services.reconciler.api.kit.problem import Problem
from services.reconciler.api.kit.refusals import refusing
from services.reconciler.api.kit.shapes import ReasonOfNobody
from services.reconciler.api.kit.words import Confirm, Instant, Name
from shared.commands.privacy.depart import ask_departure, cancel_departure
from shared.commands.privacy.tenant_zip import tenant_zip
from shared.db.privacy import departures_store
from shared.db.privacy.departures_store import Departure, DepartureState
from shared.db.tenants import audit_store
from shared.db.tenants.secrets_store import REMEMBERED_SECONDS
from shared.domain.ids import TenantId
from shared.domain.privacy.terms import (
    DEPARTURE_DAYS,
    FEWEST_DEPARTURE_DAYS,
    MOST_DEPARTURE_DAYS,
)


class DepartureIn(Strict):
    """A tenant's leaving. `name` is the tenant's, typed again, so that no other one is meant.

    `reason` names no person: it stays when all else is deleted.
    """

    name: Name
    reason: ReasonOfNobody
    days: Annotated[int, Field(ge=FEWEST_DEPARTURE_DAYS, le=MOST_DEPARTURE_DAYS)] = DEPARTURE_DAYS
    confirm: Confirm = ()


class DepartureOut(BaseModel):
    """A leaving. `waiting`: disconnected, may still stay; `deleted`: `gone` says how much was."""

    tenant_id: str
    status: DepartureState
    reason: str
    asked_by: str
    asked_at: Instant
    delete_at: Instant
    ended_by: str | None
    ended_at: Instant | None
    gone: dict[str, int]
    people: int


class DepartureList(BaseModel):
    """Some leavings, the newest first; `next` goes on where they end."""

    items: list[DepartureOut]
    next: str | None


async def ask(call: Call[DepartureIn, NoQuery]) -> Answer:
    """Disconnect a tenant, and have it deleted after some days."""
    async with refusing(), call.services.pool.acquire() as conn, conn.transaction():
        departure = await ask_departure(
            conn,
            call.services.sealer,
            call.tenant.id,
            name=call.body.name,
            reason=call.body.reason,
            days=call.body.days,
            by=call.actor,
            confirmed=call.body.confirm,
        )
    await call.services.waker.ring()
    await asyncio.sleep(REMEMBERED_SECONDS)  # then no process takes the old addresses any more
    return Answer(status=202, body=_shown(departure))


async def get(call: Call[NoBody, NoQuery]) -> Answer:
    """Show how a tenant's leaving stands."""
    async with call.services.pool.acquire() as conn:
        return Answer(body=_shown(_known(await departures_store.get(conn, call.tenant.id))))


async def cancel(call: Call[NoBody, NoQuery]) -> Answer:
    """Let a tenant stay."""
    async with refusing(), call.services.pool.acquire() as conn, conn.transaction():
        departure = await cancel_departure(conn, call.tenant.id, by=call.actor)
    return Answer(body=_shown(departure))


async def list_all(call: Call[NoBody, Paging]) -> Answer:
    """List every leaving."""
    query = call.query
    async with call.services.pool.acquire() as conn:
        found = await departures_store.list_any_tenant(
            conn, before=read_instant_cursor(query.cursor), limit=query.rows
        )
    shown, more = cut(found, query, lambda one: (one.asked_at.isoformat(), one.tenant_id))
    return Answer(body=DepartureList(items=[_shown(one) for one in shown], next=more))


async def look(call: Call[NoBody, NoQuery]) -> Answer:
    """Show a leaving, also of a tenant that is no more."""
    departed = call.path["departed"]
    if "\0" in departed:
        raise _unknown()
    async with call.services.pool.acquire() as conn:
        found = await departures_store.get(conn, TenantId(departed))
    return Answer(body=_shown(_known(found)))


async def export(call: Call[NoBody, NoQuery]) -> Answer:
    """Give out everything of a tenant."""
    services, tenant, at = call.services, call.tenant, call.services.now()
    async with services.pool.acquire() as conn:
        await audit_store.add(conn, tenant.id, actor=call.actor, action="tenant_exported")
    pieces = tenant_zip(services.pool, services.sealer, tenant, at=at)
    return attachment(f"notaponte-{tenant.id}-{at:%Y%m%d}.zip", pieces, "application/zip")


def _known(departure: Departure | None) -> Departure:
    if departure is None:
        raise _unknown()
    return departure


def _unknown() -> Problem:
    return Problem(404, "departure_unknown", "This tenant never asked to leave.")


def _shown(departure: Departure) -> DepartureOut:
    return DepartureOut(
        tenant_id=departure.tenant_id,
        status=departure.state,
        reason=departure.reason,
        asked_by=departure.asked_by,
        asked_at=departure.asked_at,
        delete_at=departure.delete_at,
        ended_by=departure.ended_by,
        ended_at=departure.ended_at,
        gone=dict(departure.gone),
        people=departure.people,
    )


_DEPARTURE: Final = "/tenants/{tenant_id}/departure"

OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        method="GET",
        path="/tenants/{tenant_id}/export",
        name="export_tenant",
        summary="Everything of a tenant but keys as ZIP: rows as JSON, closings as CSV",
        handler=export,
        media_type="application/zip",
        needs="operator",
        **NOTHING,
    ),
    Operation(
        method="POST",
        path=_DEPARTURE,
        name="ask_departure",
        summary="Disconnect a tenant at once, and have it deleted after some days",
        handler=ask,
        body=DepartureIn,
        query=NoQuery,
        status=202,
        answer=DepartureOut,
        needs="operator",
        refusals={409: ("departing", "confirm_needed"), 422: ("name_differs",)},
    ),
    Operation(
        method="GET",
        path=_DEPARTURE,
        name="get_departure",
        summary="Show how a tenant's leaving stands",
        handler=get,
        answer=DepartureOut,
        refusals={404: ("departure_unknown",)},
        **NOTHING,
    ),
    Operation(
        method="DELETE",
        path=_DEPARTURE,
        name="cancel_departure",
        summary="Let a tenant stay that was to be deleted; its keys have to be entered again",
        handler=cancel,
        answer=DepartureOut,
        needs="operator",
        refusals={409: ("not_departing",)},
        **NOTHING,
    ),
    Operation(
        method="GET",
        path="/departures",
        name="list_departures",
        summary="List tenants that leave or left, the newest first",
        handler=list_all,
        body=NoBody,
        query=Paging,
        answer=DepartureList,
    ),
    Operation(
        method="GET",
        path="/departures/{departed}",
        name="look_at_departure",
        summary="Show a leaving, also of a tenant that is no more, and what was deleted of it",
        handler=look,
        answer=DepartureOut,
        refusals={404: ("departure_unknown",)},
        **NOTHING,
    ),
)

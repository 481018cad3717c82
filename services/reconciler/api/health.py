"""How a tenant is doing: what stops it, since when, and what to do."""

from typing import Final

from pydantic import BaseModel

from services.reconciler.api.kit.operation import (
    Answer,
    AnyOperation,
    Call,
    NoBody,
    NoQuery,
    Operation,
    tenant_unknown,
)
from services.reconciler.api.kit.words import Instant
from shared.db.tenants import (
    brakes_store,
    elsewhere_store,
    issuer_health_store,
    nota_connections_store,
)
from shared.db.vindi import watch_store
from shared.watch.connection import ConnectionCheck, Status, judge, worst
from shared.watch.elsewhere import judge_elsewhere
from shared.watch.issuing import judge_issuing


class CheckOut(BaseModel):
    """One thing that was looked at; the message is Portuguese."""

    code: str
    status: Status
    since: Instant | None
    message: str


class HealthOut(BaseModel):
    """The worst of all checks, and each of them."""

    status: Status
    checks: list[CheckOut]


async def get(call: Call[NoBody, NoQuery]) -> Answer:
    """Look at a tenant's connections, its webhook, its reconciliation and its queue."""
    services = call.services
    async with services.pool.acquire() as conn:
        facts = await watch_store.facts(conn, call.tenant.id)
        breakers = await issuer_health_store.read(conn, call.tenant.id)
        brake = await brakes_store.get(conn, call.tenant.id)
        elsewhere = await elsewhere_store.find_any_tenant(conn, call.tenant.id)
        here = await nota_connections_store.current_id(conn, call.tenant.id)
        left = await nota_connections_store.open_elsewhere(conn, call.tenant.id, here)
    if facts is None:
        raise tenant_unknown()
    checks = judge(facts, every=services.reconcile_every) + judge_issuing(breakers, brake)
    checks += judge_elsewhere(elsewhere, left)
    return Answer(body=HealthOut(status=worst(checks), checks=[_out(check) for check in checks]))


def _out(check: ConnectionCheck) -> CheckOut:
    return CheckOut(code=check.code, status=check.status, since=check.since, message=check.message)


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        method="GET",
        path="/tenants/{tenant_id}/health",
        name="get_tenant_health",
        summary="Show what stops a tenant, and since when",
        handler=get,
        body=NoBody,
        query=NoQuery,
        answer=HealthOut,
    ),
)

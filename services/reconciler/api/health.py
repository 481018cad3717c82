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
from shared.watch.connection import ConnectionCheck, Status, worst
from shared.watch.look import look_at_any_tenant


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
        checks = await look_at_any_tenant(conn, call.tenant.id, every=services.reconcile_every)
    if checks is None:
        raise tenant_unknown()
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

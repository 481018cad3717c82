"""How a tenant is doing: what stops it, since when, and what to do."""

from datetime import datetime
from typing import Final, Literal

from pydantic import BaseModel

from services.reconciler.api.operation import (
    Answer,
    AnyOperation,
    Call,
    NoBody,
    NoQuery,
    Operation,
)
from services.reconciler.api.words import Instant
from shared.db import connections_store
from shared.db.connections_store import ConnectionState, Side
from shared.domain.messages import message_for

Status = Literal["ok", "degraded", "broken"]
_WORSE: Final[dict[Status, int]] = {"ok": 0, "degraded": 1, "broken": 2}


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
    """Look at a tenant's connections."""
    now = call.services.now()
    async with call.services.pool.acquire() as conn:
        found = await connections_store.get(conn, call.services.sealer, call.tenant.id)
    checks = [
        _connection("vindi", found.vindi.state if found.vindi else None, now),
        _connection("issuer", found.issuer.state if found.issuer else None, now),
    ]
    return Answer(body=summarise(checks))


def summarise(checks: list[CheckOut]) -> HealthOut:
    """A tenant is as well as its worst check."""
    worst = max((check.status for check in checks), key=_WORSE.__getitem__, default="ok")
    return HealthOut(status=worst, checks=checks)


def _connection(side: Side, state: ConnectionState | None, now: datetime) -> CheckOut:
    code = f"{side}_connection"
    if state is None:
        text = message_for(f"{side}_not_connected").text
        return CheckOut(code=code, status="broken", since=None, message=text)
    if state.blocked:
        text = message_for(state.code).text
        return CheckOut(code=code, status="broken", since=state.since, message=text)
    if state.not_before is not None and state.not_before > now:
        text = "Aguardando: o outro lado pediu uma pausa nas chamadas."
        return CheckOut(code=code, status="degraded", since=state.since, message=text)
    return CheckOut(code=code, status="ok", since=state.since, message="Conectado.")


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

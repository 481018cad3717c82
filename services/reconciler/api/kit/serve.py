"""Serving operations: who calls, what they sent, what comes back."""

from collections.abc import Mapping, Sequence
from typing import Final

import asyncpg
import structlog
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from services.reconciler.api.kit.caller import Tokens
from services.reconciler.api.kit.operation import Answer, AnyOperation, Call, tenant_unknown
from services.reconciler.api.kit.problem import Problem, render_problem
from services.reconciler.api.kit.reading import read_body, read_idempotency_key, read_query
from services.reconciler.services import Services
from shared.db.tenants import tenants_store
from shared.db.tenants.tenants_store import Tenant
from shared.domain.ids import TenantId
from shared.doors.subscriber import subscriber
from shared.telemetry.severity import severity

log = structlog.get_logger()

# The database is away, busy or shutting down: nothing is wrong with the request.
DATABASE_AWAY: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.InterfaceError,
    OSError,
    TimeoutError,
)


class PathEndpoint:
    """All methods of one path, as an ASGI application."""

    def __init__(self, tokens: Tokens, operations: Sequence[AnyOperation]) -> None:
        """The operations share one path; they work with the application's `state.resources`."""
        self._tokens = tokens
        self._operations: Mapping[str, AnyOperation] = {op.method: op for op in operations}
        self.__name__ = operations[0].path  # how metrics name it: the pattern, never a path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._respond(Request(scope, receive))
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        try:
            return render_answer(await self._answer(request))
        except Problem as problem:
            return render_problem(problem)
        except DATABASE_AWAY as error:
            log.log(severity(error), "internal_api_unavailable", error=type(error).__name__)
            return render_problem(
                Problem(
                    503,
                    "unavailable",
                    "The database does not answer; try again.",
                    headers={"Retry-After": "5"},
                )
            )

    async def _answer(self, request: Request) -> Answer:
        operation = self._operations.get(request.method)
        if operation is None:
            raise Problem(
                405,
                "method_not_allowed",
                "This path does not take this method.",
                headers={"Allow": ", ".join(sorted(self._operations))},
            )
        services: Services = request.app.state.resources
        caller = await self._tokens.caller(
            services.pool,
            request.headers.get("Authorization", ""),
            subscriber(request.client.host) if request.client else "",
        )
        if not caller.may(operation.scope):
            raise Problem(
                403,
                "scope_too_narrow",
                f"This needs a token for {operation.scope}; this one is for {caller.scope}.",
            )
        tenant = await _find_tenant(request, services) if operation.of_tenant else None
        query = read_query(request, operation.query)
        body, _ = await read_body(request, operation.body)
        call = Call(
            services=services,
            actor=caller.name,
            body=body,
            query=query,
            path=request.path_params,
            idempotency_key=read_idempotency_key(request) if operation.idempotent_by_key else None,
            accept=request.headers.get("Accept", "*/*"),
            found_tenant=tenant,
        )
        return await operation.handler(call)


def render_answer(answer: Answer) -> Response:
    """Write an answer. Nothing of this API may be kept by anyone between."""
    body = answer.body
    headers = {"Cache-Control": "no-store", **answer.headers}
    if not isinstance(body, BaseModel | bytes):
        return StreamingResponse(
            body, status_code=answer.status, headers=headers, media_type=answer.media_type
        )
    content = body.model_dump_json(by_alias=True) if isinstance(body, BaseModel) else body
    return Response(
        content, status_code=answer.status, headers=headers, media_type=answer.media_type
    )


async def _find_tenant(request: Request, services: Services) -> Tenant:
    tenant_id = request.path_params["tenant_id"]
    if "\0" in tenant_id:
        raise tenant_unknown()
    async with services.pool.acquire() as conn:
        tenant = await tenants_store.get(conn, TenantId(tenant_id))
    if tenant is None:
        raise tenant_unknown()
    return tenant

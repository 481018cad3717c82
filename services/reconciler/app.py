"""The reconciler as an ASGI app: the internal API, and its loops beside it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Final

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from services.reconciler.api import (
    actions,
    activity,
    backfills,
    closing,
    closing_accepted,
    closing_checks,
    closing_differences,
    closing_files,
    closing_filing,
    connections,
    denials,
    departures,
    documents,
    health,
    limits,
    people,
    privacy,
    restores,
    rps_series,
    rules,
    sales,
    sample_nota,
    statements,
    status_webhook,
    tables,
    tenants,
    unknown_denials,
)
from services.reconciler.api.kit.caller import Tokens
from services.reconciler.api.kit.openapi import describe
from services.reconciler.api.kit.operation import PREFIX, AnyOperation
from services.reconciler.api.kit.problem import Problem, render_problem
from services.reconciler.api.kit.serve import PathEndpoint
from services.reconciler.loops import run_loops
from services.reconciler.reference.pages import reference_routes
from services.reconciler.services import Services, open_services
from shared.config.env import ApiToken
from shared.config.settings import ReconcilerSettings
from shared.service import make_app

log = structlog.get_logger()

# A resource is a module; `sales/actions` comes before `sales/{bill_id}`, which would match it.
OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    *tenants.OPERATIONS,
    *connections.OPERATIONS,
    *rps_series.OPERATIONS,
    *rules.OPERATIONS,
    *tables.OPERATIONS,
    *health.OPERATIONS,
    *activity.OPERATIONS,
    *reversed(actions.OPERATIONS),
    *sales.OPERATIONS,
    *documents.OPERATIONS,
    *backfills.OPERATIONS,
    *denials.OPERATIONS,
    *unknown_denials.OPERATIONS,
    *limits.OPERATIONS,
    *restores.OPERATIONS,
    *people.OPERATIONS,
    *privacy.OPERATIONS,
    *departures.OPERATIONS,
    *sample_nota.OPERATIONS,
    *statements.OPERATIONS,
    *status_webhook.OPERATIONS,
    *closing_files.OPERATIONS,
    *closing.OPERATIONS,
    *closing_checks.OPERATIONS,
    *closing_differences.OPERATIONS,
    *closing_accepted.OPERATIONS,
    *closing_filing.OPERATIONS,
)


def create_app(settings: ReconcilerSettings) -> Starlette:
    """The service as an app; what it works with is opened when its server starts."""
    return make_app(
        partial(_opened, settings),
        routes=_routes(settings.api_tokens),
        exception_handlers={HTTPException: _refuse, Exception: _fail},
        callers_traced=True,  # support's tools and scripts of our own, by their token
    )


@asynccontextmanager
async def _opened(settings: ReconcilerSettings) -> AsyncIterator[Services]:
    async with open_services(settings) as services, run_loops(services):
        yield services


def _routes(tokens: Sequence[ApiToken]) -> list[BaseRoute]:
    description = describe(OPERATIONS)
    known = Tokens(of_setting=tokens)

    async def openapi(_request: Request) -> Response:
        return JSONResponse(description)

    in_order = list(dict.fromkeys(operation.path for operation in OPERATIONS))
    by_path = sorted(OPERATIONS, key=lambda operation: in_order.index(operation.path))
    return [
        Route(f"{PREFIX}/openapi.json", openapi, methods=["GET"]),
        *reference_routes(description, PREFIX),
        *(
            Route(PREFIX + path, PathEndpoint(known, list(group)))
            for path, group in groupby(by_path, key=attrgetter("path"))
        ),
    ]


async def _refuse(_request: Request, error: Exception) -> Response:
    """Unknown paths, and methods the framework itself refuses."""
    if not isinstance(error, HTTPException):
        raise error
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "refused")
    return render_problem(
        Problem(error.status_code, code, "There is nothing here.", headers=error.headers)
    )


async def _fail(_request: Request, error: Exception) -> Response:
    """A bug: told to us in full by the server's log, to the caller in one line."""
    log.error("internal_api_failed", error=type(error).__name__)
    return render_problem(Problem(500, "internal_error", "This is our mistake; it was logged."))

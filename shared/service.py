"""The one shape of a service: its settings, what it works with, and the app on top of that.

`run` is all there is to a `__main__`. What a service works with is opened when its server starts
and closed when that ends, in the one `opening` that it hands to `make_app`. The stores need not be
there yet: until they are it lives and is not ready.
"""

import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final, Protocol, TypeVar

import structlog
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from shared.config.listening import refuse_taken_port
from shared.config.secret import Secret
from shared.config.settings import ProcessSettings, load_or_exit
from shared.config.spelling import begin_with
from shared.crypto.seal import Sealer
from shared.db.connection import STATEMENT_TIMEOUT, Pool, open_pool
from shared.db.revision import schema_check
from shared.db.unreachable import told_of_work
from shared.doors.serve import COLLECT_AFTER, serve
from shared.keys import proven_keys
from shared.telemetry import traces
from shared.telemetry.health import NotReadyError, health_routes
from shared.telemetry.logs import configure_logs, tell_what_nobody_catches
from shared.telemetry.metrics import RequestMetrics
from shared.telemetry.requests import RequestIds
from shared.telemetry.traced_requests import RequestTraces

FAILED: Final = 1  # as Python ends with what nobody caught

log = structlog.get_logger()


class ServiceSettings(Protocol):
    """Every service has its own, and these in them."""

    @property
    def process(self) -> ProcessSettings:
        """Stores, logs, and where it listens."""

    @property
    def secret_keys(self) -> tuple[Secret, ...]:
        """The first seals, all open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What a service works with; most need more."""

    pool: Pool
    sealer: Sealer


S = TypeVar("S", bound=ServiceSettings)
Opening = Callable[[], AbstractAsyncContextManager[Resources]]
Handlers = Mapping[Any, Callable[..., Any]]


def run(
    name: str,
    load: Callable[[Mapping[str, str]], S],
    create_app: Callable[[S], ASGIApp],
    *,
    share_port: bool = False,
    collect_after: int = COLLECT_AFTER,
) -> None:
    """Read the environment and serve until told to stop; see `serve` for the last two."""
    begin_with(os.environ)
    settings = load_or_exit(load, os.environ)
    process = settings.process
    for port in (process.port, process.private_port):
        if port is not None:
            refuse_taken_port(process.host, port)
    configure_logs(name, level=process.log.level, format=process.log.format)
    tell_what_nobody_catches()
    if process.traced:
        traces.begin(name)
    try:
        serve(
            create_app(settings),
            process.door,
            host=process.host,
            port=process.port,
            private_port=process.private_port,
            share_port=share_port,
            collect_after=collect_after,
        )
    except Exception:
        # Python itself would show the error's words, which may be somebody's name.
        log.exception("service_failed")
        raise SystemExit(FAILED) from None
    finally:
        traces.end()


@asynccontextmanager
async def open_stored(
    name: str, settings: ServiceSettings, *, statement_timeout: timedelta = STATEMENT_TIMEOUT
) -> AsyncIterator[Resources]:
    """The database, and keys that are proven to open what it holds; else the process ends."""
    sealer = Sealer.from_text(key.reveal() for key in settings.secret_keys)
    database = settings.process.database
    async with (
        open_pool(database, application=name, statement_timeout=statement_timeout) as pool,
        proven_keys(pool, sealer, explain=partial(told_of_work, url=database.url.reveal())),
    ):
        yield Resources(pool=pool, sealer=sealer)


def make_app(
    opening: Opening,
    *,
    routes: Sequence[BaseRoute] = (),
    exception_handlers: Handlers | None = None,
    middleware: Sequence[Middleware] = (),
    callers_traced: bool = False,
) -> Starlette:
    """These routes and those of health; `app.state.resources` is what `opening` gave.

    With `callers_traced` a request goes on with its caller's trace: where callers are our own.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with opening() as resources:
            app.state.resources = resources
            yield

    async def database() -> None:
        resources: Resources | None = getattr(app.state, "resources", None)
        if resources is None:
            raise NotReadyError("starting")
        await schema_check(resources.pool)()

    app = Starlette(
        routes=[*routes, *health_routes({"database": database})],
        middleware=[
            Middleware(RequestIds),
            Middleware(RequestTraces, callers_traced=callers_traced),
            Middleware(RequestMetrics),
            *middleware,
        ],
        exception_handlers=exception_handlers,
        lifespan=lifespan,
    )
    # It would lead to whatever host the request names.
    app.router.redirect_slashes = False
    return app

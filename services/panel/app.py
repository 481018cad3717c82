from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.templating import Jinja2Templates

from shared.config.settings import PanelSettings
from shared.crypto.seal import Sealer
from shared.db.connection import Pool, open_pool
from shared.db.migrate import schema_check
from shared.keys import proven_keys
from shared.telemetry.health import health_routes
from shared.telemetry.metrics import RequestMetrics

TEMPLATES: Final = Jinja2Templates(directory=Path(__file__).parent / "templates")
# The panel shows people's data: nothing foreign runs in it, nothing frames or keeps it.
SAFE_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def create_app(settings: PanelSettings) -> Starlette:
    """The panel as an ASGI app; it opens its pool of connections when it starts."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        sealer = Sealer.from_text(key.reveal() for key in settings.secret_keys)
        async with (
            open_pool(settings.process.database, application="panel") as pool,
            proven_keys(pool, sealer),
        ):
            app.state.pool = pool
            yield

    async def database() -> None:
        pool: Pool = app.state.pool
        await schema_check(pool)()

    app = Starlette(
        routes=[
            *health_routes({"database": database}),
            Route("/", home),
            Route("/entrar", sign_in),
        ],
        middleware=[Middleware(RequestMetrics)],
        lifespan=lifespan,
    )
    return app


async def home(_request: Request) -> Response:
    return RedirectResponse("/entrar", status_code=303)


async def sign_in(request: Request) -> Response:
    return TEMPLATES.TemplateResponse(request, "entrar.html", headers=SAFE_HEADERS)

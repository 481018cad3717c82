"""Wiring the reconciler: stores, clients, its API, and its loops beside it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from starlette.applications import Starlette

from services.reconciler.app import create_app
from services.reconciler.loops import run_loops
from services.reconciler.services import Services
from shared.clients import open_clients
from shared.commands.set_up import SetUp
from shared.config.settings import ReconcilerSettings
from shared.crypto.seal import Sealer
from shared.db.connection import open_pool
from shared.db.migrate import schema_check
from shared.keys import proven_keys
from shared.run.waker import open_waker
from shared.telemetry.health import NotReadyError


def wire(settings: ReconcilerSettings) -> Starlette:
    """The service; stores are opened when the server starts it, and need not be there yet."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with (
            open_services(settings) as services,
            proven_keys(services.pool, services.sealer),
            run_loops(services),
        ):
            app.state.services = services
            yield

    async def database() -> None:
        services: Services | None = getattr(app.state, "services", None)
        if services is None:
            raise NotReadyError("starting")
        await schema_check(services.pool)()

    app = create_app(settings.api_tokens, {"database": database}, lifespan)
    return app


@asynccontextmanager
async def open_services(settings: ReconcilerSettings) -> AsyncIterator[Services]:
    """What handlers and loops work with, closed when the block ends."""
    process = settings.process
    sealer = Sealer.from_text(key.reveal() for key in settings.secret_keys)
    async with (
        open_pool(process.database, application="reconciler") as pool,
        open_waker(process.redis_url.reveal()) as waker,
        open_clients(process, settings.vindi, settings.issuer) as clients,
    ):
        yield Services(
            pool=pool,
            sealer=sealer,
            waker=waker,
            clients=clients,
            set_up=SetUp(
                pool=pool, sealer=sealer, waker=waker, public_url=settings.public_webhook_url
            ),
            now=lambda: datetime.now(UTC),
            reconcile_every=settings.reconcile_every,
        )

"""The webhook service as an ASGI app: what runs beside it, and which path goes where."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Final

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from services.webhook.commit_batch import Committer
from services.webhook.keep_partitions import keep_partitions
from services.webhook.receive import Receiver
from services.webhook.rejections import Rejections
from services.webhook.secrets import Secrets
from shared.config.settings import WebhookSettings
from shared.crypto.seal import Sealer
from shared.db.connection import Pool, open_pool
from shared.db.migrate import schema_check
from shared.db.vindi.events_store import Source
from shared.keys import proven_keys
from shared.run.loops import beside
from shared.run.waker import Waker, open_waker
from shared.telemetry.health import Check, NotReadyError, health_routes
from shared.telemetry.metrics import RequestMetrics

STATEMENT_TIMEOUT: Final = timedelta(seconds=5)  # senders wait; late is worse than "come again"
SOURCES: Final[dict[str, Source]] = {"vindi": "vindi", "enotas": "enotas"}


class WebhookApp:
    """Sends deliveries to the receiver and everything else to Starlette.

    Deliveries pass by Starlette and its middleware, since each of them is a commit and little else.
    """

    def __init__(self, settings: WebhookSettings) -> None:
        self._settings = settings
        self._receiver: Receiver | None = None
        self._check: Check | None = None
        self._others: ASGIApp = RequestMetrics(self._starlette())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._receiver is not None:
            _, version, word, secret = (*scope["path"].split("/", 3), "", "", "")[:4]
            source = SOURCES.get(word) if version == "v1" else None
            if source is not None:
                await self._receiver.receive(
                    scope, receive, send, source=source, secret=secret or None
                )
                return
        await self._others(scope, receive, send)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Everything that runs while requests are taken; works out what is left when it ends."""
        process = self._settings.process
        async with (
            open_pool(
                process.database, application="webhook", statement_timeout=STATEMENT_TIMEOUT
            ) as pool,
            proven_keys(pool, _sealer(self._settings)),
            open_waker(process.redis_url.reveal()) as waker,
            beside(
                partitions=partial(keep_partitions, pool),
                rejections=(rejections := Rejections(pool)).write_for_ever,
            ),
            self._receiving(pool, waker, rejections),
        ):
            yield

    @asynccontextmanager
    async def _receiving(
        self, pool: Pool, waker: Waker, rejections: Rejections
    ) -> AsyncIterator[None]:
        committer = Committer(pool, after_marks=waker.ring)
        committer.start()
        self._receiver = Receiver(
            secrets=Secrets(pool),
            committer=committer,
            sealer=_sealer(self._settings),
            rejections=rejections,
        )
        self._check = schema_check(pool)
        try:
            yield
        finally:
            await committer.close()

    def _starlette(self) -> Starlette:
        @asynccontextmanager
        async def lifespan(_app: Starlette) -> AsyncIterator[None]:
            async with self.running():
                yield

        async def database() -> None:
            if self._check is None:
                raise NotReadyError("starting")
            await self._check()

        return Starlette(routes=[*health_routes({"database": database})], lifespan=lifespan)


def create_app(settings: WebhookSettings) -> WebhookApp:
    """Wire the service; stores are opened when the server starts it, and need not be there yet."""
    return WebhookApp(settings)


def _sealer(settings: WebhookSettings) -> Sealer:
    return Sealer([base64.urlsafe_b64decode(key.reveal()) for key in settings.secret_keys])

"""The webhook service as an ASGI app: what runs beside it, and which path goes where."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from services.webhook.commit_batch import WAITING, Committer
from services.webhook.days import Days, shared_by_all
from services.webhook.receive import Receiver, send_answer
from services.webhook.rejections import Rejections
from services.webhook.secrets import Secrets
from shared.config.settings import WebhookSettings
from shared.db.vindi.events_store import Source
from shared.run.loops import beside
from shared.run.waker import open_waker
from shared.service import Resources, make_app, open_stored
from shared.telemetry.sampled import sample_for_ever

STATEMENT_TIMEOUT: Final = timedelta(seconds=5)  # senders wait; late is worse than "come again"
HEALTH: Final = "/healthz"
SOURCES: Final[dict[str, Source]] = {"vindi": "vindi", "enotas": "enotas"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing(Resources):
    """What deliveries are received with."""

    receiver: Receiver


class WebhookApp:
    """Sends deliveries to the receiver and everything else to Starlette.

    Strangers come to the public port: it takes deliveries and says that the process lives. How it
    goes is told on a port of its own, where it has one.

    Deliveries pass by Starlette and its middleware, since each of them is a commit and little else.
    """

    def __init__(self, settings: WebhookSettings) -> None:
        self._settings = settings
        self._private = settings.process.private_port
        self._receiver: Receiver | None = None
        self._others: ASGIApp = make_app(self._opened)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _port(scope) == self._private:
            await self._others(scope, receive, send)
            return
        if self._receiver is not None:
            _, version, word, secret = (*scope["path"].split("/", 3), "", "", "")[:4]
            source = SOURCES.get(word) if version == "v1" else None
            if source is not None:
                await self._receiver.receive(
                    scope, receive, send, source=source, secret=secret or None
                )
                return
        if self._private is not None and scope["path"] != HEALTH:
            await send_answer(send, "unknown_secret")
            return
        await self._others(scope, receive, send)

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Hearing]:
        async with open_hearing(self._settings) as hearing:
            self._receiver = hearing.receiver
            yield hearing


def _port(scope: Scope) -> int | None:
    """The port of ours that somebody came to."""
    server = scope.get("server")
    return server[1] if server else None


def create_app(settings: WebhookSettings) -> WebhookApp:
    """The service as an app; what it works with is opened when its server starts."""
    return WebhookApp(settings)


@asynccontextmanager
async def open_hearing(settings: WebhookSettings) -> AsyncIterator[Hearing]:
    """Everything that runs while requests are taken; works out what is left when it ends."""
    async with (
        open_stored("webhook", settings, statement_timeout=STATEMENT_TIMEOUT) as stored,
        open_waker(settings.process.redis_url.reveal()) as waker,
    ):
        pool, sealer = stored.pool, stored.sealer
        rejections = Rejections(pool)
        committer = Committer(pool, after_marks=waker.ring, most_waiting=settings.most_waiting)
        days = Days(
            most_events=settings.events_per_day,
            most_bytes=settings.event_mib_per_day * 2**20,
        )
        receiver = Receiver(
            secrets=Secrets(pool),
            committer=committer,
            sealer=sealer,
            rejections=rejections,
            days=days,
        )
        gauges = partial(sample_for_ever, {WAITING: lambda: committer.waiting})
        async with (
            shared_by_all(days, settings.process.redis_url.reveal()),
            beside(rejections=rejections.write_for_ever, gauges=gauges),
        ):
            committer.start()
            try:
                yield Hearing(pool=pool, sealer=sealer, receiver=receiver)
            finally:
                await committer.close()

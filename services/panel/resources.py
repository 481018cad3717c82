"""What pages work with: stores, keys, clients of the outside."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from services.panel.kit.downloads import Downloads
from services.panel.kit.figures import FigureKeeper, open_figures
from shared.clients import Clients, open_clients
from shared.commands.closing import VindiTotals
from shared.commands.set_up import SetUp
from shared.commands.sign_in import Door
from shared.config.settings import PanelSettings
from shared.config.ways_in import MailSettings
from shared.crypto.passwords import Passwords
from shared.net.http import open_session
from shared.run.waker import Waker, open_waker
from shared.service import Resources, open_stored
from shared.ways_in.oidc import OidcDoor

OIDC_BACK: Final = "/entrar/externa/volta"  # what the other door has to know of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelResources(Resources):
    """Everything a page may use; `now` gives the time, aware and in UTC."""

    waker: Waker
    clients: Clients
    set_up: SetUp
    door: Door
    now: Callable[[], datetime]
    public_url: str
    proxies: int
    reconcile_every: timedelta
    totals: VindiTotals
    mail: MailSettings | None  # None: links are shown to whoever made them
    oidc: OidcDoor | None
    figures: FigureKeeper
    downloads: Downloads = field(default_factory=Downloads)


@asynccontextmanager
async def open_resources(settings: PanelSettings) -> AsyncIterator[PanelResources]:
    """What pages work with, closed when the block ends; neither Redis nor any API need be there."""
    process = settings.process
    async with (
        open_stored("panel", settings) as stored,
        open_waker(process.redis_url.reveal()) as waker,
        open_clients(process, settings.vindi, settings.issuer) as clients,
        open_session(connections=10) as beyond,
        open_figures() as figures,
    ):
        pool, sealer = stored.pool, stored.sealer
        yield PanelResources(
            pool=pool,
            sealer=sealer,
            waker=waker,
            clients=clients,
            set_up=SetUp(
                pool=pool, sealer=sealer, waker=waker, public_url=settings.public_webhook_url
            ),
            door=Door(pool=pool, sealer=sealer, passwords=Passwords()),
            now=lambda: datetime.now(UTC),
            public_url=settings.public_url,
            proxies=settings.proxies,
            reconcile_every=settings.reconcile_every,
            totals=VindiTotals(),
            mail=settings.mail,
            oidc=OidcDoor(settings.oidc, beyond, f"{settings.public_url}{OIDC_BACK}")
            if settings.oidc
            else None,
            figures=figures,
        )

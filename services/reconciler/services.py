"""What handlers and loops work with: stores, keys, clients."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from shared.clients import Clients, open_clients
from shared.commands.closing import VindiTotals
from shared.commands.set_up import SetUp
from shared.config.settings import ReconcilerSettings
from shared.domain.privacy.terms import FISCAL_YEARS
from shared.run.waker import Waker, open_waker
from shared.service import Resources, open_stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Services(Resources):
    """Everything a handler may use; `now` gives the time, aware and in UTC."""

    waker: Waker
    clients: Clients
    set_up: SetUp
    now: Callable[[], datetime]
    reconcile_every: timedelta = timedelta(minutes=5)
    fiscal_years: int = FISCAL_YEARS
    vindi_totals: VindiTotals = field(default_factory=VindiTotals)


@asynccontextmanager
async def open_services(settings: ReconcilerSettings) -> AsyncIterator[Services]:
    """What handlers and loops work with, closed when the block ends."""
    process = settings.process
    async with (
        open_stored("reconciler", settings) as stored,
        open_waker(process.redis_url.reveal()) as waker,
        open_clients(process, settings.vindi, settings.issuer) as clients,
    ):
        pool, sealer = stored.pool, stored.sealer
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
            fiscal_years=settings.fiscal_years,
        )

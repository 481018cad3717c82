"""A courier is stopped with a delivery in hand, and goes on when it is somebody else's."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from services.reconciler import deliver as module
from services.reconciler.deliver import Courier
from shared.config.secret import Secret
from shared.config.settings import DatabaseSettings
from shared.db.connection import open_pool
from shared.db.hooks import status_webhooks_store
from shared.net.guarded import open_guarded_session
from tests.services.emitter.conftest import SEALER, Desk
from tests.services.reconciler.deliver.test_deliver import (
    Listener,
    deliver,
    deliveries,
    issued,
    listener,
    subscribe,
)
from tests.support.statement_proxy import Statement, StatementProxy, When, statement_proxy

__all__ = ["listener"]
BRIEFLY = 0.3  # seconds
AWAY = "taken away"


@pytest_asyncio.fixture
async def proxy(database: str) -> AsyncIterator[StatementProxy]:
    async with statement_proxy(database) as one:
        yield one


@pytest.mark.parametrize("then", ["delivered by another", AWAY])
async def test_a_delivery_that_comes_too_late_does_not_leave(
    desk: Desk,
    listener: Listener,
    proxy: StatementProxy,
    monkeypatch: pytest.MonkeyPatch,
    then: str,
) -> None:
    monkeypatch.setattr(module, "LEAVES_WITHIN", timedelta(seconds=BRIEFLY / 2))
    await subscribe(desk, listener.url)
    await issued(desk)
    stood: list[bool] = []

    async def stands(one: Statement) -> None:
        if stood or one.when is not When.DONE or one.name != "status_webhooks_store.claim":
            return
        stood.append(True)
        await asyncio.sleep(BRIEFLY)  # it is stopped for longer than its lease
        await desk.pool.execute("UPDATE webhook_deliveries SET next_at = now()")
        monkeypatch.setattr(module, "LEAVES_WITHIN", timedelta(minutes=1))
        if then == AWAY:
            async with desk.pool.acquire() as conn:
                await status_webhooks_store.delete(conn, desk.tenant)
        else:
            await deliver(desk)

    settings = DatabaseSettings(url=Secret.of(proxy.url), pool_size=2, pooler="none")
    async with (
        open_pool(settings, application="stopped") as pool,
        open_guarded_session(loopback=True, timeout=60) as http,
    ):
        courier = Courier(
            pool=pool, sealer=SEALER, http=http, loopback=True, now=lambda: datetime.now(UTC)
        )
        proxy.count_anew(stands)
        await courier.start_due()
        await courier.finish()

    assert stood
    assert len(listener.heard) == (0 if then == AWAY else 1)
    states = {one.state for one in await deliveries(desk)}
    assert states == ({"given_up"} if then == AWAY else {"delivered"})

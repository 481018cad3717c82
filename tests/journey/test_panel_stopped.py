"""A process of the panel stands still while it saves, and somebody does the opposite meanwhile."""

import asyncio
import base64
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from services.sandbox.run import Sandbox, running_sandbox
from services.sandbox.vindi.account import Account
from services.sandbox.wire import Call
from shared.db.connection import Pool
from shared.db.tenants import connections_store
from shared.local.files import free_port
from tests.journey.pair import PATIENCE, Stopper, send
from tests.journey.system import Service
from tests.services.emitter.conftest import SEALER, TENANT, Desk, a_desk
from tests.services.panel.acting import BASE, Sending, filled
from tests.services.panel.support import Browser, Panel, Seen
from tests.services.panel.test_sent_twice import sent

PAGE = f"{BASE}/ativacao/vindi"
MEANWHILE = "Outra pessoa conectou esta empresa enquanto conferíamos a sua chave"


@asynccontextmanager
async def panel_process(
    sandbox: Sandbox, pool: Pool, *, database: str, redis: str, log: Path
) -> AsyncIterator[tuple[Panel, Service]]:
    port = free_port()
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    service = Service(
        name="panel",
        module="tests.journey.quick_panel",
        port=port,
        log=log,
        environment={
            **kept,
            "PYTHONPATH": str(Path.cwd()),
            "PANEL_PORT": str(port),
            "DATABASE_URL": database,
            "REDIS_URL": redis,
            "SECRET_KEYS": base64.urlsafe_b64encode(b"k" * 32).decode(),
            "PUBLIC_WEBHOOK_URL": "https://hooks.example.test",
            "VINDI_URL_PRODUCTION": sandbox.vindi_url,
            "VINDI_URL_SANDBOX": sandbox.vindi_url,
            "VINDI_REQUESTS_PER_MINUTE": "100000",
            "ENOTAS_URL": sandbox.enotas_url,
            "LOG_FORMAT": "json",
        },
    )
    await service.start()
    try:
        async with aiohttp.ClientSession() as http:
            await service.ready(http)
        base = f"http://127.0.0.1:{port}"
        yield Panel(base=base, pool=pool, sandbox=sandbox, sealer=SEALER), service
    finally:
        send(service, signal.SIGCONT)
        await service.stop()


async def key_of(desk: Desk) -> str:
    async with desk.pool.acquire() as conn:
        found = await connections_store.get_vindi(conn, SEALER, TENANT)
    assert found is not None
    return found.api_key.reveal()


async def connecting(browser: Browser, account: Account) -> Sending:
    key = account.keys[0].key
    seen: Seen = await browser.get(PAGE)
    return filled(browser, seen, PAGE, api_key=key, ambiente="production")


def of_a_key(call: Call) -> bool:
    """The last thing that is asked with a key that is looked at."""
    return call.segments[-1:] == ["invoices"]


@pytest.mark.timeout(120)
async def test_who_stood_still_over_a_key_does_not_undo_what_another_connected_meanwhile(
    pool: Pool, database: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopper = Stopper()
    stopper.lie_in_wait(monkeypatch)
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        sandbox = await enter(running_sandbox())
        desk = await enter(a_desk(pool, sandbox))
        (first, victim), (second, _) = await asyncio.gather(
            *(
                enter(
                    panel_process(
                        sandbox, pool, database=database, redis=redis_url, log=tmp_path / name
                    )
                )
                for name in ("first.log", "second.log")
            )
        )
        ana, bia = await enter(first.person(TENANT)), await enter(second.person(TENANT))
        slow, quick = (sandbox.vindi.create_account() for _ in range(2))
        mine, hers = await connecting(ana, slow), await connecting(bia, quick)
        stopper.victim, stopper.wanted = victim, of_a_key

        late = asyncio.create_task(sent(mine))
        await asyncio.wait_for(stopper.reached.wait(), PATIENCE)
        done = await sent(hers)
        kept = await key_of(desk)
        send(victim, signal.SIGCONT)
        lost = await late

        assert done.status < 400, done.text
        assert kept == quick.keys[0].key
        assert lost.status == 422, lost.text
        assert MEANWHILE in lost.text
        assert await key_of(desk) == quick.keys[0].key
        assert ("ambiente", "production") in lost.form(PAGE)

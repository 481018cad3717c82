"""Nothing that was answered with 200 is lost, whatever stops or breaks meanwhile."""

import asyncio
import base64
import os
import signal
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from services.webhook import commit_batch
from services.webhook.commit_batch import SHARE_OF_ONE, Committer
from services.webhook.held import Delivery, HeldLine, NotCommittedError, Unanswered
from shared.db.connection import Pool
from shared.db.migrate import migrate
from shared.db.outbox.outbox_store import LIVE, Mark
from shared.db.vindi.events_store import StoredEvent
from shared.domain.ids import BillId, TenantId
from shared.local.files import free_port
from shared.local.postgres import (
    DURABLE,
    EmbeddedPostgres,
    as_account,
    ensure_database,
    prepare_postgres,
    wait_for_postgres,
)
from tests.services.webhook.conftest import (
    KEY,
    NO_REDIS,
    Client,
    Tenant,
    a_tenant,
    serving,
    settings_for,
)
from tests.services.webhook.payloads import a_bill_event
from tests.support.scraped import Scraped

STORED = "SELECT DISTINCT bill_id FROM events"
PATIENCE = 60.0  # seconds; a loaded machine is slow, a broken service never gets there


async def test_a_database_that_stops_and_comes_back_costs_no_answered_event(
    server_folder: Path,
) -> None:
    home = server_folder / "stopping"
    home.mkdir()
    server = await asyncio.to_thread(prepare_postgres, home, port=free_port())
    process = await start(server)
    await ensure_database(server)
    await migrate(server.url())
    async with asyncpg.create_pool(server.url(), min_size=0) as pool:
        tenant = await a_tenant(pool)
    promised: set[int] = set()
    async with serving(settings_for(server.url())) as client:
        sending = asyncio.create_task(keep_sending(client, tenant, promised))
        await until(lambda: len(promised) > 50)
        await stop(process)
        refusal = await client.send(f"/v1/vindi/{tenant.vindi}", a_bill_event())
        assert (refusal.status, refusal.body, refusal.headers["Retry-After"]) == (503, b"", "5")
        assert (await client.send("/readyz", method="GET")).status == 503
        process = await start(server)
        before = len(promised)
        await until(lambda: len(promised) > before + 50)
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending
    conn = await asyncpg.connect(server.url())
    stored = {row["bill_id"] for row in await conn.fetch(STORED)}
    await conn.close()
    await stop(process)
    assert promised <= stored


async def test_a_service_told_to_stop_answers_what_it_took(
    tenant: Tenant, pool: Pool, database: str
) -> None:
    port, private = free_port(), free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.webhook",
        env={
            **os.environ, "DATABASE_URL": database, "REDIS_URL": NO_REDIS,
            "WEBHOOK_PORT": str(port), "METRICS_PORT": str(private), "LOG_LEVEL": "error",
            "SECRET_KEYS": base64.urlsafe_b64encode(KEY).decode(),
        },
    )  # fmt: skip
    promised: set[int] = set()
    async with aiohttp.ClientSession() as http:
        client = Client(base=f"http://127.0.0.1:{port}", http=http)
        await until_ready(Client(base=f"http://127.0.0.1:{private}", http=http))
        senders = [
            asyncio.create_task(keep_sending(client, tenant, promised, first=10_000 * number))
            for number in range(1, 17)
        ]
        await until(lambda: len(promised) > 200)
        told = time.monotonic()
        process.send_signal(signal.SIGTERM)
        await process.wait()
        took = time.monotonic() - told
        for sender in senders:
            sender.cancel()
        await asyncio.gather(*senders, return_exceptions=True)
    stored = {row["bill_id"] for row in await pool.fetch(STORED)}
    assert promised <= stored
    assert took < 10
    assert process.returncode in (0, -signal.SIGTERM)


async def test_a_row_that_cannot_be_stored_fails_alone(pool: Pool) -> None:
    committer = Committer(pool, after_marks=nothing)
    waiting = [
        asyncio.create_task(committer.commit(a_delivery(bill, type="\0" if bill == 3 else "good")))
        for bill in range(1, 6)
    ]
    await asyncio.sleep(0)
    committer.start()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    await committer.close()
    assert [isinstance(one, NotCommittedError) for one in outcomes] == [
        False,
        False,
        True,
        False,
        False,
    ]
    assert {row["bill_id"] for row in await pool.fetch(STORED)} == {1, 2, 4, 5}


async def test_more_than_can_wait_is_refused_at_once(pool: Pool) -> None:
    # Three of one tenant: others have their part of the line.
    committer = Committer(pool, after_marks=nothing, most_waiting=3 * SHARE_OF_ONE)
    waiting = [asyncio.create_task(committer.commit(a_delivery(bill))) for bill in range(1, 4)]
    await asyncio.sleep(0)
    scraped = Scraped()
    with pytest.raises(NotCommittedError):
        await committer.commit(a_delivery(4))
    assert committer.waiting == 3  # what the gauge shows
    assert scraped.risen("notaponte_webhook_failed_commits_total", why="full") == 1
    others = asyncio.create_task(committer.commit(a_delivery(5, tenant="tzzzzzzzzzz")))
    committer.start()
    await asyncio.gather(*waiting, others)
    await committer.close()
    assert {row["bill_id"] for row in await pool.fetch(STORED)} == {1, 2, 3, 5}


async def test_deliveries_that_wait_together_share_a_commit(pool: Pool) -> None:
    committer = Committer(pool, after_marks=nothing)
    waiting = [asyncio.create_task(committer.commit(a_delivery(bill))) for bill in range(1, 101)]
    await asyncio.sleep(0)
    committer.start()
    await asyncio.gather(*waiting)
    await committer.close()
    assert await pool.fetchval("SELECT count(DISTINCT received_at) FROM events") == 1


async def test_a_sale_that_somebody_holds_keeps_only_its_own_commit_waiting(
    tenant: Tenant, pool: Pool
) -> None:
    committer = Committer(pool, after_marks=nothing)
    committer.start()
    held = a_delivery(1, tenant=tenant.id, marked=True)
    await committer.commit(held)
    async with pool.acquire() as conn, conn.transaction():
        await conn.fetch("SELECT 1 FROM outbox WHERE bill_id = 1 FOR UPDATE")
        behind = asyncio.create_task(committer.commit(held))
        await asyncio.sleep(0.01)
        async with asyncio.timeout(PATIENCE):
            for bill in range(2, 6):
                await committer.commit(a_delivery(bill, tenant=tenant.id, marked=True))
        assert not behind.done()
    await behind
    await committer.close()
    assert {row["bill_id"] for row in await pool.fetch(STORED)} == {1, 2, 3, 4, 5}


async def test_a_sale_that_somebody_keeps_is_refused_alone(
    tenant: Tenant, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit_batch, "COMMIT_SECONDS", 2.0)
    committer = Committer(pool, after_marks=nothing)

    def send(*bills: int) -> list[asyncio.Task[None]]:
        sent = [a_delivery(bill, tenant=tenant.id, marked=True) for bill in bills]
        return [asyncio.create_task(committer.commit(one)) for one in sent]

    first = send(1)
    await asyncio.sleep(0)
    committer.start()
    await asyncio.gather(*first)
    scraped = Scraped()
    async with pool.acquire() as conn, conn.transaction():
        await conn.fetch("SELECT 1 FROM outbox WHERE bill_id = 1 FOR UPDATE")
        kept, others = [], []
        for number in range(4):  # more than there are commits of a process under way
            beside = [10 * number + bill for bill in range(2, 6)]
            one, *rest = send(1, *beside)
            kept.append(one)
            others += rest
            await asyncio.sleep(0.1)
        async with asyncio.timeout(1.5):
            await asyncio.gather(*others)
        refused = await asyncio.gather(*kept, return_exceptions=True)
        async with asyncio.timeout(1.5):
            await asyncio.gather(*send(99))
    await asyncio.gather(*send(1))
    await committer.close()
    assert [type(one) for one in refused] == [NotCommittedError] * 4
    assert scraped.risen("notaponte_webhook_failed_commits_total", why="held") == 4
    assert committer.waiting == 0


async def test_whoever_stands_behind_many_held_sales_is_told_when_its_time_is_up(
    tenant: Tenant, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is tried for a fifth of a second: the last of them after a fifth of a minute."""
    monkeypatch.setattr(commit_batch, "COMMIT_SECONDS", 2.0)
    committer = Committer(pool, after_marks=nothing)
    sales = [a_delivery(bill, tenant=tenant.id, marked=True) for bill in range(1, 61)]
    committer.start()
    await asyncio.gather(*(committer.commit(one) for one in sales))
    scraped = Scraped()
    async with pool.acquire() as conn, conn.transaction():
        await conn.fetch("SELECT 1 FROM outbox FOR UPDATE")
        behind = [asyncio.create_task(committer.commit(one)) for one in sales]
        done, _ = await asyncio.wait(behind, timeout=6)  # it was 12 s
        assert len(done) == 60
    assert {type(one.exception()) for one in done} == {NotCommittedError}
    assert scraped.risen("notaponte_webhook_failed_commits_total", why="held") == 60
    async with asyncio.timeout(PATIENCE):
        await committer.commit(sales[0])
    assert committer.waiting == 0
    await committer.close()


async def test_a_held_sale_whose_commit_fails_in_an_unforeseen_way_is_answered() -> None:
    async def fail(_: Sequence[Unanswered]) -> None:
        raise LookupError

    line = HeldLine(fail, on_late=lambda _: None)
    done = asyncio.get_running_loop().create_future()
    until = time.monotonic() + PATIENCE
    line.put([Unanswered(delivery=a_delivery(1, marked=True), done=done, until=until)])
    running = asyncio.create_task(line.run())
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(NotCommittedError):
            await done
    running.cancel()
    await asyncio.wait([running])


async def test_a_table_that_is_locked_for_a_while_costs_nobody_an_answer(
    tenant: Tenant, pool: Pool
) -> None:
    committer = Committer(pool, after_marks=nothing)
    committer.start()
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute("LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE")
        waiting = [
            asyncio.create_task(committer.commit(a_delivery(bill, tenant=tenant.id, marked=True)))
            for bill in range(1, 101)
        ]
        await asyncio.sleep(1.5)
        assert not any(one.done() for one in waiting)
    async with asyncio.timeout(5):
        await asyncio.gather(*waiting)
    await committer.close()
    assert await pool.fetchval("SELECT count(*) FROM outbox") == 100


async def test_a_commit_that_is_broken_off_is_answered(tenant: Tenant, pool: Pool) -> None:
    committer = Committer(pool, after_marks=nothing)
    committer.start()
    held = a_delivery(1, tenant=tenant.id, marked=True)
    await committer.commit(held)
    async with pool.acquire() as conn, conn.transaction():
        await conn.fetch("SELECT 1 FROM outbox WHERE bill_id = 1 FOR UPDATE")
        behind = [asyncio.create_task(committer.commit(held)) for _ in range(3)]
        await asyncio.sleep(0.1)
        behind.append(asyncio.create_task(committer.commit(held)))
        for _ in range(4):  # the last flush is made, or about to be
            await asyncio.sleep(0)
        await committer.close()
        outcomes = await asyncio.gather(*behind, return_exceptions=True)
    assert all(isinstance(one, NotCommittedError) for one in outcomes)


async def test_whoever_still_waits_at_the_end_is_told_to_come_again(pool: Pool) -> None:
    committer = Committer(pool, after_marks=nothing)
    waiting = asyncio.create_task(committer.commit(a_delivery(1)))
    await asyncio.sleep(0)
    await committer.close()
    with pytest.raises(NotCommittedError):
        await waiting


def a_delivery(
    bill: int,
    *,
    type: str = "bill_paid",  # noqa: A002 - the column's name
    tenant: str = "tabcdefghij",
    marked: bool = False,
) -> Delivery:
    event = StoredEvent(
        tenant_id=TenantId(tenant),
        source="vindi",
        type=type,
        bill_id=BillId(bill),
        event_at=None,
        flag=None,
        headers={},
        body=b"sealed",
    )
    mark = Mark(tenant_id=event.tenant_id, bill_id=BillId(bill), lane=LIVE, origin="webhook")
    return Delivery(event=event, mark=mark if marked else None)


async def nothing() -> None: ...


async def keep_sending(
    client: Client, tenant: Tenant, promised: set[int], *, first: int = 1
) -> None:
    """Send events one after the other; `promised` are the bills that were answered with 200."""
    for bill in range(first, first + 10_000):
        with suppress(aiohttp.ClientError):
            answer = await client.send(f"/v1/vindi/{tenant.vindi}", a_bill_event(bill))
            if answer.status == 200:
                promised.add(bill)
            else:
                assert answer.status == 503
        await asyncio.sleep(0.002)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():
            await asyncio.sleep(0.01)


async def until_ready(client: Client) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            with suppress(aiohttp.ClientError):
                if (await client.send("/readyz", method="GET")).status == 200:
                    return
            await asyncio.sleep(0.05)


async def start(server: EmbeddedPostgres) -> Process:
    process = await asyncio.create_subprocess_exec(
        *server.command(DURABLE),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
        **as_account(),
    )
    await wait_for_postgres(server.url("postgres"))
    return process


async def stop(process: Process) -> None:
    process.send_signal(signal.SIGINT)
    await process.wait()

"""One action for many sales goes on whoever dies, asks for each once, and names what refused."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio

from shared.commands import bulk
from shared.commands.bulk import TooManySales, cancel_bulk, put_off_bulk, queue_bulk, step_bulk
from shared.crypto.tokens import new_job_id
from shared.db.connection import Pool
from shared.db.sales import bulk_jobs_store
from shared.db.sales.bulk_jobs_store import NewJob
from shared.db.tenants import tenants_store
from shared.domain.actions import SaleAction
from shared.domain.bulk import MOST_AT_ONCE, BulkJob
from shared.domain.ids import BillId, JobId, TenantId
from shared.domain.sale import SaleStatus
from shared.run.waker import Waker, open_waker
from tests.services.emitter.conftest import SEALER
from tests.services.panel.support import Panel

TENANT = TenantId("tabcdefghij")
HIGHEST = BillId(2**62)


@pytest_asyncio.fixture
async def sales(pool: Pool) -> list[BillId]:
    """Twelve held sales of a tenant, and one that is issued."""
    async with pool.acquire() as conn:
        await tenants_store.add(conn, TENANT, name="A", plan="pro", timezone="America/Sao_Paulo")
    panel = Panel(base="", pool=pool, sandbox=None, sealer=SEALER)  # type: ignore[arg-type]
    for bill in range(1, 13):
        await panel.sale(TENANT, bill, SaleStatus.HELD, "activation_unclear")
    await panel.sale(TENANT, 13, SaleStatus.SKIPPED, "zero_amount")
    return [BillId(bill) for bill in range(13, 0, -1)]


@pytest_asyncio.fixture
async def waker(redis_url: str) -> AsyncIterator[Waker]:
    async with open_waker(redis_url) as opened:
        yield opened


async def asked(
    pool: Pool, bills: Sequence[BillId], action: SaleAction = "retry", once: str = "a form"
) -> JobId:
    new = NewJob(
        id=new_job_id(), action=action, reason="teste", about="", by="Ana", once=once, bills=bills
    )
    async with pool.acquire() as conn, conn.transaction():
        return await queue_bulk(conn, TENANT, new)


async def now(pool: Pool, job: JobId) -> BulkJob:
    async with pool.acquire() as conn:
        found = await bulk_jobs_store.get(conn, TENANT, job)
    assert found is not None
    return found


async def test_a_job_asks_for_each_sale_once_and_names_those_that_refuse(
    pool: Pool, sales: list[BillId], waker: Waker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BATCH", 5)
    job = await asked(pool, sales)

    while await step_bulk(pool, waker, TENANT, job):
        pass

    ended = await now(pool, job)
    async with pool.acquire() as conn:
        refused = await bulk_jobs_store.refusals(conn, TENANT, job, before=HIGHEST, limit=10)
        told = await conn.fetchval("SELECT count(*) FROM timeline WHERE what = 'retry'")
    assert (ended.status, ended.done, ended.accepted, ended.refused) == ("completed", 13, 12, 1)
    assert [(one.bill_id, one.code) for one in refused] == [(13, "nothing_to_retry")]
    assert refused[0].why.startswith("Não há o que tentar de novo")
    assert told == 12


async def test_what_dies_within_a_batch_has_done_none_of_it(
    pool: Pool, sales: list[BillId], waker: Waker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BATCH", 5)
    job = await asked(pool, sales)
    await step_bulk(pool, waker, TENANT, job)
    go_on = bulk_jobs_store.go_on

    async def dies(*_: object, **__: object) -> None:
        raise ConnectionResetError

    monkeypatch.setattr(bulk_jobs_store, "go_on", dies)
    with pytest.raises(ConnectionResetError):
        await step_bulk(pool, waker, TENANT, job)
    told = await pool.fetchval("SELECT count(*) FROM timeline WHERE what = 'retry'")
    between = await now(pool, job)
    monkeypatch.setattr(bulk_jobs_store, "go_on", go_on)
    while await step_bulk(pool, waker, TENANT, job):
        pass

    assert (between.status, between.done) == ("running", 5)
    assert told == 4  # of the batch that was committed, one refused
    assert await pool.fetchval("SELECT count(*) FROM timeline WHERE what = 'retry'") == 12
    assert (await now(pool, job)).accepted == 12


async def test_two_workers_share_a_job_without_doing_anything_twice(
    pool: Pool, sales: list[BillId], waker: Waker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BATCH", 2)
    job = await asked(pool, sales, "hold")

    async def work() -> None:
        while (await now(pool, job)).open:
            await step_bulk(pool, waker, TENANT, job)

    await asyncio.gather(work(), work(), work())

    ended = await now(pool, job)
    assert (ended.done, ended.accepted) == (13, 12)
    assert await pool.fetchval("SELECT count(*) FROM timeline WHERE what = 'hold'") == 12


async def test_a_form_that_is_sent_twice_is_one_job(pool: Pool, sales: list[BillId]) -> None:
    jobs = await asyncio.gather(*(asked(pool, sales) for _ in range(4)))

    assert len(set(jobs)) == 1
    assert await pool.fetchval("SELECT count(*) FROM audit WHERE action = 'bulk_retry'") == 1


async def test_a_cancelled_job_asks_for_no_more(
    pool: Pool, sales: list[BillId], waker: Waker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BATCH", 5)
    job = await asked(pool, sales)
    await step_bulk(pool, waker, TENANT, job)

    async with pool.acquire() as conn, conn.transaction():
        assert await cancel_bulk(conn, TENANT, job, by="Ana")
        assert not await cancel_bulk(conn, TENANT, job, by="Ana")

    assert not await step_bulk(pool, waker, TENANT, job)
    assert (await now(pool, job)).done == 5


async def test_a_job_that_fails_again_and_again_ends(pool: Pool, sales: list[BillId]) -> None:
    job = await asked(pool, sales)

    for _ in range(bulk.MOST_FAILURES):
        assert (await now(pool, job)).status == "queued"
        await put_off_bulk(pool, TENANT, job)

    assert (await now(pool, job)).status == "failed"


async def test_in_shadow_no_sale_is_issued_by_hand(
    pool: Pool, sales: list[BillId], waker: Waker
) -> None:
    await pool.execute("UPDATE tenants SET status = 'shadow', shadow_from = now()")
    job = await asked(pool, sales, "issue")

    await step_bulk(pool, waker, TENANT, job)

    assert (await now(pool, job)).accepted == 0
    assert await pool.fetchval("SELECT count(*) FROM bulk_refusals WHERE code = 'shadow_mode'") > 0


async def test_more_than_a_month_at_once_is_refused(pool: Pool, sales: list[BillId]) -> None:
    with pytest.raises(TooManySales):
        await asked(pool, [sales[0]] * (MOST_AT_ONCE + 1))

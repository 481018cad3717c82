"""What is written of a sale is written by whoever holds its lease, and by nobody beside them."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from services.emitter.acting.write import write_plans
from services.emitter.stopping.locks import Standing
from services.emitter.work import Act, Ask, happened, settle
from services.sandbox.vindi import operations
from services.sandbox.vindi.app import VindiApp
from services.sandbox.vindi.records import Bill
from services.sandbox.wire import Answer, Call
from shared.commands.actions import Asked, act
from shared.config.settings import DatabaseSettings
from shared.db import clock
from shared.db.connection import Pool, open_pool
from shared.db.outbox import claims_store, outbox_store, outbox_wakes
from shared.db.outbox.outbox_store import LIVE as LANE
from shared.db.outbox.outbox_store import Mark
from shared.db.sales.sale_notas import NONE
from shared.db.tenants import rules_store, tenants_store
from shared.domain.ids import BillId, TenantId
from shared.domain.rule import Rule
from shared.domain.sale import TenantTerms
from shared.run.waker import Waker
from tests.builders import an_entry
from tests.services.emitter.conftest import Desk

TENANT = TenantId("taaaaaaaaaa")
ADD = """
    WITH t AS (
        INSERT INTO tenants (tenant_id, name, plan, timezone)
        VALUES ('taaaaaaaaaa', 'Escola Aurora', 'basic', 'America/Sao_Paulo')
        RETURNING tenant_id
    )
    INSERT INTO outbox (tenant_id, bill_id, state, due_at, origin, attempt, lease_until, leased_by)
    SELECT tenant_id, 7, 'leased', now(), 'webhook', 2, now() + interval '12 seconds', 'here'
      FROM t
"""
ANY = Standing(
    terms=TenantTerms(zone=ZoneInfo("America/Sao_Paulo"), active_from=None, issuing=True),
    rule_version=None,
    connection_id=None,
)
LIVE = an_entry(7, tenant_id=TENANT, attempt=2)


async def test_an_answer_of_a_lease_that_ended_is_not_written_beside_one_of_the_next(
    pool: Pool,
) -> None:
    await pool.execute(ADD)
    before = replace(LIVE, attempt=1)
    ask = Ask(steps=())
    live = Act(entry=LIVE, notas=NONE, action=ask, happenings=(happened(LIVE, "live"),))
    ended = Act(entry=before, notas=NONE, action=ask, happenings=(happened(LIVE, "ended"),))

    for together in ([live, ended], [ended, live]):
        written = await write_plans(pool, TENANT, ANY, together)
        assert written == [live]

    told = await pool.fetch("SELECT what FROM timeline")
    assert [row["what"] for row in told] == ["live", "live"]


Change = Callable[[Pool, Desk, Bill], Awaitable[None]]


class Meanwhile:
    """Commits a change each time Vindi has answered for a bill, before the answer is here."""

    def __init__(self, database: DatabaseSettings) -> None:
        self.times = 1
        self.reads = 0
        self._database = database
        self._commit: Callable[[Pool], Awaitable[None]] | None = None

    def commit(self, change: Change, desk: Desk, bill: Bill) -> None:
        self._commit = lambda pool: change(pool, desk, bill)

    def answered(self) -> None:
        if self._commit is None:
            return
        self.reads += 1
        if self.reads <= self.times:
            # What answers is on this loop: it goes on only once the change is committed.
            change = threading.Thread(target=lambda: asyncio.run(self._run()))
            change.start()
            change.join()

    async def _run(self) -> None:
        assert self._commit is not None
        async with open_pool(self._database, application="meanwhile") as pool:
            await self._commit(pool)


@pytest.fixture
def meanwhile(database_settings: DatabaseSettings, monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    """To be asked for before the desk, whose account answers through it."""
    made, real = Meanwhile(database_settings), VindiApp.handle

    def handle(app: VindiApp, call: Call) -> Answer:
        answer = real(app, call)
        if "/bills" in call.raw_path:
            made.answered()
        return answer

    monkeypatch.setattr(VindiApp, "handle", handle)
    return made


async def hold(pool: Pool, desk: Desk, bill: Bill) -> None:
    asked = Asked(action="hold", reason="teste", by="pessoa")
    done = await act(pool, Waker("redis://nobody.invalid"), desk.tenant, [BillId(bill.id)], asked)
    assert done.accepted == 1


async def new_rule(pool: Pool, desk: Desk, bill: Bill) -> None:
    async with pool.acquire() as conn, conn.transaction():
        never = Rule.model_validate({"issue_when": "never"})
        await rules_store.add(conn, desk.tenant, never, by="pessoa")
        await outbox_wakes.wake_unsent(conn, desk.tenant)


async def only_the_rule(pool: Pool, desk: Desk, bill: Bill) -> None:
    async with pool.acquire() as conn, conn.transaction():
        never = Rule.model_validate({"issue_when": "never"})
        await rules_store.add(conn, desk.tenant, never, by="pessoa")


async def pause(pool: Pool, desk: Desk, bill: Bill) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await tenants_store.lock(conn, desk.tenant)
        await tenants_store.pause(conn, desk.tenant)


async def refund(pool: Pool, desk: Desk, bill: Bill) -> None:
    operations.refund(desk.account, bill_id=bill.id, events=False)
    await hear(pool, desk, bill)


async def hear(pool: Pool, desk: Desk, bill: Bill) -> None:
    mark = Mark(tenant_id=desk.tenant, bill_id=BillId(bill.id), lane=LANE, origin="webhook")
    async with pool.acquire() as conn:
        await outbox_store.mark_due(conn, [mark])


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        (hold, "held", "held_by_person"),
        (new_rule, "skipped", "rule_never"),
        (only_the_rule, "skipped", "rule_never"),
        (pause, "held", "tenant_paused"),
        (refund, "skipped", "refunded"),
    ],
)
async def test_what_was_committed_while_the_bill_was_read_is_not_overtaken(
    meanwhile: Meanwhile,
    desk: Desk,
    change: Change,
    status: str,
    code: str,
) -> None:
    bill = await desk.sold(paid=False)
    await desk.work()
    operations.pay_bill(desk.account, bill_id=bill.id, events=False)
    await desk.heard(BillId(bill.id))
    meanwhile.commit(change, desk, bill)

    await desk.work()

    assert desk.notas_of(bill) == []
    assert await desk.pool.fetchval("SELECT count(*) FROM notas") == 0
    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == (status, code)


async def test_a_sale_of_which_there_is_news_at_each_read_is_sent_once_they_end(
    meanwhile: Meanwhile, desk: Desk
) -> None:
    bill = await desk.sold()
    meanwhile.times = 10
    meanwhile.commit(hear, desk, bill)

    await desk.work()

    assert meanwhile.reads == meanwhile.times + 1
    assert len(desk.notas_of(bill)) == 1


async def test_a_rule_that_says_never_at_the_read_and_not_at_the_write_does_not_stand(
    meanwhile: Meanwhile, desk: Desk
) -> None:
    await desk.rule(issue_when="never")
    bill = await desk.sold()

    async def paid(pool: Pool, desk: Desk, bill: Bill) -> None:
        async with pool.acquire() as conn, conn.transaction():
            rule = Rule.model_validate({"issue_when": "bill_paid"})
            await rules_store.add(conn, desk.tenant, rule, by="pessoa")

    meanwhile.commit(paid, desk, bill)

    await desk.work()

    assert len(desk.notas_of(bill)) == 1


@pytest.mark.parametrize("of", ["unsent", "stopped"])
async def test_a_row_claimed_between_a_wakes_snapshot_and_its_commit_is_looked_at_again(
    desk: Desk, of: str
) -> None:
    await desk.sold()
    pool = desk.pool
    async with pool.acquire() as claims, pool.acquire() as wakes:
        async with claims.transaction():
            (entry,) = await claims_store.claim_due(
                claims, desk.tenant, lane=LANE, limit=1, lease=timedelta(minutes=1), worker="a"
            )

            async def wake() -> None:
                if of == "unsent":
                    await outbox_wakes.wake_unsent(wakes, desk.tenant)
                else:
                    await outbox_wakes.wake_stopped(wakes, desk.tenant, ["month_closed"])

            woken = asyncio.create_task(wake())
            await until_it_waits(pool)  # its snapshot is taken: it saw the row unclaimed
        await woken

        rest = settle(entry, due_at=None, bill_read=True)
        now = await clock.now(claims)
        await outbox_store.settle(claims, desk.tenant, [rest], now=now)
    assert await pool.fetchval("SELECT state FROM outbox") == "due"


@pytest.mark.parametrize("of", ["unsent", "stopped"])
async def test_a_row_that_is_due_cannot_be_claimed_beside_a_wake(desk: Desk, of: str) -> None:
    await desk.sold()
    pool = desk.pool
    async with pool.acquire() as claims, pool.acquire() as wakes, wakes.transaction():
        if of == "unsent":
            await outbox_wakes.wake_unsent(wakes, desk.tenant)
        else:
            await outbox_wakes.wake_stopped(wakes, desk.tenant, ["month_closed"])
        claimed = await claims_store.claim_due(
            claims, desk.tenant, lane=LANE, limit=1, lease=timedelta(minutes=1), worker="a"
        )

    assert claimed == []


async def until_it_waits(pool: Pool) -> None:
    waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    async with asyncio.timeout(30):
        while not await pool.fetchval(waits):
            await asyncio.sleep(0.01)

"""The restore drill: an older copy of the database is put back, and nothing is issued twice.

Everything of it is real: PostgreSQL with its WAL archive, the backup and the restore as an operator
has them, the emitter and the reconciler; the issuer makes a second nota of whatever it is asked for
twice.
"""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.reconciler.accounts.schedule import Scheduler
from services.reconciler.issuer_list import read as issuer_list
from services.reconciler.issuer_list.read import read_once
from services.reconciler.restored import look_once
from services.sandbox.run import Sandbox, running_sandbox
from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from shared.commands.actions import Asked, act
from shared.config.secret import Secret
from shared.config.settings import DatabaseSettings
from shared.db import clock
from shared.db.connection import Pool, open_pool
from shared.db.migrate import migrate
from shared.db.restores import restore_checks_store
from shared.domain.actions import SaleAction
from shared.domain.ids import BillId
from shared.local.backup import archive_folder, backups_folder
from shared.local.files import free_port
from shared.local.home import open_home
from shared.local.postgres import (
    DURABLE,
    EmbeddedPostgres,
    ensure_database,
    prepare_postgres,
    serving,
    wait_for_postgres,
)
from shared.net.http import open_session
from shared.ops.backup import run_backup, run_restore
from shared.watch.look import look_at_any_tenant
from tests.services.emitter.conftest import Desk, a_desk, an_emitter
from tests.services.emitter.stopping.test_duplicates import A_WAKER
from tests.services.reconciler.closing.conftest import Books
from tests.services.reconciler.conftest import services_of

# As durable as the real one, but for what a crash of the machine would take: nobody pulls a plug.
SETTINGS: Mapping[str, str] = {**DURABLE, "fsync": "off"}


@dataclass(slots=True, kw_only=True)
class Drill:
    """A desk on the database of a home of its own."""

    desk: Desk
    scheduler: Scheduler

    async def work(self) -> None:
        """Reconciler and emitter, turn about, until nothing is left to do at once."""
        services = services_of(self.desk)
        for _ in range(6):
            await self._pass_once()
            await self.desk.work()
            while await read_once(services):
                pass
            await look_once(services)
            await asyncio.sleep(0.1)  # the issuer takes a moment for each nota
            async with self.desk.pool.acquire() as conn:
                await conn.execute("UPDATE outbox SET due_at = now() WHERE state = 'due'")
            await self.desk.work()

    async def _pass_once(self) -> None:
        async with self.desk.pool.acquire() as conn:
            await conn.execute("UPDATE reconciler_passes SET next_pass_at = now()")
        await self.scheduler.start_due()
        await self.scheduler.drain()

    async def statuses(self, bills: list[Bill]) -> list[str]:
        return [(await self.desk.sale(bill)).status.value for bill in bills]

    async def wished(self, bill: Bill, action: SaleAction) -> None:
        asked = Asked(action=action, by="ana", reason="pedido do cliente")
        await act(self.desk.pool, A_WAKER, self.desk.tenant, [BillId(bill.id)], asked)


def posts(sandbox: Sandbox) -> Counter[str]:
    """How often each id was asked for."""
    return Counter(
        entry.external_id
        for entry in sandbox.enotas.journal
        if entry.method == "POST" and entry.external_id
    )


@asynccontextmanager
async def a_server(env: Mapping[str, str]) -> AsyncIterator[EmbeddedPostgres]:
    home = open_home(env)
    archive = archive_folder(backups_folder(env, home))
    server = await asyncio.to_thread(
        prepare_postgres, home.folder, port=free_port(), archive=archive
    )
    async with serving(server, SETTINGS, home.folder / "postgres.log"):
        await wait_for_postgres(server.url("postgres"))
        yield server


@asynccontextmanager
async def a_pool(server: EmbeddedPostgres) -> AsyncIterator[Pool]:
    settings = DatabaseSettings(url=Secret.of(server.url()), pool_size=10, pooler="none")
    async with open_pool(settings, application="drill") as pool:
        yield pool


@asynccontextmanager
async def a_drill(desk: Desk, pool: Pool) -> AsyncIterator[Drill]:
    """The same tenant with services that know nothing of before."""
    async with open_session() as session:
        anew = replace(desk, pool=pool, tools=an_emitter(pool, desk.sandbox, session))
        yield Drill(desk=anew, scheduler=Scheduler(services=services_of(anew), worker="drill"))


@pytest.fixture
def env(server_folder: Path) -> dict[str, str]:
    return {"NOTAPONTE_HOME": str(server_folder / "drill"), "PATH": os.environ["PATH"]}


@dataclass(slots=True, kw_only=True)
class Story:
    """What was sold, and what became of it in the part that the copy lacks."""

    kept: list[Bill]  # issued before the copy, and so still
    cancelled: Bill  # issued before, cancelled in what is missing
    lost: list[Bill]  # sold and issued in what is missing
    by_hand: Bill  # sold before, issued in what is missing since somebody asked for it
    given_back: Bill  # issued in what is missing, and its money given back once the copy is used

    @property
    def all(self) -> list[Bill]:
        return [*self.kept, self.cancelled, *self.lost, self.by_hand, self.given_back]


async def test_after_a_restore_no_issued_id_is_asked_for_again(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer_list, "PAGE_PAUSE", timedelta(0))
    async with running_sandbox() as sandbox:
        desk, story, moment = await _a_day_of_which_the_end_is_lost(env, sandbox)
        asked = posts(sandbox)
        assert {asked[f"p-{desk.tenant}-{bill.id}-1"] for bill in story.all} == {1}

        await run_restore(env, moment.isoformat(), lambda _: None)
        operations.refund(desk.account, bill_id=story.given_back.id, events=False)

        async with a_server(env) as server, a_pool(server) as pool, a_drill(desk, pool) as drill:
            await _nothing_is_issued_before_the_list_is_read(drill, story, asked)
            new = drill.desk.sell()
            await drill.work()

            assert posts(sandbox) - asked == Counter({f"p-{desk.tenant}-{new.id}-1": 1})
            assert sandbox.enotas.invariants.report()["ok"]
            assert {len(desk.notas_of(bill)) for bill in [*story.all, new]} == {1}
            live = [*story.kept, *story.lost, story.by_hand, new]
            assert await drill.statuses(live) == ["issued"] * len(live)
            gone = [story.cancelled, story.given_back]
            assert await drill.statuses(gone) == ["cancelled"] * 2
            assert {nota.status for bill in gone for nota in desk.notas_of(bill)} == {"Cancelada"}
            await _all_of_it_is_told(drill, found=len(story.lost) + 2)
            await _the_month_balances(drill, sales=len(live))


async def _a_day_of_which_the_end_is_lost(
    env: Mapping[str, str], sandbox: Sandbox
) -> tuple[Desk, Story, datetime]:
    """Sales, a backup, and what comes after the moment that is gone back to."""
    async with a_server(env) as server:
        await ensure_database(server)
        await migrate(server.url())
        async with a_pool(server) as pool, a_desk(pool, sandbox) as desk:
            _calm(desk)
            by_hand = operations.create_product(desk.account, code="MANUAL")
            await desk.rule(
                exceptions=({"if": {"product_code": ("MANUAL",)}, "issue_when": "manual"},)
            )
            async with a_drill(desk, pool) as drill:
                await drill.scheduler.enrol()
                await look_once(services_of(drill.desk))
                issued = [drill.desk.sell() for _ in range(3)]
                lines = [{"product_id": by_hand.id, "amount": "179.90"}]
                waiting = drill.desk.sell(lines=lines)
                await drill.work()
                assert await drill.statuses([*issued, waiting]) == [*["issued"] * 3, "held"]
    await run_backup(env, keep=1)
    async with a_server(env) as server, a_pool(server) as pool, a_drill(desk, pool) as drill:
        await look_once(services_of(drill.desk))
        moment = await _now(pool)
        await asyncio.sleep(0.05)
        *lost, given_back = [drill.desk.sell() for _ in range(6)]
        await drill.wished(waiting, "issue")
        await drill.wished(issued[0], "cancel")
        await drill.work()
        assert await drill.statuses([*lost, given_back, waiting]) == ["issued"] * 7
        assert await drill.statuses([issued[0]]) == ["cancelled"]
    story = Story(
        kept=issued[1:],
        cancelled=issued[0],
        lost=lost,
        by_hand=waiting,
        given_back=given_back,
    )
    return desk, story, moment


def _calm(desk: Desk) -> None:
    desk.account.rate.limit = None
    desk.company.faults.progress = (0.01, 0.01, 0.01, 0.01, 0.01)
    desk.company.faults.duplicate_in_progress = "second"
    desk.company.faults.duplicate_done = "second"


async def _now(pool: Pool) -> datetime:
    async with pool.acquire() as conn:
        return await clock.this_instant(conn)


async def _nothing_is_issued_before_the_list_is_read(
    drill: Drill, story: Story, asked: Counter[str]
) -> None:
    """The emitter alone, on sales it knows nothing of: it waits, and says so."""
    await drill.desk.heard(*(BillId(bill.id) for bill in story.lost))
    await drill.desk.work()
    assert posts(drill.desk.sandbox) == asked
    assert await drill.statuses(story.lost) == ["queued"] * len(story.lost)
    assert await _health(drill) == "degraded"


async def _health(drill: Drill) -> str:
    async with drill.desk.pool.acquire() as conn:
        checks = await look_at_any_tenant(conn, drill.desk.tenant, every=timedelta(minutes=5))
    assert checks is not None
    return next(check.status for check in checks if check.code == "restored")


async def _all_of_it_is_told(drill: Drill, *, found: int) -> None:
    assert await _health(drill) == "ok"
    async with drill.desk.pool.acquire() as conn:
        [progress] = await restore_checks_store.progress_any_tenant(conn, limit=5)
    assert progress.companies_read == progress.companies == 1
    assert progress.notas_known == progress.notas_found == found


async def _the_month_balances(drill: Drill, *, sales: int) -> None:
    start = datetime.fromtimestamp(int(drill.desk.sandbox.clock.now()), UTC)
    closing = await Books(desk=drill.desk, start=start).close()
    assert closing.balanced
    assert closing.issuer.notas == sales

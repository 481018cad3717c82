"""Makes the files of months that somebody asked for, each by whoever holds its lease."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from services.reconciler.issuer_list.fresh import close_afresh
from services.reconciler.rounds import alone
from services.reconciler.services import Services
from shared.commands.files.month_file import MonthSource, month_file, rows_of
from shared.commands.filing import tell_untold
from shared.db.away import database_away, database_away_for_all
from shared.db.closing import month_files_store
from shared.db.closing.month_files_store import MonthFile
from shared.db.tenants import connections_store, tenants_store
from shared.db.tenants.tenants_store import Tenant
from shared.domain.closing import Closing
from shared.run.loops import Next, Periodic
from shared.run.tasks import end_task
from shared.vindi.budget import BudgetShare

log = structlog.get_logger()

LOOK_EVERY: Final = timedelta(seconds=1)
LEASE: Final = timedelta(seconds=60)
TELL_EVERY: Final = 1.0  # seconds
AGAIN_IN: Final = timedelta(seconds=10)
MOST_FAILURES: Final = 5
PIECE: Final = 256 * 1024


class LeaseLost(Exception):
    """Somebody else makes the file now, or it was asked for anew."""


async def make_month_files(services: Services) -> None:
    """Make files whenever some are wanted, one at a time, until cancelled."""

    async def step() -> Next | None:
        return Next.AT_ONCE if await make_once(services) else None

    await Periodic(
        name="month-files", step=step, every=LOOK_EVERY, failed="month_files_not_taken_up"
    ).run()


async def make_once(services: Services) -> bool:
    """Make the file that waits longest; says whether there was one."""
    file = None
    async with services.pool.acquire() as conn:
        for tenant, month, kind in await month_files_store.open_any_tenant(conn, limit=4):
            with alone("month_file_not_claimed", tenant_id=tenant):
                file = await month_files_store.claim(conn, tenant, month, kind, lease=LEASE)
            if file is not None:
                break
        if file is None:
            return False
        of = await tenants_store.get(conn, file.tenant_id)
    if of is None:
        raise AssertionError("a file is of a tenant")
    try:
        await _make(services, file, of)
    except LeaseLost:
        log.info("month_file_lease_lost", tenant_id=file.tenant_id)
    except Exception as error:
        if database_away_for_all(error):
            raise  # the lease runs out
        log.exception("month_file_failed", tenant_id=file.tenant_id)
        async with services.pool.acquire() as conn:
            await month_files_store.fail(conn, file, most=MOST_FAILURES, again_in=AGAIN_IN)
    return True


@dataclass(slots=True)
class _Progress:
    """How far one file is; told every second, which keeps the lease too."""

    services: Services
    file: MonthFile
    total: int | None = None
    done: int = 0
    lost: bool = False

    def rows(self, more: int) -> None:
        """So many more rows are done."""
        self.done += more

    async def watch(self) -> None:
        """Tell until cancelled; what cannot be told is told a second later."""
        while not self.lost:
            await asyncio.sleep(TELL_EVERY)
            try:
                async with self.services.pool.acquire() as conn:
                    self.lost = not await month_files_store.tell(
                        conn, self.file, done=self.done, total=self.total, lease=LEASE
                    )
            except Exception as error:
                if not database_away(error):
                    raise


async def _make(services: Services, file: MonthFile, tenant: Tenant) -> None:
    progress = _Progress(services, file)
    watching = asyncio.create_task(progress.watch(), name="month-file-progress")
    started = time.monotonic()
    size = place = 0
    try:
        closing = await _closed(services, tenant, file)
        progress.total = rows_of(file.kind, closing)

        async def close() -> Closing:
            return closing

        source = MonthSource(
            pool=services.pool,
            sealer=services.sealer,
            tenant=tenant,
            month=file.month,
            at=services.now(),
            close=close,
        )
        whole = _pieces(await month_file(file.kind, source, progress.rows))
        async with aclosing(whole):
            async for piece in whole:
                if progress.lost:
                    raise LeaseLost
                async with services.pool.acquire() as conn:
                    kept = await month_files_store.put_piece(conn, file, place, piece)
                if not kept:
                    raise LeaseLost
                size, place = size + len(piece), place + 1
    finally:
        await end_task(watching)
    async with services.pool.acquire() as conn, conn.transaction():
        if not await month_files_store.finish(conn, file, size=size, rows=progress.done):
            raise LeaseLost
    took = round(time.monotonic() - started, 1)
    log.info("month_file_made", tenant_id=tenant.id, kind=file.kind, bytes=size, seconds=took)


async def _closed(services: Services, tenant: Tenant, file: MonthFile) -> Closing:
    async with services.pool.acquire() as conn:
        found = await connections_store.get_vindi(conn, services.sealer, tenant.id)
    client = services.clients.vindi(tenant.id, found, BudgetShare.PERSON) if found else None
    await tell_untold(services.pool, services.sealer, tenant, file.month)
    return await close_afresh(services, client, tenant, file.month, filed=True)


async def _pieces(parts: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """The same bytes in pieces worth a row each."""
    held = bytearray()
    async for part in parts:
        held += part
        if len(held) >= PIECE:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)

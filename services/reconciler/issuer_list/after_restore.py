"""After a failover: reads the issuers' lists back to what is missing, as soon as that is safe.

Newest notas first, and no further than needed: a page or two, where the day may have hundreds. A
page that fails is asked for again, sooner and then later; those before it were taken in. What
a restore to a moment of long ago needs is read by days, as ever (`read`), and goes on where it was
cut off.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog
from msgspec import Struct

from services.reconciler.issuer_list.read import (
    AHEAD,
    PATIENCE,
    ListReader,
    go_on,
    go_on_unlisted,
    in_chunks,
    listing,
    take,
)
from services.reconciler.issuer_list.settled import SHOWS, still_waited_for
from services.reconciler.services import Services
from shared.db import clock
from shared.db.connection import Connection
from shared.db.restores import emitters_store, restore_checks_store, restores_store
from shared.db.restores.restore_checks_store import WantedList
from shared.db.restores.restores_store import SETTLES, Restore
from shared.db.tenants import issuers_store
from shared.domain.errors import PipelineError
from shared.domain.ids import TenantId
from shared.issuer.interface import Snapshot
from shared.run.loops import Periodic, beside
from shared.run.tasks import end_task
from shared.telemetry import traces
from shared.telemetry.severity import severity

log = structlog.get_logger()

LOOK_EVERY: Final = timedelta(seconds=2)
LOOK_OFTEN: Final = timedelta(milliseconds=500)  # for as long as somebody may wait for it
OFTEN_FOR: Final = timedelta(minutes=3)
AFTER_FAILURE: Final = timedelta(seconds=2)
AT_ONCE: Final = 32  # each of a key of its own
LEASE: Final = timedelta(seconds=10)  # of a killed process; two that read one list do no harm
RENEW_EVERY: Final = timedelta(seconds=3)  # however long a page is waited for
AGAIN: Final = timedelta(seconds=1)  # an issuer that could not be asked for all that time
FAR_BACK: Final = timedelta(hours=6)  # what is missing of more is read by days


async def read_after_restores(services: Services) -> None:
    """Look for restores whose lists may be read, until cancelled."""
    readers = Readers(services=services)
    try:
        while True:
            try:
                rest = await readers.look_once()
            except Exception as error:  # noqa: BLE001 - the database is away: try again later
                log.log(severity(error), "restore_lists_wait", error=type(error).__name__)
                rest = AFTER_FAILURE
            await asyncio.sleep(rest.total_seconds())
    finally:
        await readers.end()


@dataclass(slots=True, kw_only=True)
class Readers:
    """The lists that this process reads just now; one that hangs keeps nobody from another."""

    services: Services
    _running: dict[tuple[TenantId, str], asyncio.Task[None]] = field(default_factory=dict)

    async def look_once(self) -> timedelta:
        """Settle what has arrived, begin to read what may be read; how long to rest then."""
        async with self.services.pool.acquire() as conn:
            emitters = await emitters_store.all_any_tenant(conn)
            names = [one.emitter for one in emitters]
            await restores_store.note_older_code_any_tenant(conn, names)
            newest = await restores_store.newest(conn)
            if newest is None:
                return LOOK_EVERY
            now = await clock.now(conn)
            if now < newest.noticed_at + SETTLES:
                await _settle(conn, newest, now)
            free = AT_ONCE - len(self._running)
            due = await restore_checks_store.due_any_tenant(conn, now, limit=free) if free else []
        for tenant, company in due:
            if (tenant, company) not in self._running:
                self._begin(tenant, company)
        return LOOK_OFTEN if now < newest.noticed_at + OFTEN_FOR else LOOK_EVERY

    def _begin(self, tenant: TenantId, company: str) -> None:
        reading = _read_surely(self.services, tenant, company)
        task = asyncio.create_task(reading, name=f"restore-list-{tenant}")
        self._running[tenant, company] = task
        task.add_done_callback(lambda _: self._running.pop((tenant, company)))

    async def drain(self) -> None:
        """Wait until what was begun has ended."""
        await asyncio.gather(*self._running.values())

    async def end(self) -> None:
        """Break off what was begun; whoever looks next reads it from the start."""
        for task in list(self._running.values()):
            await end_task(task)


async def _settle(conn: Connection, newest: Restore, now: datetime) -> None:
    emitters = await emitters_store.all_any_tenant(conn)
    older = await restores_store.older_code_until(conn)
    waits = still_waited_for(newest, emitters, now, older_code_until=older)
    if waits is not None:
        await restore_checks_store.settle_any_tenant(conn, newest, now + SHOWS, but=waits)


async def _read_surely(services: Services, tenant: TenantId, company: str) -> None:
    """Read a company's list; whatever fails is tried again, and is nobody else's."""
    try:
        await _read_claimed(services, tenant, company)
    except Exception as error:  # noqa: BLE001 - the claim ends by itself, and it is tried again
        log.log(
            severity(error), "restore_list_failed", tenant_id=tenant, error=type(error).__name__
        )


async def _read_claimed(services: Services, tenant: TenantId, company: str) -> None:
    async with services.pool.acquire() as conn:
        connections = listing(await issuers_store.load(conn, services.sealer, tenant))
        now = await clock.now(conn)
        if company not in connections:
            return
        claimed = await restore_checks_store.claim(conn, tenant, company, now, lease=LEASE)
    if claimed is None:
        return
    reader = ListReader(
        services=services,
        tenant=tenant,
        company=company,
        issuer=services.clients.issuer(connections[company]),
        attempt=0,
        pause=timedelta(),
        patience=PATIENCE,
    )
    try:
        await _read(reader, claimed, now)
    except PipelineError as error:
        log.info("restore_list_failed", tenant_id=tenant, error=type(error).__name__)
        await _let_go(reader, claimed)
    except Exception:
        # A database that was away meanwhile, as beside another fault: it is let go once it is back.
        await _let_go_surely(reader, claimed)
        raise


async def _let_go(reader: ListReader, claimed: WantedList) -> None:
    async with reader.services.pool.acquire() as conn:
        again = await clock.now(conn) + AGAIN
        await restore_checks_store.hold(conn, reader.tenant, reader.company, claimed, again)


async def _let_go_surely(reader: ListReader, claimed: WantedList) -> None:
    """Let go as soon as that can be written down, while the claim would last."""
    give_up = time.monotonic() + LEASE.total_seconds()
    while time.monotonic() < give_up:
        try:
            await _let_go(reader, claimed)
        except Exception as error:  # noqa: BLE001 - it ends by itself then
            log.log(severity(error), "restore_list_held", tenant_id=reader.tenant)
            await asyncio.sleep(LOOK_OFTEN.total_seconds())
        else:
            return


async def _read(reader: ListReader, claimed: WantedList, now: datetime) -> None:
    if not reader.issuer.capabilities.lists:
        await go_on_unlisted(reader)
    elif now - claimed.since < FAR_BACK:
        with traces.span("read issuer list", tenant_id=reader.tenant):
            await _read_back(reader, claimed, now)


async def _read_back(reader: ListReader, claimed: WantedList, began: datetime) -> None:
    """Take in what was created since; nobody else reads meanwhile."""
    days = claimed.since.date(), began.date() + AHEAD
    back = Back()
    listed = reader.issuer.list_created(*days, newest_first=True, patience=reader.patience)
    async with _held(reader, claimed), aclosing(in_chunks(listed)) as chunks:
        async for chunk in chunks:
            await take(reader, chunk, began)
            back = back.after(chunk)
            if back.is_before(claimed.since):
                break
    async with reader.services.pool.acquire() as conn:
        read = await restore_checks_store.listed(
            conn, reader.tenant, reader.company, claimed, began
        )
    if read:
        await go_on(reader, read)


@asynccontextmanager
async def _held(reader: ListReader, claimed: WantedList) -> AsyncIterator[None]:
    """Keep others from reading the same list, for as long as this process lives and reads it."""

    async def step() -> None:
        async with reader.services.pool.acquire() as conn:
            until = await clock.now(conn) + LEASE
            await restore_checks_store.hold(conn, reader.tenant, reader.company, claimed, until)

    claim = Periodic(
        name="hold-restore-list", step=step, every=RENEW_EVERY, failed="restore_list_not_held"
    )
    async with beside(hold_restore_list=claim.run):
        yield


class Back(Struct, frozen=True, kw_only=True):
    """How far back a list was read; an issuer that does not order it so is read to its end."""

    newest: datetime | None = None
    oldest: datetime | None = None
    in_order: bool = True

    def after(self, chunk: Sequence[Snapshot]) -> "Back":
        """What it is once these were read too."""
        newest, oldest, in_order = self.newest, self.oldest, self.in_order
        for created in (one.created_at for one in chunk):
            if created is None or (oldest is not None and created > oldest):
                return Back(newest=newest, oldest=oldest, in_order=False)
            newest, oldest = newest or created, created
        return Back(newest=newest, oldest=oldest, in_order=in_order)

    def is_before(self, instant: datetime) -> bool:
        """Whether whatever follows was created before an instant.

        Where all had the same second nobody can tell in which order they come.
        """
        if not self.in_order or self.newest is None or self.oldest is None:
            return False
        return self.oldest < instant and self.oldest < self.newest

"""Reads the issuer's own lists, day by day of creation, and holds them against our notas.

Each company that real notas were born at has one, also where notas are born no more.

What differs becomes a fact for its sale, which the emitter reads up on at the issuer, or a nota
of somebody else. Days are the unit: a reading that was cut off goes on with those not done.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Container, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import structlog
from msgspec import Struct

from services.reconciler.issuer_list.compare import SECOND, Compared, bill_of, compare, is_real
from services.reconciler.rounds import alone
from services.reconciler.services import Services
from shared import intake
from shared.crypto import columns
from shared.crypto.seal import UnsealError
from shared.db import clock
from shared.db.away import database_away_for_all
from shared.db.closing import issuer_list_store
from shared.db.closing.issuer_list_store import OurNota
from shared.db.connection import Connection
from shared.db.outbox import outbox_wakes
from shared.db.outbox.outbox_store import RECONCILE, Mark
from shared.db.restores import restore_checks_store, restore_finds_store
from shared.db.sales import sales_store, timeline_store
from shared.db.sales.timeline_store import Happening
from shared.db.tenants import issuers_store
from shared.db.tenants.connections_store import IssuerConnection
from shared.db.tenants.issuers_store import Issuers
from shared.domain.attention import SECOND_NOTA
from shared.domain.errors import PipelineError
from shared.domain.ids import BillId, ExternalId, IssuerNotaId, TenantId
from shared.issuer.interface import PAGE_PATIENCE, Issuer, Phase, Snapshot
from shared.net.json_bytes import read_json
from shared.telemetry import traces
from shared.telemetry.severity import severity

log = structlog.get_logger()

LOOK_EVERY: Final = timedelta(seconds=2)
PLAN_EVERY: Final = timedelta(hours=24)
AFTER_FAILURE: Final = timedelta(seconds=30)
SOON: Final = timedelta(seconds=5)
NOT_BEFORE: Final = timedelta(minutes=5)  # an issuer that could not be asked
# While issuing waits for the list a page that fails is asked for so long, not the list anew.
PATIENCE: Final = timedelta(seconds=50)
# Renewed each page, which may take a request's whole time after that.
LEASE: Final = timedelta(seconds=90)
SLICE: Final = timedelta(seconds=60)  # then others' lists have their turn
AT_ONCE: Final = 16  # each of its own key; after a failover everybody waits for this
DAYS_A_WALK: Final = 31
AHEAD: Final = timedelta(days=1)  # what an issuer whose clock goes before ours dates tomorrow
ROWS_A_COMMIT: Final = 100
# A page each second leaves four fifths of a key's five requests a second to the notas.
PAGE_PAUSE: Final = timedelta(seconds=1)
BY: Final = "reconciler"
ENDED: Final = frozenset({Phase.DENIED, Phase.CANCELLED})  # nothing that stands


class ListReader(Struct, frozen=True, kw_only=True):
    """The right to read one tenant's list, until its lease ends."""

    services: Services
    tenant: TenantId
    company: str
    issuer: Issuer
    attempt: int
    pause: timedelta
    patience: timedelta = PAGE_PATIENCE  # with a page that fails


async def read_issuer_lists(services: Services) -> None:
    """Read what is wanted, tenant by tenant, until cancelled."""
    while True:
        rest = LOOK_EVERY
        try:
            await plan_once(services)
            if await read_once(services):
                continue
        except Exception as error:  # noqa: BLE001 - the database is away: try again later
            log.log(severity(error), "issuer_lists_wait", error=type(error).__name__)
            rest = AFTER_FAILURE
        await asyncio.sleep(rest.total_seconds())


async def plan_once(services: Services, *, every: timedelta = PLAN_EVERY) -> int:
    """Want the open months of tenants that were not planned lately; returns how many tenants."""
    async with services.pool.acquire() as conn:
        now = await clock.now(conn)
        found = await issuer_list_store.to_plan_any_tenant(conn, now - every, limit=20)
        for tenant, company in found:
            with alone("issuer_list_not_planned", tenant_id=tenant):
                await issuer_list_store.plan(conn, tenant, company, now)
    return len(found)


async def read_once(services: Services) -> int:
    """Give some tenants that wait a turn each; returns how many had one."""
    async with services.pool.acquire() as conn:
        now = await clock.now(conn)
        due = await issuer_list_store.due_any_tenant(conn, now, limit=AT_ONCE)
    return sum(await asyncio.gather(*(_turn(services, one) for one in due)))


async def _turn(services: Services, tenant: TenantId) -> bool:
    with alone("issuer_list_failed", tenant_id=tenant):
        return await read_wanted(services, tenant, pause=PAGE_PAUSE)
    return False


async def read_wanted(
    services: Services, tenant: TenantId, *, pause: timedelta = timedelta(0)
) -> bool:
    """Read a tenant's wanted days for a while; False when nothing could be read.

    Safe to be cut off at any time. An issuer that cannot be asked is left alone for a while, and
    keeps nobody from the lists of the tenant's other companies.
    """
    async with services.pool.acquire() as conn:
        companies = listing(await issuers_store.load(conn, services.sealer, tenant))
        if not companies:
            return False
        now = await clock.now(conn)
        attempt = await issuer_list_store.claim(conn, tenant, now, lease=LEASE)
        waited_for = {
            company
            for company in companies
            if await restore_checks_store.checked_for(conn, tenant, company) is not None
        }
    if attempt is None:
        return False
    readers = [
        ListReader(
            services=services,
            tenant=tenant,
            company=company,
            issuer=services.clients.issuer(connection),
            attempt=attempt,
            pause=pause,
            patience=PATIENCE if company in waited_for else PAGE_PATIENCE,
        )
        for company, connection in companies.items()
    ]
    not_before = None
    try:
        read = [await _read_surely(one) for one in readers]
        not_before = now + await _rest(services, readers) if None in read else None
        return any(read)
    finally:
        async with services.pool.acquire() as conn:
            await issuer_list_store.release(conn, tenant, attempt, not_before=not_before)


async def _rest(services: Services, readers: Sequence[ListReader]) -> timedelta:
    """How long an issuer that could not be asked is left alone: not long while issuing waits."""
    async with services.pool.acquire() as conn:
        for one in readers:
            if await restore_checks_store.checked_for(conn, one.tenant, one.company) is not None:
                return SOON
    return NOT_BEFORE


def listing(issuers: Issuers) -> dict[str, IssuerConnection]:
    """The companies whose lists can be asked for, in small letters, the one in use first.

    A test's environment is no reason to ask a company that was left: nothing real was born there.
    """
    left = [one for one in issuers.left if one.environment == issuer_list_store.REAL]
    current = [] if issuers.current is None else [issuers.current]
    found: dict[str, IssuerConnection] = {}
    for one in (*current, *left):
        found.setdefault(one.company_id.lower(), one)
    return {company: one for company, one in found.items() if not one.state.blocked}


async def _read_surely(reader: ListReader) -> bool | None:
    """Whether something was read; None for an issuer that could not be asked."""
    try:
        if reader.issuer.capabilities.lists:
            with traces.span("read issuer list", tenant_id=reader.tenant):
                return await _read(reader)
        await go_on_unlisted(reader)
    except PipelineError as error:
        log.info("issuer_list_failed", tenant_id=reader.tenant, error=type(error).__name__)
        return None
    except Exception as error:
        if database_away_for_all(error):
            raise
        log.exception("issuer_list_failed", tenant_id=reader.tenant)  # the others go on
        return None
    return False


async def go_on_unlisted(reader: ListReader) -> None:
    """After a restore: where there is no list each nota is looked up before it is sent."""
    async with reader.services.pool.acquire() as conn:
        now = await clock.now(conn)
        await restore_checks_store.unlisted(conn, reader.tenant, reader.company, now)


async def _read(reader: ListReader) -> bool:
    loop = asyncio.get_running_loop()
    until, read = loop.time() + SLICE.total_seconds(), False
    while loop.time() < until:
        async with reader.services.pool.acquire() as conn:
            days = await issuer_list_store.wanted(conn, reader.tenant, reader.company)
        if not days:
            break
        if not await _walk(reader, one_run(days)):
            break
        read = True
    return read


def one_run(days: Sequence[date]) -> list[date]:
    """The first of these days and those that follow it without a gap, a month at most."""
    wanted, run = set(days), [days[0]]
    while len(run) < DAYS_A_WALK and run[-1] + timedelta(days=1) in wanted:
        run.append(run[-1] + timedelta(days=1))
    return run


async def _walk(reader: ListReader, days: list[date]) -> bool:
    """List some days; False when another reader took over. Days are done as they are passed."""
    tenant, pool = reader.tenant, reader.services.pool
    async with pool.acquire() as conn:
        began = await clock.this_instant(conn)
    left = list(days)
    until = days[-1] + AHEAD if days[-1] >= began.date() else days[-1]
    listed = reader.issuer.list_created(days[0], until, patience=reader.patience)
    async for chunk in in_chunks(listed):
        async with pool.acquire() as conn:
            now = await clock.now(conn)
            if not await issuer_list_store.renew(conn, tenant, reader.attempt, now + LEASE):
                return False
        await take(reader, chunk, began)
        left = await _passed(reader, left, chunk, began)
        if reader.pause:
            await asyncio.sleep(reader.pause.total_seconds())
    await _done(reader, left, began)
    return True


async def in_chunks(listed: AsyncIterator[Snapshot]) -> AsyncGenerator[list[Snapshot], None]:
    chunk: list[Snapshot] = []
    async for snapshot in listed:
        chunk.append(snapshot)
        if len(chunk) >= ROWS_A_COMMIT:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


async def _passed(
    reader: ListReader, left: list[date], chunk: Sequence[Snapshot], began: datetime
) -> list[date]:
    """Days before those of a chunk are done: the list is in the order of creation."""
    created = [one.created_at for one in chunk]
    if any(one is None for one in created):
        return left
    first = min(one.date() for one in created if one is not None)
    passed = [day for day in left if day < first]
    if passed:
        await _done(reader, passed, began)
    return [day for day in left if day >= first]


async def _done(reader: ListReader, days: Sequence[date], began: datetime) -> None:
    """Days were read whole: what we hold for valid and was not among them is looked at."""
    if not days:
        return
    tenant = reader.tenant
    since = datetime.combine(days[0], time(), UTC)
    end = datetime.combine(days[-1] + timedelta(days=1), time(), UTC)
    async with reader.services.pool.acquire() as conn, conn.transaction():
        await issuer_list_store.done(conn, tenant, reader.company, days, began)
        missing = await issuer_list_store.missing(conn, tenant, reader.company, since, end, began)
        restores = await restore_checks_store.read(conn, tenant, reader.company, began)
    if restores:
        await go_on(reader, restores)
    await _mark(reader, missing)
    if missing:
        log.warning("notas_missing_at_issuer", tenant_id=tenant, count=len(missing))


async def go_on(reader: ListReader, restores: Sequence[int]) -> None:
    """A list was read for a restore: what waited for it may be issued now."""
    log.warning("restore_list_read", tenant_id=reader.tenant, restore_id=max(restores))
    async with reader.services.pool.acquire() as conn, conn.transaction():
        await outbox_wakes.wake_queued(conn, reader.tenant)
    await reader.services.waker.ring()


async def take(reader: ListReader, chunk: Sequence[Snapshot], began: datetime) -> None:
    """Write down what is listed of the real environment; what is news has its sale looked at."""
    tenant, services = reader.tenant, reader.services
    real = [one for one in chunk if is_real(tenant, one)]
    bills = {one.issuer_id: bill_of(tenant, one.external_id) for one in real}
    keys = [one.external_id for one in real if one.external_id and bills[one.issuer_id]]
    async with services.pool.acquire() as conn, conn.transaction():
        known = [bill for bill in bills.values() if bill is not None]
        ours = await issuer_list_store.ours(conn, tenant, known, keys)
        before = await issuer_list_store.differed(conn, tenant, [i.lower() for i in bills])
        compared = []
        for one in real:
            our = ours.get(one.external_id) if one.external_id else None
            document = _document(reader, our, one.document) if our and one.document else None
            compared.append(compare(one, bills[one.issuer_id], our, document, began.date()))
        rows = [one.row for one in compared]
        await issuer_list_store.store(conn, tenant, reader.company, rows, began)
        await _find(conn, reader, real, bills, ours, began)
        await timeline_store.add(conn, tenant, _told(compared, before))
        seconds = [one.row.bill_id for one in compared if one.second and one.row.bill_id]
        await sales_store.attend(conn, tenant, seconds, SECOND_NOTA)
    await _mark(reader, [one.row.bill_id for one in compared if one.news and one.row.bill_id])


async def _find(
    conn: Connection,
    reader: ListReader,
    listed: Sequence[Snapshot],
    bills: Mapping[IssuerNotaId, BillId | None],
    ours: Container[ExternalId],
    at: datetime,
) -> None:
    """After a restore: write down what is ours by its id, and unknown here."""
    tenant = reader.tenant
    restore = await restore_checks_store.checked_for(conn, tenant, reader.company)
    if restore is None:
        return
    found = {
        one.external_id: bill
        for one in listed
        if one.external_id is not None
        and one.external_id not in ours
        and (bill := bills[one.issuer_id]) is not None
        and one.phase not in ENDED
    }
    await restore_finds_store.find(conn, tenant, restore, found, at)


def _document(reader: ListReader, our: OurNota, said: str) -> str | None:
    """The customer's document as it was sent; as the issuer says it where ours cannot be read."""
    key = (our.bill_id, our.part, our.revision)
    sealer = reader.services.sealer
    try:
        draft = read_json(columns.REQUEST.open(sealer, reader.tenant, our.request, *key))
        document = draft["tomador"]["document"]
    except (UnsealError, ValueError, KeyError, TypeError) as error:
        log.warning("request_unreadable", tenant_id=reader.tenant, error=type(error).__name__)
        return said
    return document if isinstance(document, str) else None


def _told(compared: Sequence[Compared], before: dict[str, str]) -> list[Happening]:
    return [
        Happening(bill_id=row.bill_id, what="issuer_differs", why=row.differs, by=BY)
        if row.differs != SECOND
        else Happening(bill_id=row.bill_id, what=SECOND_NOTA, why=row.external_id or "", by=BY)
        for row in (one.row for one in compared)
        if row.bill_id is not None
        and row.differs is not None
        and row.differs != before.get(row.issuer_id)
    ]


async def _mark(reader: ListReader, bills: Sequence[BillId]) -> None:
    marks = [
        Mark(
            tenant_id=reader.tenant,
            bill_id=bill,
            lane=RECONCILE,
            origin="reconciler",
            about_bill=False,
            about_nota=True,
        )
        for bill in dict.fromkeys(bills)
    ]
    if marks:
        await intake.take_in(reader.services.pool, [], marks)
        await reader.services.waker.ring()

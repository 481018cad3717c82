"""One pass over all tenants with due work, each within its own share (design D12)."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Final

import structlog
from msgspec.structs import replace
from structlog.contextvars import bind_contextvars

from services.emitter.batch import VINDI_LANES, Tools, work_batch
from services.emitter.due import DueTenants
from services.emitter.lateness import Lateness
from services.emitter.leases import LEASE
from services.emitter.one_by_one import divided, hold_failed
from services.emitter.pages import LINGER, Claim, Linger, too_few, worth_claiming
from services.emitter.room import BATCH, BITE, Crowd
from services.emitter.stopping.doubts import leaves_enough, put_last
from services.emitter.traced import traced_batch
from services.emitter.turns import LANES, LaneTurn, Turns
from shared.db.away import database_away
from shared.db.connection import Connection
from shared.db.outbox import claims_store, due_read, outbox_store
from shared.db.outbox.due_read import DueTenant, DueToRead
from shared.db.outbox.outbox_store import Entry, Lane
from shared.domain.ids import TenantId
from shared.telemetry.severity import severity

log = structlog.get_logger()

TENANTS_A_PASS: Final = 1000
# What all processes together hold of one tenant: what its issuer takes in this time, and two
# batches at least, so that one is read while the other is sent. More would only grow old.
AHEAD: Final = timedelta(seconds=30)
LEAST_HELD: Final = 2 * BATCH
# Only of an issuer that is fast is a larger batch worth it: of another's its last sales would wait,
# decided and leased, for what they gain.
A_BATCH_LASTS: Final = timedelta(seconds=3)
REST: Final = timedelta(milliseconds=250)  # before a tenant is tried again who has enough
# Who has just come waits for no more than this of a pass over others, however long those take.
PASS: Final = timedelta(milliseconds=100)
COUNT_AGAIN: Final = timedelta(seconds=1)  # how much is due of a tenant who has to wait
# Nobody waits for a page of what was found by itself or is past: it comes in batches.
A_BATCH_TO_READ: Final = DueToRead(to_read=BATCH, to_read_for=LINGER, others=0)


@dataclass(slots=True)
class Dispatcher:
    """Claims due work and runs it in batches; remembers only what is running right now."""

    tools: Tools
    worker: str  # names this process in leases
    lateness: Lateness = field(default_factory=Lateness)
    _due: DueTenants = field(default_factory=DueTenants)
    _room: Crowd = field(default_factory=Crowd)
    _turns: Turns = field(default_factory=Turns)
    _rests: dict[TenantId, float] = field(default_factory=dict)
    _lingering: set[TenantId] = field(default_factory=set)
    _tried: set[TenantId] = field(default_factory=set)  # since a pass last reached everyone
    _many: dict[tuple[TenantId, Lane], float] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _held_back: bool = False  # somebody waits until fewer batches are read
    left_some: bool = False  # the last pass left what the next one may claim

    async def dispatch_once(self, on_done: Callable[[], None]) -> int:
        """Start work on what is due and return how many sales were claimed.

        `on_done` is called whenever a batch ends, since there may be more of that tenant. Where the
        pass left some (`left_some`) the next one is to begin at once; that is so as well when it
        was cut short: whoever has come meanwhile is looked for before it goes on.
        """
        over = time.monotonic() + PASS.total_seconds()
        claimed = 0
        self.left_some = False
        async with self.tools.pool.acquire() as conn:
            await self.tools.doubts.hear_any_tenant(conn)
            found = await self._due.find_any_tenant(conn, limit=TENANTS_A_PASS)
            due = {one.tenant_id: one for one in found}
            self._room.forget_all_but(due)
            self._turns.forget_all_but(due)
            self._rests = {tenant: at for tenant, at in self._rests.items() if tenant in due}
            self._many = {key: at for key, at in self._many.items() if key[0] in due}
            self._tried &= due.keys()
            for number, tenant in enumerate(self._in_turn(due)):
                if number and time.monotonic() > over:
                    self.left_some = True
                    return claimed
                self._tried.add(tenant)
                claimed += await self._start_some(conn, due[tenant], on_done)
        self._tried.clear()
        return claimed

    def _in_turn(self, due: Iterable[TenantId]) -> list[TenantId]:
        """Who may be claimed for: those whom a pass that was cut short did not reach come first."""
        turn = sorted(self._room.in_turn(list(due)), key=self._tried.__contains__)
        return [
            tenant
            for tenant in turn
            if self._room.takes(tenant, LANES) and not self._rests_now(tenant)
        ]

    async def drain(self) -> None:
        """Wait for everything that was started."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _start_some(self, conn: Connection, due: DueTenant, ring: Callable[[], None]) -> int:
        """Claim a batch of the most urgent lane that has any; how many sales it holds."""
        for turn in await self._in_which_turn(conn, due):
            lane = turn.lane
            share = await self._share(conn, due.tenant_id, turn)
            claim = await self._worth(conn, due.tenant_id, turn, share) if share else None
            if isinstance(claim, Linger):
                self._ring_later(due.tenant_id, claim.how_long, ring)
                claim = claim.meanwhile
            if claim is None:
                continue
            started = time.monotonic()
            entries = await self._claim(conn, due.tenant_id, turn, claim)
            if entries is None:
                self._turns.crowd(due.tenant_id)
                self._rests[due.tenant_id] = started + REST.total_seconds()
                if turn.last:  # what goes first may have room yet
                    continue
                return 0
            if not entries:
                self._turns.found_none(due.tenant_id, turn)
            if not entries and claim.page and lane == outbox_store.LIVE:
                self._ring_later(due.tenant_id, LINGER, ring)
            if entries:
                self._rests.pop(due.tenant_id, None)
                whole = len(entries) >= claim.most or lane != max(due.lanes)
                self.left_some = self.left_some or whole
                self._turns.claimed(due.tenant_id, turn, full=len(entries) >= claim.most)
                self._start(due.tenant_id, lane, entries, started, ring)
                return len(entries)
        return 0

    async def _in_which_turn(self, conn: Connection, due: DueTenant) -> Sequence[LaneTurn]:
        tenant, lanes = due.tenant_id, due.lanes  # to claim nothing costs as much as a batch
        doubted = self.tools.doubts.of(tenant)
        asides = doubted and outbox_store.LIVE in lanes
        if asides and await put_last(conn, tenant):
            lanes |= {outbox_store.BACKFILL}
        if self._room.asks_much(tenant):
            self._turns.crowd(tenant)
        return self._turns.of(tenant, lanes, doubted=doubted)

    async def _share(self, conn: Connection, tenant: TenantId, turn: LaneTurn) -> int:
        """How many sales to claim at most: while others are read, all of few or none of many."""
        lane = turn.lane
        share = self._room.share(tenant, lane, first=turn.first)
        # Nobody knows how many requests the hearsay of a flood takes.
        share = min(share, BATCH if turn.doubted else self._sent_soon)
        if turn.last and not self._room.has_more_than_one(tenant):
            return 0
        if share <= BITE or not self._room.reads_enough(late=self.lateness.too_late):
            return share
        if self._many.get((tenant, lane), 0.0) > time.monotonic():
            self._held_back = True
            return 0
        due = await due_read.due_now(conn, tenant, lane=lane, most=BITE + 1)
        if due <= BITE:
            return due
        self._many[tenant, lane] = time.monotonic() + COUNT_AGAIN.total_seconds()
        self._held_back = True
        return 0

    async def _worth(
        self, conn: Connection, tenant: TenantId, turn: LaneTurn, share: int
    ) -> Claim | Linger | None:
        """What of a share is worth claiming now."""
        clients, lane = self.tools.clients, turn.lane
        if turn.reads_hearsay:
            room = await clients.vindi_room(tenant, VINDI_LANES[outbox_store.BACKFILL])
            enough = leaves_enough(room, by_lists=clients.vindi_lists(tenant))
            return Claim(most=share) if enough else None
        if turn.doubted or turn.told is False or not clients.vindi_pressed(tenant):
            return Claim(most=share)
        room = await clients.vindi_room(tenant, VINDI_LANES[lane])
        if lane != outbox_store.LIVE:
            return worth_claiming(share, room, A_BATCH_TO_READ)
        live = await due_read.due_to_read(conn, tenant, lane=lane, most=2 * BATCH)
        if turn.told:
            live = replace(live, others=0)
        return worth_claiming(share, room, live)

    async def _claim(
        self, conn: Connection, tenant: TenantId, turn: LaneTurn, claim: Claim
    ) -> list[Entry] | None:
        lane = turn.lane
        held = max(LEAST_HELD, int(self.tools.clients.issuer_pace * AHEAD.total_seconds()))
        if turn.first:
            held += BATCH
        return await claims_store.claim_within(
            conn,
            tenant,
            lane=lane,
            limit=claim.most,
            held=held,
            lease=LEASE,
            worker=self.worker,
            unread=claim.unread,
            hearsay=turn.hearsay,
            told=turn.told,
            unless=too_few if claim.page and lane == outbox_store.LIVE else None,
        )

    @property
    def _sent_soon(self) -> int:
        """What an issuer takes while the next batch is read, one batch at least."""
        return max(BATCH, int(self.tools.clients.issuer_pace * A_BATCH_LASTS.total_seconds()))

    def _ring_later(self, tenant: TenantId, how_long: timedelta, ring: Callable[[], None]) -> None:
        """Have a tenant looked at again when its page has had its time; once, however often."""
        if tenant in self._lingering:
            return
        self._lingering.add(tenant)

        def over() -> None:
            self._lingering.discard(tenant)
            ring()

        asyncio.get_running_loop().call_later(how_long.total_seconds(), over)

    def _rests_now(self, tenant: TenantId) -> bool:
        until = self._rests.get(tenant)
        if until is None:
            return False
        if time.monotonic() < until:
            return True
        del self._rests[tenant]
        return False

    def _start(
        self,
        tenant: TenantId,
        lane: Lane,
        entries: list[Entry],
        started: float,
        on_done: Callable[[], None],
    ) -> None:
        running = ExitStack()
        asking = 2 * sum(entry.bill_changed for entry in entries) < len(entries)
        taken = self._room.taken(tenant, lane, len(entries), asking=asking)
        freed = running.enter_context(taken)

        def read() -> None:
            freed()
            if self._held_back:  # there is room for another batch now
                self._held_back = False
                on_done()

        self._many.pop((tenant, lane), None)
        batch = self._run(tenant, entries, started, read)
        task = asyncio.create_task(batch, name=f"batch-{tenant}")
        self._tasks.add(task)

        def done(finished: asyncio.Task[None]) -> None:
            self._tasks.discard(finished)
            running.close()
            on_done()

        task.add_done_callback(done)

    async def _run(
        self, tenant: TenantId, entries: list[Entry], started: float, read: Callable[[], None]
    ) -> None:
        bind_contextvars(tenant_id=tenant)  # a task of its own
        try:
            with self.tools.leases.holding(entries, started), traced_batch(entries, started):
                await divided(
                    partial(work_batch, self.tools, tenant, on_read=read),
                    lambda entry, error: hold_failed(
                        self.tools.pool, tenant, entry, error, "worked"
                    ),
                    entries,
                )
        except Exception as error:
            # The leases run out and the work starts again.
            if not database_away(error):
                log.exception("batch_failed", tenant_id=tenant, error=type(error).__name__)
                return
            log.log(severity(error), "batch_failed", tenant_id=tenant, error=type(error).__name__)

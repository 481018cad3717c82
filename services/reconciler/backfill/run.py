"""One run of a backfill, step by step; each step is one request or one batch, and one commit.

What the next step is follows from the tables alone, so a run goes on exactly where it was.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

import structlog
from msgspec.structs import replace

from services.reconciler.backfill.judge import Judge, amount_at_moment, held
from services.reconciler.backfill.known import StoredSale, load_known
from services.reconciler.backfill.read_all import read_all
from services.reconciler.backfill.reading import read_next
from services.reconciler.backfill.take import Taken, take, take_unread
from services.reconciler.backfill.unshown import created_at, find_unshown
from services.reconciler.services import Services
from shared.db import clock
from shared.db.backfill import backfill_bills_store, backfills_store
from shared.db.backfill.backfill_bills_store import Decided, FoundBill, OpenBill, ReadCustomer
from shared.db.connection import Connection
from shared.db.tenants import connections_store
from shared.db.vindi import oddities_store
from shared.db.vindi.bills_store import ReadBill, came_alive
from shared.domain.backfill import Foreseen
from shared.domain.backfill_run import Backfill, Position
from shared.domain.bill import Bill, Customer
from shared.domain.ids import BillId, ChargeId, CustomerId
from shared.domain.moment import local_day
from shared.domain.money import Cents
from shared.domain.refunds import maybe_refunded
from shared.vindi.bulk import Found as FoundRow
from shared.vindi.bulk import FoundRefunds
from shared.vindi.client import Read, Unreadable, Untold, VindiClient
from shared.vindi.stored import (
    open_backfill_bill,
    open_backfill_customer,
    seal_backfill_bill,
    seal_backfill_customer,
    seal_bill,
)

log = structlog.get_logger()

FAILED: Final = "decision_failed"  # nothing that we foresaw: the emitter tries, and holds it
FULL_LIST: Final = 50  # ids that one request names
ONE_BY_ONE: Final = 10  # where lists of ids do not work: little is lost when a budget ends
DECIDE_AT_ONCE: Final = 200
SILENT_AFTER: Final = 3  # failures in a row, before what is never shown keeps nothing else waiting

Refunds = Mapping[ChargeId, FoundRefunds]


K = TypeVar("K", bound=int)
T = TypeVar("T")


class RunLost(Exception):
    """The run was cancelled, another worker has it, or the tenant another connection.

    Nothing of this step was written.
    """


@dataclass(slots=True, kw_only=True)
class Run:
    """A leased run; only its position changes, and only with what was committed."""

    services: Services
    client: VindiClient
    connected_at: datetime  # of the connection the client reads through
    backfill: Backfill
    judge: Judge

    async def step(self) -> bool:
        """Do the next thing there is to do; False once the run has completed.

        Requests name fifty records or none: bills wait until so many customers are missing.
        Raises RunLost, and what the Vindi client raises.
        """
        async with self.services.pool.acquire() as conn:
            now = await clock.now(conn)
            ready = await backfill_bills_store.ready(conn, self.backfill, limit=DECIDE_AT_ONCE)
            customers = await backfill_bills_store.unread_customers(
                conn, self.backfill, limit=FULL_LIST
            )
            refunds = await backfill_bills_store.without_refunds(
                conn, self.backfill, limit=FULL_LIST
            )
        at_end = self.backfill.position.phase == "rest"
        if ready:
            await self._decide_ready(ready, now)
        elif refunds and (at_end or len(refunds) == FULL_LIST):
            await self._read_refunds(refunds, now)
        elif customers and (at_end or len(customers) == FULL_LIST):
            await self._read_customers(customers)
        elif not at_end:
            await self._read_page(now)
        else:
            await self._complete()
            return False
        return True

    async def _read_page(self, now: datetime) -> None:
        found = await read_next(
            self.client,
            self.judge.window,
            self.backfill.position,
            now,
            last_time=self._last_time,
        )
        rows, unread = list(found.rows), []
        position, bulk = found.next, self.services.clients.bulk
        if found.named:
            named = await self._all_of(
                lambda ids: bulk.refresh_bills(self.client, ids), list(found.named)
            )
            rows += [row for row in named.values() if isinstance(row, Read)]
            unread += [
                self._at(bill, found.named[bill], "bill_unreadable")
                for bill, row in named.items()
                if isinstance(row, Unreadable)
            ]
        if found.unshown is not None:
            unshown = await find_unshown(self.client, bulk, found.unshown)
            unread += [self._at(bill, at, "bill_unreadable") for bill, at in unshown.items()]
            if len(unshown) < found.unshown.count:
                position = replace(position, omitted=True)
        async with self.services.pool.acquire() as conn, conn.transaction():
            await self._advance(conn, position)
            await self._take_in(conn, rows, now, [one for one in unread if one is not None])
            await oddities_store.note(conn, self.backfill.tenant_id, self.client.oddities, at=now)
        await self._ring()
        self.backfill = replace(self.backfill, position=position)

    async def _advance(self, conn: Connection, position: Position) -> None:
        tenant = self.backfill.tenant_id
        if not await connections_store.hold_vindi(conn, tenant, self.connected_at):
            raise RunLost  # whoever takes it up looks what is connected now
        if not await backfills_store.advance(conn, self.backfill, position):
            raise RunLost

    async def _take_in(
        self,
        conn: Connection,
        rows: Sequence[Read[Bill] | Unreadable],
        now: datetime,
        unshown: Sequence[FoundBill] = (),
    ) -> None:
        bills = {row.value.id: row for row in rows if isinstance(row, Read)}
        unread = [one for row in rows if (one := self._unreadable(row)) is not None]
        unread += unshown
        known = await load_known(conn, self.backfill.tenant_id, list(bills))
        looked = [self._look_surely(row, known[bill], now) for bill, row in bills.items()]
        found = [one for one in looked if one is not None and one.code != FAILED]
        unread += [one for one in looked if one is not None and one.code == FAILED]
        found = await self._with_customers(conn, found)
        new = await backfill_bills_store.add(conn, self.backfill, [*found, *unread])
        if self.backfill.asked.dry_run:
            return
        decided = [one for one in found if one.bill_id in new and one.outcome in _TO_TAKE]
        await take(
            conn,
            self.backfill,
            [self._taken(bills[one.bill_id], known[one.bill_id], now) for one in decided],
        )
        await take_unread(
            conn, self.backfill, [one.bill_id for one in unread if one.bill_id in new]
        )

    async def _with_customers(
        self, conn: Connection, found: Sequence[FoundBill]
    ) -> list[FoundBill]:
        """Bills whose customer this run has read already need nothing more."""
        wanted = {one.customer_id for one in found if one.outcome == "customer"} - {None}
        have = await backfill_bills_store.customers(
            conn, self.backfill, [number for number in wanted if number is not None]
        )
        return [
            replace(one, outcome="ready")
            if one.outcome == "customer" and one.customer_id in have
            else one
            for one in found
        ]

    def _look_surely(self, row: Read[Bill], known: StoredSale, now: datetime) -> FoundBill | None:
        """Look at a bill; one that cannot be judged is held, and left to the emitter to decide."""
        try:
            return self._look(row, known, now)
        except Exception:
            log.exception("bill_not_judged", backfill_id=self.backfill.id, bill_id=row.value.id)
            return self._by_day(row.value.id, row.raw, FAILED)

    def _look(self, row: Read[Bill], known: StoredSale, now: datetime) -> FoundBill | None:
        """Look at a bill that was just read; None when it is not in the window."""
        bill = row.value
        moment = self.judge.moment(bill, known)
        if moment is None:
            return None
        found = FoundBill(
            bill_id=bill.id,
            day=local_day(moment, self.judge.window.zone).isoformat(),
            amount=amount_at_moment(bill, known),
            outcome="known",
            customer_id=bill.customer_id,
            taken_before=known.was_taken,
        )
        if known.has_nota:
            return found
        charges = maybe_refunded(bill, known.bill.refunds if known.bill else {})
        foreseen = None if charges else self.judge.foresee(bill, known, {}, now)
        if foreseen is not None:
            return _as_foreseen(found, foreseen)
        run = self.backfill
        body = seal_backfill_bill(self.services.sealer, run.tenant_id, run.id, bill.id, row.raw)
        missing = replace(found, body=body, read_at=now, charges=charges)
        return replace(missing, outcome="refunds" if charges else "customer")

    def _unreadable(self, row: Read[Bill] | Unreadable) -> FoundBill | None:
        """A bill that cannot be read is placed by its day of creation, if it has one."""
        if isinstance(row, Read) or row.id is None:
            return None
        return self._by_day(BillId(row.id), row.raw, "bill_unreadable")

    def _by_day(self, bill: BillId, raw: Mapping[str, Any], code: str) -> FoundBill | None:
        at = created_at(raw)
        return None if at is None else self._at(bill, at, code)

    def _at(self, bill: BillId, at: datetime, code: str) -> FoundBill | None:
        """A sale that cannot be decided, placed by an instant near its moment."""
        if not self.judge.window.holds(at):
            return None
        day = local_day(at, self.judge.window.zone).isoformat()
        found = FoundBill(bill_id=bill, day=day, amount=Cents(0), outcome="hold")
        return _as_foreseen(found, held(code))

    def _taken(
        self,
        row: Read[Bill],
        known: StoredSale,
        read_at: datetime,
        refunds: Mapping[ChargeId, Cents] | None = None,
    ) -> Taken:
        read = ReadBill(
            bill=row.value,
            body=seal_bill(self.services.sealer, self.backfill.tenant_id, row.value.id, row.raw),
            refunds=refunds or {},
            came_alive_at=came_alive(known.bill, row.value),
            read_at=read_at,
        )
        return Taken(read=read, moment_at=self.judge.moment(row.value, known))

    async def _read_refunds(self, bills: Sequence[OpenBill], now: datetime) -> None:
        charges = [charge for bill in bills for charge in bill.charges]
        bulk = self.services.clients.bulk
        found: Refunds = await self._all_of(
            lambda ids: bulk.refunds_of_charges(self.client, ids), charges
        )
        summed = [replace(bill, refunds=_sums(bill, found)) for bill in bills]
        unclear = {
            bill.bill_id
            for bill in bills
            if any(isinstance(found.get(charge), Unreadable) for charge in bill.charges)
        }
        async with self.services.pool.acquire() as conn, conn.transaction():
            await self._advance(conn, self.backfill.position)
            await self._decide(conn, summed, now, unclear)
        await self._ring()

    async def _all_of(
        self, ask: Callable[[Sequence[K]], Awaitable[Mapping[K, T | Untold]]], ids: Sequence[K]
    ) -> dict[K, T | Unreadable]:
        """Read all of some records; what Vindi never shows, while it answers, is unreadable."""
        return await read_all(self.client, ask, ids, last_time=self._last_time)

    @property
    def _last_time(self) -> bool:
        """Whether it failed often enough that what is not shown now may never be."""
        return self.backfill.failures >= SILENT_AFTER

    async def _ring(self) -> None:
        if not self.backfill.asked.dry_run:
            await self.services.waker.ring()

    async def _read_customers(self, ids: Sequence[CustomerId]) -> None:
        bulk = self.services.clients.bulk
        if not bulk.honours_lists(self.client.account, "customers"):
            ids = ids[:ONE_BY_ONE]
        answers = await self._all_of(lambda some: bulk.refresh_customers(self.client, some), ids)
        read = [self._customer(number, answers.get(number)) for number in ids]
        async with self.services.pool.acquire() as conn, conn.transaction():
            await self._advance(conn, self.backfill.position)
            await backfill_bills_store.add_customers(conn, self.backfill, read)

    def _customer(self, number: CustomerId, answer: FoundRow[Customer]) -> ReadCustomer:
        if isinstance(answer, Read):
            sealer, run = self.services.sealer, self.backfill
            body = seal_backfill_customer(sealer, run.tenant_id, run.id, number, answer.raw)
            return ReadCustomer(customer_id=number, body=body, problem=None)
        problem = "customer_not_found" if answer is None else "customer_unreadable"
        return ReadCustomer(customer_id=number, body=None, problem=problem)

    async def _decide_ready(self, bills: Sequence[OpenBill], now: datetime) -> None:
        async with self.services.pool.acquire() as conn, conn.transaction():
            await self._advance(conn, self.backfill.position)
            await self._decide(conn, bills, now, set())
        await self._ring()

    async def _decide(
        self, conn: Connection, bills: Sequence[OpenBill], now: datetime, unclear: set[BillId]
    ) -> None:
        known = await load_known(conn, self.backfill.tenant_id, [bill.bill_id for bill in bills])
        customers = await backfill_bills_store.customers(
            conn, self.backfill, {bill.customer_id for bill in bills}
        )
        sealer, run = self.services.sealer, self.backfill
        decided: list[Decided] = []
        taken: list[Taken] = []
        failed: list[BillId] = []
        for one in bills:
            before, customer = known[one.bill_id], customers.get(one.customer_id)
            try:
                row = open_backfill_bill(sealer, run.tenant_id, run.id, one.bill_id, one.body)
                foreseen = self._foresee(one, row.value, before, customer, now)
                took = self._taken(row, before, one.read_at, one.refunds)
            except Exception:
                log.exception("bill_not_judged", backfill_id=self.backfill.id, bill_id=one.bill_id)
                foreseen, took = held(FAILED), None
                failed.append(one.bill_id)
            if one.bill_id in unclear:
                foreseen = held("bill_unreadable")
            decided.append(Decided(bill_id=one.bill_id, foreseen=foreseen, refunds=one.refunds))
            if took is not None and foreseen is not None and foreseen.outcome in _TO_TAKE:
                taken.append(took)
        await backfill_bills_store.settle(conn, self.backfill, decided)
        if not self.backfill.asked.dry_run:
            await take(conn, self.backfill, taken)
            await take_unread(conn, self.backfill, failed)

    def _foresee(
        self,
        one: OpenBill,
        bill: Bill,
        known: StoredSale,
        read: ReadCustomer | None,
        now: datetime,
    ) -> Foreseen | None:
        customer = None
        if read is not None and read.body is not None:
            sealer, run = self.services.sealer, self.backfill
            customer = open_backfill_customer(
                sealer, run.tenant_id, run.id, read.customer_id, read.body
            )
        foreseen = self.judge.foresee(bill, known, one.refunds, now, customer)
        if foreseen is None and read is not None and read.problem is not None:
            return held(read.problem)
        return foreseen

    async def _complete(self) -> None:
        run = self.backfill
        async with self.services.pool.acquire() as conn, conn.transaction():
            omitted = run.position.omitted
            if not await backfills_store.end(
                conn,
                run.tenant_id,
                run.id,
                "failed" if omitted else "completed",
                attempt=run.attempt,
                error="rows_omitted" if omitted else None,
            ):
                raise RunLost


_TO_TAKE: Final = frozenset({"issue", "wait", "hold", "skip"})


def _as_foreseen(found: FoundBill, foreseen: Foreseen) -> FoundBill:
    return replace(found, outcome=foreseen.outcome, code=foreseen.code, to_issue=foreseen.to_issue)


def _sums(bill: OpenBill, found: Refunds) -> dict[ChargeId, Cents]:
    return {
        charge: Cents(sum(refund.amount for refund in refunds))
        for charge in bill.charges
        if (refunds := found.get(charge)) and isinstance(refunds, tuple)
    }

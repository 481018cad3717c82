"""Random histories of sales through the real emitter: never two notas, never a nameless end.

`NOTAPONTE_HISTORIES=500` tries that many; a failure prints its history and how to repeat it.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.emitter.dispatch import Dispatcher
from services.reconciler.issuer_list.fresh import close_afresh
from services.sandbox.enotas.invariants import business_object
from services.sandbox.enotas.records import VALID, Outcome
from services.sandbox.run import running_sandbox
from services.sandbox.vindi import operations
from services.sandbox.vindi.operations import OperationRefusedError
from services.sandbox.vindi.records import Bill
from shared.commands.actions import Asked, act
from shared.config.secret import Secret
from shared.config.settings import DatabaseSettings
from shared.db.closing import closing_locks_store
from shared.db.connection import open_pool
from shared.db.outbox import outbox_store, outbox_wakes
from shared.db.tenants import connections_store, tenants_store
from shared.domain.actions import SaleAction
from shared.domain.closing import Figures, Month, Sum
from shared.domain.ids import BillId
from shared.domain.messages import MESSAGES
from shared.domain.sale import SaleStatus
from shared.run.waker import Waker
from shared.vindi.budget import BudgetShare
from tests.services.emitter.conftest import SEALER, Desk, a_buyer, a_desk
from tests.services.emitter.stopping.test_duplicates import services_of
from tests.services.emitter.test_parts import SERVICES, sell_mixed
from tests.support.pooler import running_pgbouncer, wants_pooler
from tests.support.servers import PostgresForTests

EXAMPLES: Final = int(os.environ.get("NOTAPONTE_HISTORIES", "12"))
DEAD: Final = frozenset({"Negada", "Cancelada"})
AT_REST: Final = frozenset(
    {
        SaleStatus.WAITING_PAYMENT,
        SaleStatus.ISSUED,
        SaleStatus.DENIED,
        SaleStatus.HELD,
        SaleStatus.SKIPPED,
        SaleStatus.CANCELLED,
        SaleStatus.CANCEL_REFUSED,
    }
)
NEEDS_CODE: Final = frozenset({SaleStatus.DENIED, SaleStatus.HELD, SaleStatus.SKIPPED})
ROUNDS_TO_SETTLE: Final = 15


@dataclass(slots=True, kw_only=True)
class History:
    """What has happened so far; `meddled` are bills a person or a denial had a say in."""

    desk: Desk
    start: datetime
    bills: list[Bill] = field(default_factory=list)
    meddled: set[int] = field(default_factory=set)

    def which(self, number: int) -> Bill | None:
        return self.bills[number % len(self.bills)] if self.bills else None

    async def sell(self, heard: int, *, paid: bool, mixed: bool = False) -> None:
        at = self.start.timestamp()
        moment: dict[str, Any] = {"paid_at": at} if paid else {"created_at": at}
        sell = partial(sell_mixed, self.desk, "100.00", "79.90") if mixed else self.desk.sell
        self.bills.append(sell(paid=paid, **moment))
        await self.hear(self.bills[-1], heard)

    async def vindi(self, number: int, heard: int, change: Callable[[Bill], object]) -> None:
        """Something happens at Vindi, whose event is lost, heard or doubled."""
        bill = self.which(number)
        if bill is None:
            return
        with contextlib.suppress(OperationRefusedError):
            change(bill)
        await self.hear(bill, heard)

    async def hear(self, bill: Bill, times: int) -> None:
        for _ in range(times):
            await self.desk.heard(BillId(bill.id))

    async def asked(self, number: int, action: SaleAction) -> None:
        bill = self.which(number)
        if bill is None:
            return
        self.meddled.add(bill.id)
        asked = Asked(action=action, reason="história", by="pessoa")
        await act(
            self.desk.pool,
            Waker("redis://nobody.invalid"),
            self.desk.tenant,
            [BillId(bill.id)],
            asked,
        )

    async def deny(self, number: int, denial: str, *, once: bool) -> None:
        bill = self.which(number)
        if bill is None:
            return
        self.meddled.add(bill.id)
        outcome = Outcome(kind="deny_once" if once else "deny", denial=denial)
        which = "x2" if _is_mixed(bill) else ""
        for revision in (1, 2):
            key = f"p-{self.desk.tenant}-{bill.id}{which}-{revision}"
            self.desk.sandbox.enotas.decide(self.desk.company, key, outcome)

    async def refuse_to_cancel(self, number: int) -> None:
        bill = self.which(number)
        if bill is not None:
            which = "x1" if _is_mixed(bill) else ""
            key = f"p-{self.desk.tenant}-{bill.id}{which}-1"
            self.desk.sandbox.enotas.decide(self.desk.company, key, Outcome(kind="cancel_refused"))

    async def spoil(self, method: str, when: str) -> None:
        """The next such request is answered by silence: after its work, or before it."""
        self.desk.company.weather.add(kind="hang_up", when=when, count=1, method=method)

    async def cut_off(self, turns: int) -> None:
        """A worker dies in the middle of a pass, wherever it was after so many turns."""
        dispatcher = Dispatcher(tools=self.desk.tools, worker="dies")
        claiming = asyncio.create_task(dispatcher.dispatch_once(lambda: None))
        for _ in range(turns):
            await asyncio.sleep(0)
        dying = [claiming, *dispatcher._tasks]
        for task in dying:
            task.cancel()
        await asyncio.gather(*dying, *dispatcher._tasks, return_exceptions=True)
        async with self.desk.pool.acquire() as conn:
            await conn.execute("UPDATE outbox SET lease_until = now() WHERE state = 'leased'")
            await outbox_store.free_expired_any_tenant(conn)

    def dispute(self, bill: Bill) -> None:
        self.meddled.add(bill.id)  # a person's question, unless the bill is paid once more
        operations.chargeback(self.desk.account, bill_id=bill.id, as_refund=False)

    async def move_house(self, number: int, street: str) -> None:
        """The customer changes at Vindi, and a pass of the reconciler sees it."""
        bill = self.which(number)
        if bill is not None:
            address = {**a_buyer()["address"], "street": street}
            operations.edit_customer(
                self.desk.account, customer_id=bill.customer_id, address=address
            )
            await self.hear(bill, 1)

    async def close_month(self, *, locked: bool) -> None:
        """The month of the sales is locked, or opened again with what that held."""
        desk, month = self.desk, Month.of(self.start, ZoneInfo("America/Sao_Paulo"))
        async with desk.pool.acquire() as conn, conn.transaction():
            await tenants_store.lock(conn, desk.tenant)
            if locked:
                await closing_locks_store.add(
                    conn, desk.tenant, month,
                    figures=Figures(vindi=Sum(), notas=Sum(), exceptions={}, read_at=None),
                    by="pessoa", reason="história", forced=True,
                )  # fmt: skip
            else:
                await closing_locks_store.remove(conn, desk.tenant, month)
                await outbox_wakes.wake_stopped(conn, desk.tenant, ["competencia_month_closed"])

    async def pause(self, *, paused: bool) -> None:
        async with self.desk.pool.acquire() as conn, conn.transaction():
            await tenants_store.lock(conn, self.desk.tenant)
            if paused:
                await tenants_store.pause(conn, self.desk.tenant)
            else:
                await tenants_store.activate(conn, self.desk.tenant)
                await outbox_wakes.wake_stopped(conn, self.desk.tenant, ["tenant_paused"])

    async def settle(self) -> None:
        """The weather clears, the reconciler finds what was missed, and time passes."""
        self.desk.company.weather.clear()
        await self.close_month(locked=False)
        await self.pause(paused=False)
        await self.desk.heard(*(BillId(bill.id) for bill in self.bills))
        for _ in range(ROUNDS_TO_SETTLE):
            await self.desk.work()
            sales = [await self.desk.sale(bill) for bill in self.bills]
            if all(sale.status in AT_REST for sale in sales) and not await self.due():
                return
            await self.desk.later(timedelta(days=3))

    async def due(self) -> int:
        """How many sales are to be worked on still."""
        async with self.desk.pool.acquire() as conn:
            found: int = await conn.fetchval("SELECT count(*) FROM outbox WHERE state <> 'settled'")
        return found

    def check_always(self) -> None:
        for bill in self.bills:
            living = [one for one in self.desk.notas_of(bill) if one.status not in DEAD]
            parts = [business_object(one.external_id) for one in living]
            assert len(set(parts)) == len(parts), bill.id
            assert len(parts) <= (2 if _is_mixed(bill) else 1), bill.id
        report = self.desk.sandbox.enotas.invariants.report()
        assert report["ok"], report

    async def check_settled(self) -> None:
        for bill in self.bills:
            sale = await self.desk.sale(bill)
            valid = [one for one in self.desk.notas_of(bill) if one.status in VALID]
            told = (bill.id, bill.status, sale.status, sale.code, sale.attention)
            assert sale.status in AT_REST, told
            assert len(valid) in _valid_notas(bill, sale.status), told
            if sale.status in NEEDS_CODE:
                assert sale.code in MESSAGES, told
            if not self._wanted(bill) and sale.status is not SaleStatus.CANCEL_REFUSED:
                assert not valid, told
            if self._plain(bill):
                assert sale.status is SaleStatus.ISSUED, told

    def _given_back(self, bill: Bill) -> int:
        charges = (self.desk.account.charges.rows[one] for one in bill.charge_ids)
        moved = (
            self.desk.account.transactions.rows[one]
            for charge in charges
            for one in charge.transaction_ids
        )
        return sum(one.cents for one in moved if one.kind == "refund" and one.status == "success")

    def _wanted(self, bill: Bill) -> bool:
        whole = sum(line.cents for line in bill.lines)
        return bill.status != "canceled" and self._given_back(bill) < whole

    def _plain(self, bill: Bill) -> bool:
        paid = bill.status == "paid" and not self._given_back(bill)
        return paid and bill.id not in self.meddled

    async def check_closing(self) -> None:
        async with self.desk.pool.acquire() as conn:
            tenant = await tenants_store.get(conn, self.desk.tenant)
            vindi = await connections_store.get_vindi(conn, SEALER, self.desk.tenant)
        assert tenant is not None
        assert vindi is not None
        client = self.desk.tools.clients.vindi(self.desk.tenant, vindi, BudgetShare.RECONCILE)
        month = Month.of(self.start, ZoneInfo(tenant.timezone))
        closing = await close_afresh(services_of(self.desk), client, tenant, month)
        assert closing.balanced, closing


def _is_mixed(bill: Bill) -> bool:
    return len(bill.lines) > 1


def _valid_notas(bill: Bill, status: SaleStatus) -> set[int]:
    """How many valid notas a sale at rest may have; of two parts one may wait for a person."""
    match status:
        case SaleStatus.ISSUED:
            return {2} if _is_mixed(bill) else {1}
        case SaleStatus.CANCEL_REFUSED:
            return {1, 2} if _is_mixed(bill) else {1}
        case SaleStatus.DENIED | SaleStatus.HELD if _is_mixed(bill):
            return {0, 1}
        case _:
            return {0}


Step = tuple[str, tuple[Any, ...]]
_any_bill = st.integers(0, 3)
_heard = st.sampled_from([1, 1, 0, 2])
STEPS: Final = st.one_of(
    st.tuples(st.just("sell"), st.tuples(_heard, st.booleans(), st.booleans())),
    st.tuples(st.sampled_from(["pay", "cancel_bill", "refund"]), st.tuples(_any_bill, _heard)),
    st.tuples(st.just("dispute"), st.tuples(_any_bill, _heard)),
    st.tuples(
        st.just("move_house"), st.tuples(_any_bill, st.sampled_from(["Rua Nova", "Rua Velha"]))
    ),
    st.tuples(st.sampled_from(["lock", "pause"]), st.tuples(st.booleans())),
    st.tuples(st.just("refund_part"), st.tuples(_any_bill, _heard, st.sampled_from(["20.00"]))),
    st.tuples(
        st.just("deny"),
        st.tuples(_any_bill, st.sampled_from(["service", "address"]), st.booleans()),
    ),
    st.tuples(st.just("refuse_to_cancel"), st.tuples(_any_bill)),
    st.tuples(
        st.just("person"),
        st.tuples(_any_bill, st.sampled_from(["retry", "hold", "release", "issue", "cancel"])),
    ),
    st.tuples(
        st.just("spoil"),
        st.tuples(st.sampled_from(["POST", "DELETE", "GET"]), st.sampled_from(["before", "after"])),
    ),
    st.tuples(st.just("cut_off"), st.tuples(st.integers(0, 1500))),
    st.tuples(st.just("work"), st.just(())),
    st.tuples(st.just("later"), st.tuples(st.sampled_from([1, 60, 4000]))),
)


async def take(history: History, step: Step) -> None:
    """Let one thing happen."""
    account = history.desk.account
    match step:
        case ("sell", (heard, paid, mixed)):
            await history.sell(heard, paid=paid, mixed=mixed)
        case ("pay", (number, heard)):
            at = history.start.timestamp()
            await history.vindi(number, heard, lambda bill: _pay(history, bill, at))
        case ("cancel_bill" | "refund" as name, (number, heard)):
            change = partial(getattr(operations, name), account)
            await history.vindi(number, heard, lambda bill: change(bill_id=bill.id))
        case ("refund_part", (number, heard, amount)):
            back = partial(operations.refund, account, amount=amount, events=False)
            await history.vindi(number, heard, lambda bill: back(bill_id=bill.id))
        case ("dispute", (number, heard)):
            await history.vindi(number, heard, history.dispute)
        case ("move_house", (number, street)):
            await history.move_house(number, street)
        case ("lock", (locked,)):
            await history.close_month(locked=locked)
        case ("pause", (paused,)):
            await history.pause(paused=paused)
        case ("deny", (number, denial, once)):
            await history.deny(number, denial, once=once)
        case ("refuse_to_cancel", (number,)):
            await history.refuse_to_cancel(number)
        case ("person", (number, action)):
            await history.asked(number, action)
        case ("spoil", (method, when)):
            await history.spoil(method, when)
        case ("cut_off", (turns,)):
            await history.cut_off(turns)
        case ("work", ()):
            await history.desk.work()
        case ("later", (minutes,)):
            await history.desk.later(timedelta(minutes=minutes))
        case _:
            raise ValueError(step)


def _pay(history: History, bill: Bill, at: float) -> None:
    operations.pay_bill(history.desk.account, bill_id=bill.id, paid_at=at, events=False)


@asynccontextmanager
async def _reached(url: str) -> AsyncIterator[DatabaseSettings]:
    """The database as it is, or by way of a pooler where every journey is to go that way."""
    if not wants_pooler():
        yield DatabaseSettings(url=Secret.of(url), pool_size=4, pooler="none")
        return
    with TemporaryDirectory(prefix="notaponte-") as folder:
        async with running_pgbouncer(url, Path(folder)) as pooled:
            yield DatabaseSettings(url=Secret.of(pooled), pool_size=4, pooler="pgbouncer")


@asynccontextmanager
async def a_history(postgres: PostgresForTests) -> AsyncIterator[History]:
    """A history of its own: a failed one must not spoil the next, or none could be shrunk."""
    name = f"test_{uuid4().hex}"
    url = await postgres.clone(name)
    try:
        async with (
            _reached(url) as database,
            open_pool(database, application="tests") as pool,
            running_sandbox() as sandbox,
            a_desk(pool, sandbox) as desk,
        ):
            desk.account.rate.limit = None
            # The sandbox's clock runs ahead of ours in a history: every sale is made now.
            start = datetime.fromtimestamp(int(sandbox.clock.now()), UTC)
            yield History(desk=desk, start=start)
    finally:
        await postgres.drop(name)


@pytest.mark.timeout(max(120, 3 * EXAMPLES))
@settings(
    max_examples=EXAMPLES,
    derandomize="NOTAPONTE_HISTORIES" not in os.environ,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(steps=st.lists(STEPS, min_size=4, max_size=14))
async def test_whatever_happens_every_sale_is_one_nota_or_a_named_reason(
    postgres: PostgresForTests, steps: list[Step]
) -> None:
    async with a_history(postgres) as history:
        await history.desk.rule(**SERVICES)
        await history.sell(1, paid=True)
        await history.sell(1, paid=True, mixed=True)
        for step in steps:
            await take(history, step)
            history.check_always()
        await history.settle()
        history.check_always()
        await history.check_settled()
        await history.check_closing()

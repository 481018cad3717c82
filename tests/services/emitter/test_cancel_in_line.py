"""Cancellations that wait for their turn at the issuer, and what is committed meanwhile."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from services.sandbox.enotas.app import EnotasApp
from services.sandbox.vindi.records import Bill
from services.sandbox.wire import Answer, Call
from shared.config.settings import DatabaseSettings
from shared.db.connection import Pool, open_pool
from shared.db.outbox import outbox_store
from shared.db.outbox.outbox_store import Mark
from shared.db.tenants import tenants_store
from shared.domain.ids import BillId
from shared.net.http import open_session
from tests.services.emitter.conftest import Desk, an_emitter
from tests.services.emitter.test_doubt_while_paused import active, asked
from tests.services.emitter.test_parts import settle

Change = Callable[[Desk, Pool, Bill], Awaitable[None]]


@dataclass(slots=True)
class AtIssuer:
    """Commits a change for the other of two sales when the first cancellation is at the issuer."""

    database: DatabaseSettings
    bills: list[Bill] = field(default_factory=list)
    change: Callable[[Pool, Bill], Awaitable[None]] | None = None

    def arrived(self, call: Call) -> None:
        if call.method != "DELETE" or self.change is None:
            return
        change, self.change = self.change, None
        [other] = [bill for bill in self.bills if f"-{bill.id}-" not in call.raw_path]
        # What answers is on this loop: it goes on only once the change is committed.
        thread = threading.Thread(target=lambda: asyncio.run(self._commit(change, other)))
        thread.start()
        thread.join()

    async def _commit(self, change: Callable[[Pool, Bill], Awaitable[None]], bill: Bill) -> None:
        async with open_pool(self.database, application="meanwhile") as pool:
            await change(pool, bill)


@pytest.fixture
def at_issuer(database_settings: DatabaseSettings, monkeypatch: pytest.MonkeyPatch) -> AtIssuer:
    """To be asked for before the desk, whose issuer answers through it."""
    made, real = AtIssuer(database_settings), EnotasApp.handle

    def handle(app: EnotasApp, call: Call) -> Answer:
        made.arrived(call)
        return real(app, call)

    monkeypatch.setattr(EnotasApp, "handle", handle)
    return made


@pytest_asyncio.fixture
async def one_by_one(at_issuer: AtIssuer, desk: Desk) -> AsyncIterator[Desk]:
    """An emitter that asks the issuer one thing after another."""
    async with open_session() as session:
        desk.tools = an_emitter(desk.pool, desk.sandbox, session, parallel=1)
        yield desk


async def two_issued(desk: Desk, at_issuer: AtIssuer) -> None:
    await desk.rule(refunds={"chargeback": "cancel"})
    at_issuer.bills = [await desk.sold() for _ in range(2)]
    await settle(desk)
    assert [(await desk.sale(bill)).status for bill in at_issuer.bills] == ["issued"] * 2


def charged_back(desk: Desk, bill: Bill) -> None:
    set_charge(desk, bill, "canceled")


def given_to_us(desk: Desk, bill: Bill) -> None:
    """The bank decided the dispute for the shop."""
    set_charge(desk, bill, "paid")


def set_charge(desk: Desk, bill: Bill, status: str) -> None:
    desk.sandbox.clock.advance(2)
    desk.account.changing("bills", bill)
    for number in bill.charge_ids:
        charge = desk.account.charges.rows[number]
        desk.account.changing("charges", charge)
        charge.status = status
        desk.account.changed("charges", charge)
    desk.account.changed("bills", bill)


async def heard(pool: Pool, desk: Desk, bill: Bill) -> None:
    mark = Mark(
        tenant_id=desk.tenant,
        bill_id=BillId(bill.id),
        lane=outbox_store.LIVE,
        origin="webhook",
        about_bill=True,
    )
    async with pool.acquire() as conn:
        await outbox_store.mark_due(conn, [mark])


async def charge_both_back(desk: Desk, at_issuer: AtIssuer) -> None:
    for bill in at_issuer.bills:
        charged_back(desk, bill)
    await desk.heard(*(BillId(bill.id) for bill in at_issuer.bills))
    await desk.work()


async def ends(desk: Desk, at_issuer: AtIssuer) -> list[tuple[str, str | None, str | None]]:
    sales = [await desk.sale(bill) for bill in at_issuer.bills]
    return sorted((sale.status.value, sale.code, sale.attention) for sale in sales)


async def test_a_pause_stops_a_cancellation_that_stood_in_line(
    at_issuer: AtIssuer, one_by_one: Desk
) -> None:
    desk = one_by_one
    await two_issued(desk, at_issuer)

    async def pause(pool: Pool, _: Bill) -> None:
        async with pool.acquire() as conn, conn.transaction():
            await tenants_store.lock(conn, desk.tenant)
            await tenants_store.pause(conn, desk.tenant)

    at_issuer.change = pause
    await charge_both_back(desk, at_issuer)
    await settle(desk, rounds=3)

    assert asked(desk, "DELETE") == 1
    assert [one[0] for one in await ends(desk, at_issuer)] == ["cancelled", "cancelling"]

    await active(desk)
    await settle(desk)
    assert [one[0] for one in await ends(desk, at_issuer)] == ["cancelled"] * 2
    assert asked(desk, "DELETE") == 2


async def test_a_dispute_that_was_won_meanwhile_keeps_the_nota(
    at_issuer: AtIssuer, one_by_one: Desk
) -> None:
    desk = one_by_one
    await two_issued(desk, at_issuer)

    async def won(pool: Pool, bill: Bill) -> None:
        given_to_us(desk, bill)
        await heard(pool, desk, bill)

    at_issuer.change = won
    await charge_both_back(desk, at_issuer)
    await settle(desk, rounds=3)

    assert asked(desk, "DELETE") == 1
    assert await ends(desk, at_issuer) == [
        ("cancelled", "payment_undone", None),
        ("issued", None, None),
    ]
    statuses = sorted(nota.status for bill in at_issuer.bills for nota in desk.notas_of(bill))
    assert statuses == ["Autorizada", "Cancelada"]


async def test_news_that_changes_nothing_has_it_cancelled_all_the_same(
    at_issuer: AtIssuer, one_by_one: Desk
) -> None:
    desk = one_by_one
    await two_issued(desk, at_issuer)
    at_issuer.change = lambda pool, bill: heard(pool, desk, bill)

    await charge_both_back(desk, at_issuer)
    await settle(desk)

    assert [one[0] for one in await ends(desk, at_issuer)] == ["cancelled"] * 2
    assert asked(desk, "DELETE") == 2


@pytest.mark.parametrize("lost", ["before", "after"])
async def test_a_dispute_won_while_the_issuer_was_away_keeps_what_was_not_cancelled(
    at_issuer: AtIssuer, one_by_one: Desk, lost: str
) -> None:
    desk = one_by_one
    await two_issued(desk, at_issuer)
    storm = desk.company.weather.add(kind="hang_up", when=lost, method="DELETE")
    await charge_both_back(desk, at_issuer)
    for bill in at_issuer.bills:
        given_to_us(desk, bill)
    await desk.heard(*(BillId(bill.id) for bill in at_issuer.bills))
    await desk.work()
    tries = asked(desk, "DELETE")

    storm.count = 0
    await settle(desk, rounds=3)

    assert asked(desk, "DELETE") == tries  # nothing asks for it any more
    left = "issued" if lost == "before" else "cancelled"
    assert {one[0] for one in await ends(desk, at_issuer)} == {left}


async def test_a_dispute_won_while_the_nota_was_in_doubt_has_it_sent(desk: Desk) -> None:
    """The issuer never had it: what is paid is issued, though it was not wanted for a while."""
    await desk.rule(refunds={"chargeback": "cancel"})
    desk.company.weather.add(kind="hang_up", when="before", count=1, method="POST")
    bill = await desk.sold()
    await desk.work()
    charged_back(desk, bill)
    await desk.heard(BillId(bill.id))
    await desk.work()
    assert (await desk.nota(bill)).then_cancel == "payment_undone"

    given_to_us(desk, bill)
    await desk.heard(BillId(bill.id))
    await settle(desk, rounds=5)

    sale = await desk.sale(bill)
    assert (sale.status, sale.code, sale.attention) == ("issued", None, None)
    assert (await desk.nota(bill)).then_cancel is None
    assert [nota.status for nota in desk.notas_of(bill)] == ["Autorizada"]


@pytest.mark.parametrize("again", [False, True])
async def test_a_dispute_won_and_lost_again_is_as_it_was_said_last(desk: Desk, again: bool) -> None:
    await desk.rule(refunds={"chargeback": "cancel"})
    bill = await desk.sold()
    await desk.work()  # with the issuer, not authorised yet
    for change in (charged_back, given_to_us, *([charged_back] if again else [])):
        change(desk, bill)
        await desk.heard(BillId(bill.id))
        await desk.work()

    await settle(desk, rounds=3)

    assert (await desk.sale(bill)).status == ("cancelled" if again else "issued")
    assert asked(desk, "DELETE") == again

"""A pass was begun with an account that its tenant has left when the pass comes to store."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from shared.db.tenants import connections_store
from shared.db.tenants.connections_store import Side
from tests.services.emitter.conftest import TENANT
from tests.services.reconciler.conftest import Watch
from tests.services.reconciler.test_another_account import another, connect, sell_at
from tests.services.reconciler.test_every_statement import AGAIN, a_process
from tests.support.standing_still import Happens, StandingStill
from tests.support.statement_proxy import StatementProxy, statement_proxy

READ = "bills_store.load"  # what comes next once a page of bills was answered


@pytest_asyncio.fixture
async def proxy(database: str) -> AsyncIterator[StatementProxy]:
    async with statement_proxy(database) as one:
        yield one


async def passes_while(watch: Watch, proxy: StatementProxy, meanwhile: Happens) -> None:
    """A pass that stands still with a page of bills in hand."""
    standing = StandingStill(stations=[(READ, meanwhile)])
    async with a_process(watch.scheduler.services, proxy) as process:
        await watch.desk.pool.execute(AGAIN)
        proxy.count_anew(standing.look)
        await process.one_pass()
    assert standing.done


async def sales_known(watch: Watch) -> set[int]:
    rows = await watch.desk.pool.fetch("SELECT bill_id FROM bills UNION SELECT bill_id FROM outbox")
    return {row["bill_id"] for row in rows}


async def test_what_was_read_of_an_account_that_was_left_is_not_stored(
    watch: Watch, proxy: StatementProxy
) -> None:
    """Else a tenant that took that account over would issue the same sale."""
    await connect(watch, watch.desk.account)
    account = another(watch)
    theirs: list[int] = []

    async def goes_on_to_another() -> None:
        await connect(watch, account)
        theirs.append(sell_at(account).id)

    watch.desk.sell()
    await passes_while(watch, proxy, goes_on_to_another)
    assert await sales_known(watch) == set()
    state = await watch.state()
    assert (state.error, state.complete_at) == (None, None)

    await watch.pass_once()
    assert await sales_known(watch) == set(theirs)


async def test_with_a_new_key_of_the_same_account_the_pass_is_done_again(
    watch: Watch, proxy: StatementProxy
) -> None:
    await connect(watch, watch.desk.account)
    bill = watch.desk.sell()

    async def enters_a_new_key() -> None:
        await connect(watch, watch.desk.account)

    await passes_while(watch, proxy, enters_a_new_key)
    state = await watch.state()
    assert (state.error, state.complete_at, state.failures) == (None, None, 0)
    assert state.next_pass_at is not None

    await watch.pass_once()
    assert await watch.due() == {bill.id}


async def test_nothing_comes_back_of_a_tenant_that_has_left(
    watch: Watch, proxy: StatementProxy
) -> None:
    watch.desk.sell()

    async def leaves() -> None:
        await watch.desk.pool.execute("DELETE FROM vindi_connections")

    await passes_while(watch, proxy, leaves)

    assert await sales_known(watch) == set()


async def test_another_account_is_not_read_as_the_one_before_had_to_be(watch: Watch) -> None:
    """That one read times as UTC and filtered nothing; this one would hide three hours by it."""
    await connect(watch, watch.desk.account)
    watch.desk.account.faults.change({"query_zone": "UTC"})
    watch.desk.sell()
    assert (await watch.pass_once()).zone == "utc"
    await watch.desk.pool.execute("UPDATE reconciler_passes SET plain_lanes = '{charges}'")
    account = another(watch)
    account.faults.change({"query_zone": "America/Sao_Paulo"})
    await connect(watch, account)
    state = await watch.state()
    assert (state.zone, state.plain_lanes) == ("unknown", frozenset())

    bill = sell_at(account)
    await watch.pass_once()

    assert bill.id in await sales_known(watch)


async def test_the_same_account_keeps_what_was_learnt_of_it(watch: Watch) -> None:
    await connect(watch, watch.desk.account)
    watch.desk.account.faults.change({"query_zone": "UTC"})
    watch.desk.sell()
    await watch.pass_once()

    await connect(watch, watch.desk.account)

    assert (await watch.state()).zone == "utc"


async def test_who_holds_a_connection_holds_the_one_it_read_with(watch: Watch) -> None:
    async with watch.desk.pool.acquire() as conn, conn.transaction():
        at = await conn.fetchval("SELECT connected_at FROM vindi_connections")
        assert await connections_store.hold_vindi(conn, TENANT, at)
        await conn.execute("UPDATE vindi_connections SET connected_at = now()")
        assert not await connections_store.hold_vindi(conn, TENANT, at)


@pytest.mark.parametrize("side", ["vindi", "issuer"])
async def test_who_tried_the_connection_before_lets_no_other_be_used(
    watch: Watch, side: Side
) -> None:
    async with watch.desk.pool.acquire() as conn, conn.transaction():
        table = f"{side}_connections"
        at = await conn.fetchval(f"UPDATE {table} SET state = 'refused' RETURNING connected_at")  # noqa: S608
        before = at - timedelta(seconds=1)
        assert not await connections_store.unblock(conn, TENANT, side, connected_at=before)
        assert await connections_store.unblock(conn, TENANT, side, connected_at=at)

"""A reading of the issuer's list is stopped, and goes on once the world is another."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest_asyncio

from services.reconciler.issuer_list.read import plan_once, read_wanted
from services.reconciler.mirror import mirror_once
from services.reconciler.services import Services
from shared.config.secret import Secret
from shared.config.settings import DatabaseSettings
from shared.db.closing import foreign_notas_store
from shared.db.connection import open_pool
from shared.db.tenants import connections_store
from tests.services.emitter.conftest import SEALER, TENANT, Desk
from tests.services.emitter.stopping.test_duplicates import Other, services_of
from tests.services.reconciler.closing.conftest import Books
from tests.services.reconciler.closing.test_issuer_side import an_issued_month, differences, nota_of
from tests.support.standing_still import Happens, StandingStill
from tests.support.statement_proxy import StatementProxy, statement_proxy

LEASES_END = "UPDATE issuer_lists SET lease_until = NULL"
TWO_DAYS = 2 * 86_400
READ_AT = "SELECT min(read_at) FROM issuer_days"


@pytest_asyncio.fixture
async def proxy(database: str) -> AsyncIterator[StatementProxy]:
    async with statement_proxy(database) as one:
        yield one


@asynccontextmanager
async def standing_at(
    desk: Desk, proxy: StatementProxy, *stations: tuple[str, Happens]
) -> AsyncIterator[Services]:
    """A reconciler that stands still at these statements, one after another."""
    standing = StandingStill(stations=list(stations))
    settings = DatabaseSettings(url=Secret.of(proxy.url), pool_size=2, pooler="none")
    async with open_pool(settings, application="stopped") as pool:
        proxy.count_anew(standing.look)
        yield replace(services_of(desk), pool=pool)
    assert standing.done


async def test_a_list_that_was_stopped_does_not_undo_what_a_later_reading_found(
    books: Books, proxy: StatementProxy
) -> None:
    """What it read a minute ago as valid was cancelled since, and that was found by another."""
    desk = books.desk
    _, cancelled = await an_issued_month(books)
    other = services_of(desk)
    await plan_once(other)

    async def another_reads() -> None:
        desk.sandbox.enotas.machine.force(desk.company, nota_of(books, cancelled), "Cancelada")
        await desk.pool.execute(LEASES_END)
        assert await read_wanted(other, TENANT)
        await books.settle()

    async with standing_at(desk, proxy, ("issuer_list_store.ours", another_reads)) as stopped:
        await read_wanted(stopped, TENANT)

    assert (await desk.sale(cancelled)).status == "cancelled"
    assert await differences(books) == []
    listed = "SELECT valid FROM issuer_notas WHERE bill_id = $1"
    assert await desk.pool.fetchval(listed, cancelled.id) is False


async def test_days_stay_read_as_of_the_later_reading(books: Books, proxy: StatementProxy) -> None:
    desk, read_at = books.desk, []
    await an_issued_month(books, 1)
    other = services_of(desk)
    await plan_once(other)

    async def another_reads() -> None:
        await desk.pool.execute(LEASES_END)
        assert await read_wanted(other, TENANT)
        read_at.append(await desk.pool.fetchval(READ_AT))

    async with standing_at(desk, proxy, ("issuer_list_store.done", another_reads)) as stopped:
        await read_wanted(stopped, TENANT)

    assert read_at == [await desk.pool.fetchval(READ_AT)]


async def test_a_list_that_ends_once_the_company_changed_is_not_the_other_companys(
    books: Books, proxy: StatementProxy
) -> None:
    """What that one issued before is known all the same, so that no sale is issued twice."""
    desk = books.desk
    there = desk.sandbox.enotas.create_company(key=desk.company.key)
    desk.sandbox.enotas.issue(there, "outro-sistema-7", Other().body())
    desk.sandbox.clock.advance(600)
    for nota in there.notas.values():
        nota.created -= TWO_DAYS

    async def goes_on_to_the_other() -> None:
        async with desk.pool.acquire() as conn, conn.transaction():
            await connections_store.put_issuer(
                conn,
                SEALER,
                TENANT,
                kind="enotas",
                environment="Producao",
                api_key=Secret.of(desk.company.key),
                company_id=there.id,
                company_name="Outra",
                company_cnpj=None,
            )
        async with desk.pool.acquire() as conn:  # another process is about to begin
            assert await foreign_notas_store.due_any_tenant(conn, limit=1) == [TENANT]

    station = ("foreign_notas_store.done", goes_on_to_the_other)
    async with standing_at(desk, proxy, station) as stopped:
        await mirror_once(stopped)
    await mirror_once(services_of(desk))

    bill = await desk.sold()
    await desk.work()
    assert (await desk.sale(bill)).code == "possible_duplicate"

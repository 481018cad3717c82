"""A database that is not the one it was: what may have been issued waits, or is looked up."""

from datetime import UTC, datetime, timedelta

import pytest

from services.emitter.stopping.restored import RESTORED
from services.reconciler.issuer_list.read import read_wanted
from services.sandbox.vindi.records import Bill
from shared.db.connection import Pool
from shared.db.restores import restore_checks_store, restore_finds_store, restores_store
from shared.db.restores.restores_store import Restore, Sign
from shared.domain.ids import BillId
from shared.domain.sale import SaleStatus
from shared.local import seen
from shared.local.home import Home
from tests.services.emitter.conftest import Desk
from tests.services.emitter.stopping.test_duplicates import services_of
from tests.services.emitter.test_fence import Meanwhile, meanwhile
from tests.services.emitter.test_rps_numbers import numbering

__all__ = ["meanwhile"]  # the fixture


async def look(pool: Pool, told: Sign | None = None) -> Restore | None:
    async with pool.acquire() as conn:
        return await restores_store.look_any_tenant(conn, told=told)


async def issued_at_issuer(desk: Desk, bill: Bill) -> int:
    return len(desk.notas_of(bill))


async def test_a_database_that_is_the_same_is_no_restore(desk: Desk) -> None:
    assert await look(desk.pool) is None
    assert await look(desk.pool) is None

    bill = await desk.sold()
    await desk.work()

    assert await issued_at_issuer(desk, bill) == 1


async def test_another_timeline_is_noticed_by_whoever_would_send(desk: Desk) -> None:
    await look(desk.pool)
    await desk.pool.execute("UPDATE database_life SET wal_timeline = wal_timeline + 1")
    bill = await desk.sold()

    await desk.work()

    assert await issued_at_issuer(desk, bill) == 0
    assert (await desk.sale(bill)).status is SaleStatus.QUEUED
    told = await desk.pool.fetchval("SELECT why FROM timeline WHERE what = 'queued'")
    assert told == RESTORED
    async with desk.pool.acquire() as conn:
        restore = await restores_store.newest(conn)
    assert restore is not None
    assert restore.why == "timeline"
    assert restore.read_after >= restore.noticed_at + timedelta(seconds=30)


async def test_another_server_is_noticed_once(desk: Desk) -> None:
    await look(desk.pool)
    await desk.pool.execute("UPDATE database_life SET system_identifier = 7")

    first, again = await look(desk.pool), await look(desk.pool)

    assert first is not None
    assert first.why == "server"
    assert again is None


async def test_what_is_missing_begins_before_all_was_last_known_to_be_well(desk: Desk) -> None:
    await look(desk.pool)
    well = datetime(2026, 11, 1, 12, tzinfo=UTC)
    await desk.pool.execute("UPDATE database_life SET seen_at = $1, wal_timeline = 99", well)

    restore = await look(desk.pool)

    assert restore is not None
    assert restore.since == well - timedelta(minutes=5)


async def test_what_a_clock_that_was_ahead_wrote_down_says_nothing_of_when(desk: Desk) -> None:
    """Nor was a day read that it says was read: what is missing is looked for from a day before."""
    await look(desk.pool)
    ahead = datetime.now(UTC) + timedelta(days=1)
    await desk.pool.execute("UPDATE database_life SET seen_at = $1, wal_timeline = 99", ahead)
    await desk.pool.execute(
        "INSERT INTO issuer_days (tenant_id, company_id, day, read_at)"
        " SELECT $1, lower($2), (now() AT TIME ZONE 'UTC')::date + n, $3"
        " FROM generate_series(-3, 1) AS n",
        desk.tenant,
        desk.company.id,
        ahead,
    )

    restore = await look(desk.pool)

    assert restore is not None
    assert timedelta(days=1) <= restore.noticed_at - restore.since < timedelta(days=1, minutes=6)
    unread = await desk.pool.fetchval(
        "SELECT bool_and(read_at IS NULL AND wanted_at IS NOT NULL) FROM issuer_days"
        " WHERE day BETWEEN $1 AND $2",
        restore.since.date(),
        restore.read_after.date(),
    )
    assert unread is True
    assert await desk.pool.fetchval("SELECT seen_at FROM database_life") == ahead  # to be noticed


async def test_issuing_goes_on_once_the_list_was_read(desk: Desk) -> None:
    await look(desk.pool, told="told")
    bill = await desk.sold()
    await desk.work()
    assert await issued_at_issuer(desk, bill) == 0

    await read_wanted(services_of(desk), desk.tenant)
    await desk.work()

    assert await issued_at_issuer(desk, bill) == 1


async def noticed(desk: Desk, *, seconds_ago: float) -> None:
    """A restore that was noticed so long ago, of which no list was read yet."""
    await look(desk.pool, told="told")
    ago = timedelta(seconds=seconds_ago)
    desk.sandbox.vindi.dates_by_clock = True
    await desk.pool.execute("UPDATE restores SET noticed_at = now() - $1::interval", ago)


@pytest.mark.parametrize("ahead", [0, 7200])
async def test_a_bill_of_since_does_not_wait_for_the_list(desk: Desk, ahead: float) -> None:
    desk.sandbox.clock.advance(ahead)  # whatever Vindi's clock says of itself
    await noticed(desk, seconds_ago=30)
    bill = await desk.sold()

    await desk.work()

    assert await issued_at_issuer(desk, bill) == 1


@pytest.mark.parametrize("age", [20, 27, 40])
async def test_a_bill_of_before_waits_by_the_clock_of_vindi(desk: Desk, age: float) -> None:
    bill = await desk.sold()
    desk.sandbox.clock.advance(age)
    await noticed(desk, seconds_ago=20)

    await desk.work()

    assert await issued_at_issuer(desk, bill) == 0
    assert (await desk.sale(bill)).status is SaleStatus.QUEUED


async def test_a_bill_from_the_future_waits_since_that_clock_was_moved(desk: Desk) -> None:
    bill = await desk.sold()
    desk.sandbox.clock.advance(-60)
    await noticed(desk, seconds_ago=20)

    await desk.work()

    assert await issued_at_issuer(desk, bill) == 0


async def test_a_bill_of_since_waits_where_companies_number_by_themselves(desk: Desk) -> None:
    await noticed(desk, seconds_ago=30)
    await numbering(desk)
    bill = await desk.sold()

    await desk.work()

    assert await issued_at_issuer(desk, bill) == 0
    assert (await desk.sale(bill)).status is SaleStatus.QUEUED


async def test_a_restore_noticed_by_another_keeps_what_was_decided_before(
    meanwhile: Meanwhile,
    desk: Desk,
) -> None:
    async def restored(pool: Pool, _desk: Desk, _bill: Bill) -> None:
        await look(pool, told="told")

    bill = await desk.sold()
    meanwhile.commit(restored, desk, bill)
    await desk.work()

    assert meanwhile.reads
    assert await issued_at_issuer(desk, bill) == 0


async def test_a_company_that_is_connected_afterwards_is_read_too(desk: Desk) -> None:
    await look(desk.pool, told="told")
    await read_wanted(services_of(desk), desk.tenant)
    await desk.pool.execute("DELETE FROM restore_checks")

    async with desk.pool.acquire() as conn, conn.transaction():
        await restore_checks_store.want(conn, desk.tenant)
        await restore_checks_store.want(conn, desk.tenant)

        assert (await restore_checks_store.unread(conn, desk.tenant)).everything
        assert await restore_finds_store.unknown(conn, desk.tenant, [BillId(1)]) == set()


async def test_older_files_in_the_place_of_newer_ones_are_noticed(
    pool: Pool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = Home(folder=tmp_path_factory.mktemp("home"))
    async with pool.acquire() as conn:
        assert await seen.look_any_tenant(home, conn) is None
        assert await seen.look_any_tenant(home, conn) is None
        file = home.folder / "database-seen"
        written = int(file.read_text().rpartition(":")[2].strip(" }\n"))
        file.write_text(file.read_text().replace(str(written), str(written + 10**12)))

        restore = await seen.look_any_tenant(home, conn)

        assert restore is not None
        assert restore.why == "older_copy"
        assert await seen.look_any_tenant(home, conn) is None
        file.write_text("not ours")
        assert await seen.look_any_tenant(home, conn) is None

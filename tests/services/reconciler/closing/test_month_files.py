"""Files of a month that are made behind: whole, once, whoever dies meanwhile."""

import io
import zipfile
from datetime import timedelta

from services.reconciler.make_month_files import make_once
from shared.db.closing import month_files_store
from shared.db.closing.month_files_store import MonthFile, MonthFileKind
from shared.db.privacy import erase_rows
from shared.domain.ids import TenantId
from tests.services.emitter.stopping.test_duplicates import services_of
from tests.services.reconciler.closing.conftest import Books

LEASE = timedelta(minutes=1)


async def ask(books: Books, kind: MonthFileKind = "csv-excel") -> bool:
    async with books.desk.pool.acquire() as conn:
        return await month_files_store.ask(conn, books.desk.tenant, books.month, kind, by="Ana")


async def file_of(books: Books, kind: MonthFileKind = "csv-excel") -> MonthFile:
    async with books.desk.pool.acquire() as conn:
        found = await month_files_store.get(conn, books.desk.tenant, books.month, kind)
    assert found is not None
    return found


async def content(books: Books, file: MonthFile) -> bytes:
    return b"".join([one async for one in month_files_store.pieces(books.desk.pool, file)])


async def test_a_file_that_was_asked_for_is_made_whole_and_says_how_far_it_is(
    books: Books,
) -> None:
    for _ in range(3):
        await books.sold()
    await books.settle()
    assert await ask(books, "xlsx")
    assert (await file_of(books, "xlsx")).state == "queued"

    assert await make_once(services_of(books.desk))
    file = await file_of(books, "xlsx")
    whole = await content(books, file)

    assert (file.state, file.rows_done, file.rows_total) == ("ready", 6, 6)
    assert file.bytes == len(whole)
    assert "xl/workbook.xml" in zipfile.ZipFile(io.BytesIO(whole)).namelist()
    assert not await make_once(services_of(books.desk))


async def test_asking_twice_makes_one_and_asking_again_makes_it_afresh(books: Books) -> None:
    await books.sold()
    await books.settle()
    assert [await ask(books), await ask(books)] == [True, False]
    await make_once(services_of(books.desk))
    first = await content(books, await file_of(books))
    await books.sold()
    await books.settle()

    assert await ask(books)
    await make_once(services_of(books.desk))
    again = await content(books, await file_of(books))

    assert len(first.splitlines()) == 2
    assert len(again.splitlines()) == 3
    kept = "SELECT count(DISTINCT attempt) FROM month_file_pieces"
    assert await books.desk.pool.fetchval(kept) == 1


async def test_who_dies_over_a_file_leaves_it_to_another_and_spoils_nothing(books: Books) -> None:
    await books.sold()
    await books.settle()
    await ask(books)
    async with books.desk.pool.acquire() as conn:
        dead = await month_files_store.claim(
            conn, books.desk.tenant, books.month, "csv-excel", lease=LEASE
        )
        assert dead is not None
        await month_files_store.put_piece(conn, dead, 0, b"half")
    assert not await make_once(services_of(books.desk))  # it is leased

    await books.desk.pool.execute("UPDATE month_files SET lease_until = now()")
    assert await make_once(services_of(books.desk))
    async with books.desk.pool.acquire() as conn:
        late = await month_files_store.finish(conn, dead, size=4, rows=1)
        told = await month_files_store.tell(conn, dead, done=1, total=1, lease=LEASE)

    assert (late, told) == (False, False)
    assert b"half" not in await content(books, await file_of(books))


async def test_who_was_stopped_over_a_file_that_was_forgotten_spoils_none_that_is_asked_for_anew(
    books: Books,
) -> None:
    """An erasure forgets files while one is made; what was read before it is in none after it."""
    await books.sold()
    await books.settle()
    await ask(books)
    async with books.desk.pool.acquire() as conn:
        tenant, month = books.desk.tenant, books.month
        stopped = await month_files_store.claim(conn, tenant, month, "csv-excel", lease=LEASE)
        assert stopped is not None
        await erase_rows.forget_month_files(conn, tenant)
        assert not await month_files_store.put_piece(conn, stopped, 0, b"of before")
        assert await ask(books)
        anew = await month_files_store.claim(conn, tenant, month, "csv-excel", lease=LEASE)
        assert anew is not None
        assert anew.attempt == stopped.attempt

        told = await month_files_store.tell(conn, stopped, done=1, total=1, lease=LEASE)
        kept = await month_files_store.put_piece(conn, stopped, 0, b"of before")
        ended = await month_files_store.finish(conn, stopped, size=9, rows=1)
        await month_files_store.fail(conn, stopped, most=1, again_in=timedelta())
        assert await month_files_store.put_piece(conn, anew, 0, b"of after")
        assert await month_files_store.finish(conn, anew, size=8, rows=1)

    assert (told, kept, ended) == (False, False, False)
    assert await content(books, await file_of(books)) == b"of after"


async def test_what_cannot_be_made_is_tried_again_and_then_given_up(books: Books) -> None:
    await ask(books)
    for _ in range(5):
        async with books.desk.pool.acquire() as conn:
            file = await month_files_store.claim(
                conn, books.desk.tenant, books.month, "csv-excel", lease=LEASE
            )
            assert file is not None
            await month_files_store.fail(conn, file, most=5, again_in=timedelta())
    assert (await file_of(books)).state == "failed"
    assert await ask(books)


async def test_files_are_forgotten_after_a_day_with_their_pieces(books: Books) -> None:
    await ask(books)
    await make_once(services_of(books.desk))
    async with books.desk.pool.acquire() as conn:
        assert await month_files_store.forget_old_any_tenant(conn) == 0
        await conn.execute("UPDATE month_files SET asked_at = now() - interval '25 hours'")
        assert await month_files_store.forget_old_any_tenant(conn) == 1
        assert await conn.fetchval("SELECT count(*) FROM month_file_pieces") == 0
        stranger = TenantId("tzzzzzzzzzz")
        assert await month_files_store.get(conn, stranger, books.month, "csv-excel") is None

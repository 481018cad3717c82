"""Notas stand in the list of the company they were born at, also after the tenant left it."""

from tests.services.emitter.test_connections import another_company, move
from tests.services.reconciler.closing.conftest import Books
from tests.services.reconciler.closing.test_issuer_side import (
    an_issued_month,
    differences,
    night,
    nota_of,
    side,
)


async def test_a_month_with_notas_at_two_companies_balances(books: Books) -> None:
    """The one that was left was never listed before."""
    await an_issued_month(books, 2)
    await move(books.desk, another_company(books.desk))
    await an_issued_month(books, 1)

    closing = await books.close()

    assert await differences(books) == []
    assert side(closing) == (3, 3 * 17_990, 0)
    assert closing.balanced


async def test_a_nota_cancelled_at_a_company_that_was_left_is_found_by_night(
    books: Books,
) -> None:
    kept, cancelled = await an_issued_month(books)
    former = books.desk.company
    await move(books.desk, another_company(books.desk))
    assert (await books.close()).balanced
    books.desk.sandbox.enotas.machine.force(former, nota_of(books, cancelled), "Cancelada")

    await night(books)
    assert [one.kind for one in await differences(books)] == ["only_here"]
    await books.settle()

    assert (await books.desk.sale(cancelled)).status == "cancelled"
    assert (await books.desk.sale(kept)).status == "issued"
    assert (await books.close()).balanced


async def test_a_list_says_nothing_of_notas_born_at_another_company(books: Books) -> None:
    """Nobody looks for them there, night after night."""
    await an_issued_month(books)
    assert (await books.close()).balanced
    await move(books.desk, another_company(books.desk))

    await night(books)

    async with books.desk.pool.acquire() as conn:
        assert await conn.fetchval("SELECT count(*) FROM outbox WHERE state = 'due'") == 0


async def test_a_company_that_was_left_and_refuses_us_keeps_nobody_from_the_other_list(
    books: Books,
) -> None:
    await an_issued_month(books, 1)
    books.desk.company.faults.forbidden = True
    company = another_company(books.desk)
    await move(books.desk, company)
    await an_issued_month(books, 1)

    closing = await books.close()

    assert {one.company for one in closing.issuer.stale} == {books.desk.company.id}
    assert not closing.balanced

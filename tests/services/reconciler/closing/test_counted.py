"""Vindi's own count of a month, where its lists do not say how many they have."""

import pytest

from shared.commands.closing import trouble_text
from tests.services.reconciler.closing.conftest import Books


@pytest.mark.parametrize("sales", [0, 1, 3, 8, 9])
@pytest.mark.parametrize("cap", [2, 50])
async def test_an_account_whose_lists_say_no_total_is_counted_by_its_pages(
    books: Books, sales: int, cap: int
) -> None:
    books.desk.account.faults.lists_without_total = {"all"}
    books.desk.account.faults.per_page_cap = cap
    for _ in range(sales):
        await books.sold()
    books.hidden()
    await books.settle()

    closing = await books.close()

    assert (closing.trouble, closing.missing) == (None, 1)


async def test_pages_that_repeat_are_no_count_and_no_outage(books: Books) -> None:
    faults = {"lists_without_total": ["all"], "repeat_pages": ["all"], "per_page_cap": 2}
    for _ in range(3):
        await books.sold()
    await books.settle()
    books.desk.account.faults.change(faults)

    closing = await books.close()

    assert (closing.trouble, closing.missing) == ("vindi_no_count", None)
    assert "não foi possível contá-las" in trouble_text("vindi_no_count")

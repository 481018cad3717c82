"""Accounts that leave out a part of what they are asked: every lane ends, loses nothing, says so.

A question may have a choice (OR), several conditions (AND), an order and a page; each of them may
be as if it were not there. Under a rule of creation nothing but the lists tells of a sale.
"""

from typing import Any, Final

import pytest

from shared.domain.ids import BillId
from tests.services.reconciler.backfill.conftest import Office
from tests.services.reconciler.backfill.conftest import office as an_office
from tests.services.reconciler.conftest import Watch
from tests.services.reconciler.test_odd_rows import health

office = an_office
SALES: Final = 55  # two pages
JUNE: Final = ("2026-06-01", "2026-06-30")
# The most that any lane may ask: each sale and its customer alone, and a handful for each page.
MOST: Final = 6 * SALES
ALL: Final[dict[str, Any]] = {"lists_without_total": {"all"}}
STUBBORN: Final[dict[str, dict[str, Any]]] = {
    "no OR": {"ignore_or_filters": True},
    "no OR, no count": {"ignore_or_filters": True, **ALL},
    "no second condition": {"ignored_filters": {"created_at", "transaction_type", "status"}},
    "no time": {"ignored_filters": {"updated_at"}},
    "no condition at all": {"ignored_filters": {"all"}},
    "no condition, no count": {"ignored_filters": {"all"}, **ALL},
    "no order": {"unordered": {"all"}},
    "no order, no condition": {"unordered": {"all"}, "ignored_filters": {"all"}},
    "no OR, no condition": {"ignore_or_filters": True, "ignored_filters": {"all"}},
    "no OR, no order, no count": {"ignore_or_filters": True, "unordered": {"all"}, **ALL},
}
ONE_PAGE: Final[dict[str, dict[str, Any]]] = {
    "no page": {"repeat_pages": {"all"}},
    "no page, no count": {"repeat_pages": {"all"}, **ALL},
    "no page, no OR, no condition": {
        "repeat_pages": {"all"},
        "ignore_or_filters": True,
        "ignored_filters": {"all"},
    },
}
EITHER: Final = {**STUBBORN, **ONE_PAGE}
PASSES_DO_WITHOUT: Final = {"no OR", "no order", "no second condition"}
TOLD: Final = ("last_pass", "vindi_filters", "vindi_lists_odd")


async def says_so(watch: Watch) -> bool:
    return any([(await health(watch, code)).status != "ok" for code in TOLD])


@pytest.mark.parametrize("how", sorted(STUBBORN.keys() - PASSES_DO_WITHOUT))
async def test_passes_find_every_sale(watch: Watch, how: str) -> None:
    await watch.desk.rule(issue_when="bill_created")
    watch.desk.account.faults.change(STUBBORN[how])
    bills = [watch.desk.sell(paid=False) for _ in range(SALES)]

    for _ in range(2):
        await watch.pass_once()
        await watch.desk.work()

    assert [bill.id for bill in bills if len(watch.desk.notas_of(bill)) != 1] == []
    assert watch.requests() < MOST
    # Where only the time is left out nothing tells: all sales are new.
    assert how == "no time" or await says_so(watch)


@pytest.mark.parametrize("how", [*ONE_PAGE, "no OR", "no OR, no condition"])
async def test_sales_that_were_heard_of_are_issued_each(watch: Watch, how: str) -> None:
    await watch.desk.rule(issue_when="bill_created")
    watch.desk.account.faults.change(EITHER[how])
    bills = [watch.desk.sell(paid=False) for _ in range(SALES)]
    await watch.desk.heard(*(BillId(bill.id) for bill in bills))

    await watch.desk.work()

    assert [bill.id for bill in bills if len(watch.desk.notas_of(bill)) != 1] == []
    assert watch.requests() < MOST


@pytest.mark.parametrize("how", ONE_PAGE)
async def test_a_list_without_its_second_page_ends_and_is_told(watch: Watch, how: str) -> None:
    await watch.desk.rule(issue_when="bill_created")
    watch.desk.account.faults.change(ONE_PAGE[how])
    for _ in range(SALES):
        watch.desk.sell(paid=False)

    await watch.pass_once()
    await watch.desk.work()

    assert len(watch.desk.company.notas) >= 50
    assert watch.requests() < MOST
    assert await says_so(watch)


@pytest.mark.parametrize("how", EITHER)
async def test_a_backfill_takes_every_sale_or_fails(office: Office, how: str) -> None:
    await office.desk.rule(issue_when="bill_created")
    for number in range(SALES):
        day = f"2026-06-{number % 28 + 1:02d}T12:00:00-03:00"
        office.desk.sell(created_at=day, paid=False)
    office.desk.account.faults.change(EITHER[how])

    backfill = await office.ask(*JUNE, dry_run=False)
    for _ in range(6):
        await office.pool.execute("UPDATE backfills SET not_before = NULL")
        await office.run()

    ended = await office.get(backfill)
    taken = len(await office.taken())
    assert office.requests() < MOST
    if ended.status == "completed":
        assert taken == SALES
    else:
        assert (ended.status, ended.error) == ("failed", "rows_omitted")
        assert how in ONE_PAGE

"""Two tenants of one company, or of one Vindi account, which said so: each is braked by its own."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from services.reconciler.mirror import mirror_once
from services.sandbox.vindi.records import Bill
from shared.commands.actions import Asked, act
from shared.commands.brakes import release_brake
from shared.db.tenants import brakes_store
from shared.domain.ids import BillId
from tests.services.emitter.conftest import Desk
from tests.services.emitter.stopping.test_brakes import A_WAKER, at_noon
from tests.services.reconciler.conftest import Watch, services_of
from tests.services.reconciler.test_swapped_accounts import OTHER, goes_to, issues_with, notas, two

OLD = "brake_old_moments"
MANY, FEW = 5, 2  # above what is let through by itself, and below


async def of_one_company(watch: Watch) -> tuple[Desk, Desk]:
    """Two tenants with accounts of their own, and one company; the second has confirmed it."""
    mine, theirs = await two(watch)
    await issues_with(theirs, mine)
    await at_noon(mine)
    return mine, replace(theirs, company=mine.company)


async def of_one_account(watch: Watch) -> tuple[Desk, Desk]:
    """Two tenants with companies of their own, and one account since before they were active."""
    mine, theirs = await two(watch)
    await mine.pool.execute("DELETE FROM vindi_connections WHERE tenant_id = $1", OTHER)
    await goes_to(theirs, mine)
    await mine.pool.execute("UPDATE vindi_connections SET connected_at = now() - interval '1 hour'")
    await at_noon(mine)
    return mine, replace(theirs, account=mine.account, product_id=mine.product_id)


async def old(desk: Desk, count: int) -> list[Bill]:
    paid_at = (datetime.now(UTC) - timedelta(days=12)).isoformat()
    return [await desk.sold(paid_at=paid_at) for _ in range(count)]


async def told_to_both(mine: Desk, theirs: Desk, count: int) -> list[Bill]:
    """Old sales of the one account, of which both tenants hear."""
    bills = await old(mine, count)
    await theirs.heard(*(BillId(bill.id) for bill in bills))
    return bills


async def codes(desk: Desk, bills: list[Bill]) -> set[str | None]:
    return {(await desk.sale(bill)).code for bill in bills}


async def statuses(desk: Desk, bills: list[Bill]) -> set[str]:
    return {(await desk.sale(bill)).status for bill in bills}


async def braked(desk: Desk) -> str | None:
    async with desk.pool.acquire() as conn:
        return (await brakes_store.get(conn, desk.tenant)).code


async def release(desk: Desk) -> tuple[bool, int]:
    return await release_brake(desk.pool, A_WAKER, desk.tenant, reason="certo", by="ana")


async def test_of_two_tenants_of_one_company_one_is_braked_and_the_other_issues(
    watch: Watch,
) -> None:
    mine, theirs = await of_one_company(watch)
    many, few = await old(mine, MANY), await old(theirs, FEW)

    await mine.work()

    assert await codes(mine, many) == {OLD}
    assert await statuses(theirs, few) == {"issuing"}
    assert [await braked(mine), await braked(theirs)] == [OLD, None]


async def test_what_one_let_through_explains_nothing_at_the_other_of_the_same_company(
    watch: Watch,
) -> None:
    mine, theirs = await of_one_company(watch)
    many = await old(mine, MANY)
    await mine.work()
    assert await release(mine) == (True, MANY)
    await mine.work()
    assert await statuses(mine, many) == {"issuing"}

    others = await old(theirs, MANY)
    more = await old(mine, MANY)  # as many again: a person has let five through
    await mine.work()

    assert await codes(theirs, others) == {OLD}
    assert await statuses(mine, more) == {"issuing"}
    assert await release(theirs) == (True, MANY)
    await mine.work()
    assert [notas(bill, theirs) for bill in others] == [[1]] * MANY
    assert mine.sandbox.enotas.invariants.report()["ok"]


async def test_of_two_tenants_of_one_account_a_click_at_one_lets_nothing_of_the_other_go(
    watch: Watch,
) -> None:
    """They know the same bills by the same numbers."""
    mine, theirs = await of_one_account(watch)
    bills = await told_to_both(mine, theirs, MANY)
    await mine.work()
    assert [await codes(mine, bills), await codes(theirs, bills)] == [{OLD}, {OLD}]

    assert await release(mine) == (True, MANY)
    await mine.work()

    assert [notas(bill, mine, theirs) for bill in bills] == [[1, 0]] * MANY
    assert await codes(theirs, bills) == {OLD}
    assert [await braked(mine), await braked(theirs)] == [None, OLD]


async def test_of_two_tenants_of_one_account_a_sale_is_issued_at_the_one_where_a_person_says_so(
    watch: Watch,
) -> None:
    mine, theirs = await of_one_account(watch)
    bills = await told_to_both(mine, theirs, MANY)
    await mine.work()

    asked = Asked(action="issue", reason="certo", by="ana")
    await act(theirs.pool, A_WAKER, theirs.tenant, [BillId(bills[0].id)], asked)
    await mine.work()

    assert [notas(bill, mine, theirs) for bill in bills] == [[0, 1], *[[0, 0]] * (MANY - 1)]
    assert await codes(mine, bills) == {OLD}


async def test_what_one_of_two_tenants_of_one_account_and_company_issued_is_held_at_the_other(
    watch: Watch,
) -> None:
    """Once the company's list was read: until then both would issue, as was confirmed."""
    mine, theirs = await of_one_account(watch)
    await issues_with(theirs, mine)
    theirs = replace(theirs, company=mine.company)
    bills = await told_to_both(mine, theirs, MANY)
    await mine.work()
    await release(mine)
    await mine.work()
    await mine.later(timedelta(minutes=10))
    await mine.work()
    await mine.pool.execute("UPDATE foreign_nota_marks SET next_at = now()")
    await mirror_once(services_of(mine))

    await release(theirs)
    await mine.work()

    assert await statuses(mine, bills) == {"issued"}
    assert await codes(theirs, bills) == {"possible_duplicate"}
    assert [notas(bill, mine, theirs) for bill in bills] == [[1, 0]] * MANY

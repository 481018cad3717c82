"""What a pass costs, what moves its marks, and what it does when Vindi misbehaves."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from services.reconciler.accounts import read_list, since
from services.reconciler.accounts.run_pass import run_pass
from services.reconciler.accounts.schedule import LEASE, Scheduler
from services.sandbox.vindi import operations
from shared.db.tenants import connections_store
from shared.db.vindi import passes_store, watch_store
from shared.db.vindi.passes_store import Claimed, PassState
from shared.vindi.budget import Budget
from shared.watch.connection import judge
from tests.services.emitter.conftest import SEALER, TENANT
from tests.services.reconciler.conftest import Watch, services_of


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_list, "PAUSES", (0.001, 0.001, 0.001))


def marks(state: PassState) -> tuple[datetime, datetime, datetime]:
    return state.bills_mark, state.charges_mark, state.refunds_mark


async def test_a_pass_with_nothing_new_costs_three_requests(watch: Watch) -> None:
    bills = [watch.desk.sell() for _ in range(30)]
    operations.refund(watch.desk.account, bill_id=bills[0].id, amount="10.00")
    first = await watch.pass_once()
    before, began = watch.requests(), time.monotonic()

    state = await watch.pass_once()

    took = timedelta(seconds=time.monotonic() - began)
    assert watch.requests() - before == 3
    assert state.found == first.found == 30
    assert first.complete_at is not None
    assert state.complete_at is not None
    assert state.complete_at > first.complete_at
    # They keep behind Vindi's clock, which tells whole seconds alone, and is a little older when
    # its answer is here: each moved, or by less.
    apart = timedelta(seconds=1) + took
    assert all(new > old - apart for old, new in zip(marks(first), marks(state), strict=True))
    assert marks(state) != marks(first)


async def test_after_a_renewal_day_the_overlap_is_not_read_over_and_over(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(since, "LONG_OVERLAP", 20)
    watch.desk.account.faults.change({"per_page_cap": 5})
    at = (datetime.now(UTC) - timedelta(minutes=5)).timestamp()
    for _ in range(30):
        watch.desk.sell(created_at=at, paid_at=at)
    await watch.pass_once()
    new = watch.desk.sell()
    await watch.desk.work()
    before = watch.requests()

    await watch.pass_once()

    assert await watch.due() == {new.id}
    assert watch.requests() - before == 5


async def test_a_bill_that_was_just_read_here_is_not_read_again_to_be_issued(
    watch: Watch,
) -> None:
    bills = [watch.desk.sell() for _ in range(20)]
    await watch.pass_once()
    before = watch.requests()

    await watch.desk.work()

    asked = [entry.path for entry in list(watch.desk.account.journal)[before:]]
    assert [path for path in asked if "/bills" in path] == []
    assert all([(await watch.desk.sale(bill)).status == "issuing" for bill in bills])


async def test_a_bill_that_cannot_be_read_is_told_once(watch: Watch) -> None:
    watch.desk.account.faults.change({"status_words": {"paid": "settled"}})
    bill = watch.desk.sell()
    await watch.pass_once()
    await watch.desk.work()

    state = await watch.pass_once()

    assert (await watch.desk.sale(bill)).code == "bill_unreadable"
    assert await watch.due() == set()
    assert state.error is None


async def test_more_reads_than_a_minute_allows_are_a_long_pass_not_a_failed_one(
    watch: Watch,
) -> None:
    watch.desk.account.faults.change({"per_page_cap": 2})
    bills = [watch.desk.sell() for _ in range(40)]
    budget = Budget(None, per_window=20, window=timedelta(seconds=1))
    watch.desk.tools.clients._budget = budget

    state = await watch.pass_once()

    assert state.error is None
    assert await watch.due() == {bill.id for bill in bills}


async def test_only_sales_that_differ_become_due(watch: Watch) -> None:
    bills = [watch.desk.sell(paid=False) for _ in range(3)]
    await watch.pass_once()
    await watch.desk.work()
    operations.pay_bill(watch.desk.account, bill_id=bills[1].id)

    await watch.pass_once()

    assert await watch.due() == {bills[1].id}


async def test_a_bill_of_long_ago_that_is_paid_now_is_found(watch: Watch) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=200)
    bill = watch.desk.sell(paid=False, created_at=long_ago.timestamp())
    untouched = watch.desk.sell(paid=False, created_at=long_ago.timestamp())
    operations.pay_bill(watch.desk.account, bill_id=bill.id)

    await watch.pass_once()

    assert await watch.due() == {bill.id}
    assert await watch.stored(untouched) is None


async def test_a_partial_refund_shows_in_its_lane_alone(watch: Watch) -> None:
    bill = watch.desk.sell()
    await watch.pass_once()
    await watch.desk.work()
    operations.refund(watch.desk.account, bill_id=bill.id, amount="10.00")

    await watch.pass_once()

    known = await watch.stored(bill)
    assert known is not None
    assert list(known.refunds.values()) == [1000]
    assert await watch.due() == {bill.id}


@pytest.mark.parametrize("then", ["paid", "canceled"])
async def test_a_refund_stamped_before_its_payment_is_found(watch: Watch, then: str) -> None:
    """Vindi's clock was set back between the two, and no event came."""
    watch.desk.account.faults.change({"bill_after_refund": then})
    watch.desk.sandbox.vindi.dates_by_clock = True
    bill = watch.desk.sell()
    await watch.pass_once()
    await watch.desk.work()
    watch.desk.sandbox.clock.advance(-30)
    operations.refund(watch.desk.account, bill_id=bill.id, events=False)

    await watch.pass_once()
    assert await watch.due() == {bill.id}
    async with asyncio.timeout(30):
        while (await watch.desk.nota(bill)).then_cancel != "refunded":
            await watch.desk.pool.execute("UPDATE outbox SET due_at = now() WHERE state = 'due'")
            await watch.desk.work()

    known = await watch.stored(bill)
    assert known is not None
    assert known.status == then
    found = (await watch.state()).found
    assert (await watch.pass_once()).found == found, "it is stored as it is now"


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        ({"total_off_by": 1}, "total_disagrees"),
        ({"empty_with_total": 1}, "total_disagrees"),
        ({"per_page_cap": 5, "omit_rows": 1}, "total_disagrees"),
        ({"per_page_cap": 5, "repeat_rows": 2}, "total_disagrees"),
    ],
)
async def test_a_list_that_does_not_add_up_moves_no_mark_and_is_read_again(
    watch: Watch, fault: dict[str, int], word: str
) -> None:
    for _ in range(12):
        watch.desk.sell()
    started = await watch.state()
    watch.desk.account.faults.change(fault)

    state = await watch.pass_once()

    assert state.bills_mark == started.bills_mark
    assert state.error == word
    assert state.complete_at is None
    assert state.next_pass_at < datetime.now(UTC) + timedelta(seconds=20)
    watch.desk.account.faults.change(
        {"total_off_by": 0, "empty_with_total": None, "omit_rows": 0, "repeat_rows": 0}
    )
    mended = await watch.pass_once()
    assert mended.error is None
    assert marks(mended) > marks(started)


async def test_html_instead_of_json_moves_no_mark(watch: Watch) -> None:
    started = await watch.state()
    watch.desk.account.weather.add(kind="html", status=200, path_has="/charges")

    state = await watch.pass_once()

    assert state.error == "vindi_unavailable"
    assert state.charges_mark == started.charges_mark
    assert state.bills_mark > started.bills_mark


@pytest.mark.parametrize(("zone", "told"), [("America/Sao_Paulo", "brasilia"), ("UTC", "utc")])
async def test_the_zone_of_query_values_is_measured(watch: Watch, zone: str, told: str) -> None:
    watch.desk.account.faults.change({"query_zone": zone})
    watch.desk.sell()

    state = await watch.pass_once()

    assert state.zone == told


@pytest.mark.parametrize("how", ["ignored_filters", "refused_filters"])
async def test_an_account_without_the_filter_is_read_another_way(watch: Watch, how: str) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=100)
    for _ in range(5):
        watch.desk.sell(created_at=long_ago.timestamp(), paid_at=long_ago.timestamp())
    pending = watch.desk.sell(paid=False)
    await watch.pass_once()
    await watch.desk.work()
    watch.desk.account.faults.change({how: {"updated_at", "transaction_type"}})
    operations.pay_bill(watch.desk.account, bill_id=pending.id)
    async with watch.desk.pool.acquire() as conn:
        await conn.execute("UPDATE bills SET read_at = read_at - interval '2 hours'")
    new = watch.desk.sell()

    state = await watch.pass_once()

    assert state.plain_lanes == {"bills", "charges", "refunds"}
    assert state.error is None
    assert await watch.due() == {pending.id, new.id}


async def test_a_key_revoked_in_mid_run_stops_the_account_only(watch: Watch) -> None:
    watch.desk.account.keys[0].revoked = True
    started = await watch.state()

    state = await watch.pass_once()

    async with watch.desk.pool.acquire() as conn:
        connection = await connections_store.get_vindi(conn, SEALER, TENANT)
        due = await passes_store.tenants_due_any_tenant(conn, limit=10)
    assert connection is not None
    assert connection.state.code == "vindi_key_refused"
    assert marks(state) == marks(started)
    assert due == []


async def test_an_account_vindi_blocked_is_tried_hourly_and_goes_on_by_itself(
    watch: Watch,
) -> None:
    watch.desk.account.faults.change({"blocked": True})
    bill = watch.desk.sell()
    blocked = await watch.pass_once()
    watch.desk.account.faults.change({"blocked": False})

    await watch.pass_once()

    async with watch.desk.pool.acquire() as conn:
        connection = await connections_store.get_vindi(conn, SEALER, TENANT)
    assert connection is not None
    assert connection.state.code == "ok"
    assert blocked.error == "vindi_account_blocked"
    assert blocked.next_pass_at > datetime.now(UTC) + timedelta(minutes=55)
    assert await watch.due() == {bill.id}


async def test_spent_requests_put_the_pass_off_and_count_as_no_failure(watch: Watch) -> None:
    started = await watch.state()
    watch.desk.account.weather.add(status=429, retry_after="30")

    state = await watch.pass_once()

    wait = state.next_pass_at - datetime.now(UTC)
    assert timedelta(0) < wait <= timedelta(seconds=31)
    assert marks(state) == marks(started)


async def test_paused_tenants_are_read_too(watch: Watch) -> None:
    async with watch.desk.pool.acquire() as conn:
        await conn.execute("UPDATE tenants SET status = 'paused'")
    bill = watch.desk.sell()

    await watch.pass_once()

    assert await watch.stored(bill) is not None


async def test_two_replicas_never_read_an_account_at_once_and_a_dead_one_is_relieved(
    watch: Watch,
) -> None:
    other = Scheduler(services=services_of(watch.desk), worker="other")
    async with watch.desk.pool.acquire() as conn:
        await conn.execute("UPDATE reconciler_passes SET next_pass_at = now()")
    started = await asyncio.gather(watch.scheduler.start_due(), other.start_due())
    await asyncio.gather(watch.scheduler.drain(), other.drain())
    assert sorted(started) == [0, 1]

    async with watch.desk.pool.acquire() as conn:
        await conn.execute("UPDATE reconciler_passes SET next_pass_at = now()")
        dead = await passes_store.claim(conn, TENANT, lease=LEASE, worker="dead")
        assert dead is not None
        assert await other.start_due() == 0
        await conn.execute("UPDATE reconciler_passes SET lease_until = now()")
    assert await other.start_due() == 1
    await other.drain()
    result = passes_store.PassResult(
        next_pass_at=datetime.now(UTC), error=None, complete=True, bills_mark=datetime.now(UTC)
    )
    async with watch.desk.pool.acquire() as conn:
        assert not await passes_store.finish(conn, TENANT, dead.state.attempt, result)


async def test_what_lay_under_the_passes_is_found_by_night_and_by_week(watch: Watch) -> None:
    await watch.pass_once()
    yesterday = datetime.now(UTC) - timedelta(days=1)
    old = datetime.now(UTC) - timedelta(days=20)
    swept = watch.desk.sell(created_at=yesterday.timestamp(), paid_at=yesterday.timestamp())
    counted = watch.desk.sell(created_at=old.timestamp(), paid_at=old.timestamp())
    async with watch.desk.pool.acquire() as conn:
        await conn.execute("UPDATE vindi_connections SET connected_at = now() - interval '30 d'")
        await conn.execute("UPDATE reconciler_passes SET nightly_day = nightly_day - 8")
    await watch.pass_once()
    by_night = await watch.due()
    async with watch.desk.pool.acquire() as conn:
        await conn.execute("UPDATE reconciler_passes SET weekly_day = weekly_day - 8")

    state = await watch.pass_once()

    assert state.error is None
    assert by_night == {swept.id}
    assert await watch.due() == {swept.id, counted.id}


async def test_whose_account_it_is_gets_learnt_once_where_it_was_not_kept(watch: Watch) -> None:
    await watch.pass_once()
    async with watch.desk.pool.acquire() as conn:
        await conn.execute("UPDATE vindi_connections SET connected_at = now() - interval '30 d'")
        await conn.execute("UPDATE reconciler_passes SET nightly_day = nightly_day - 8")

    await watch.pass_once()
    async with watch.desk.pool.acquire() as conn:
        connection = await connections_store.get_vindi(conn, SEALER, TENANT)
        await conn.execute("UPDATE reconciler_passes SET nightly_day = nightly_day - 8")
    await watch.pass_once()

    assert connection is not None
    assert connection.merchant_id == watch.desk.account.id
    asked = [entry for entry in watch.desk.account.journal if "merchants" in entry.path]
    assert len(asked) == 1


async def test_a_mark_is_not_ahead_of_vindi_when_the_clock_of_the_database_is(
    watch: Watch,
) -> None:
    async with watch.desk.pool.acquire() as conn:
        connection = await connections_store.get_vindi(conn, SEALER, TENANT)
    assert connection is not None
    ahead = datetime.now(UTC) + timedelta(minutes=10)

    result = await run_pass(
        watch.desk.pool,
        watch.desk.tools.clients,
        SEALER,
        Claimed(state=await watch.state(), now=ahead),
        connection,
        every=timedelta(minutes=5),
    )

    assert result.bills_mark is not None
    assert result.bills_mark <= datetime.now(UTC)


async def test_a_key_revoked_between_two_lanes_keeps_the_mark_of_the_first_and_says_so(
    watch: Watch,
) -> None:
    started = await watch.state()
    watch.desk.account.weather.add(status=401, path_has="/charges")
    bill = watch.desk.sell()

    state = await watch.pass_once()

    assert state.error == "vindi_key_refused"
    assert state.bills_mark > started.bills_mark
    assert (state.charges_mark, state.refunds_mark) == (started.charges_mark, started.refunds_mark)
    async with watch.desk.pool.acquire() as conn:
        facts = await watch_store.facts(conn, TENANT)
        assert facts is not None
        key = next(
            one for one in judge(facts, every=timedelta(minutes=5)) if one.code == "vindi_key"
        )
        watch.desk.account.weather.clear()
        await connections_store.unblock(conn, TENANT, "vindi")
    assert key.status == "broken"
    assert "chave" in key.message
    mended = await watch.pass_once()
    assert mended.error is None
    assert mended.charges_mark > started.charges_mark
    assert await watch.due() == {bill.id}

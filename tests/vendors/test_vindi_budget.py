import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from datetime import timedelta
from email.utils import formatdate
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from shared.net.redis import redis_client
from shared.vindi.budget import AccountKey, Budget, BudgetShare, Ticket, WindowHeaders, read_heard
from shared.vindi.errors import VindiBusy
from tests.support.scraped import Scraped
from tests.vendors.conftest import ACCOUNT, RedisServer, a_budget, client_of, left_of

WINDOW = timedelta(seconds=1.5)  # many times what a slow machine needs for a window's requests
PATIENT = timedelta(seconds=30)


class Vindi:
    """Counts requests as Vindi does: a window opens with the first request and has a fixed end."""

    def __init__(self, *, limit: int, tells: bool = True) -> None:
        self.limit = limit
        self.windows: list[int] = []
        self.answered = 0
        self._tells = tells
        self._ends = 0.0

    def count(self) -> WindowHeaders:
        now = time.monotonic()
        if now >= self._ends:
            self._ends = now + WINDOW.total_seconds()
            self.windows.append(0)
        self.windows[-1] += 1
        self.answered += 1
        if not self._tells:
            return WindowHeaders()
        left = timedelta(seconds=self._ends - now)
        return WindowHeaders(limit=self.limit, remaining=self.limit - self.windows[-1], left=left)


async def ask(vindi: Vindi, budget: Budget, lane: BudgetShare, *, travel: float = 0.0) -> None:
    ticket = await budget.take(ACCOUNT, lane, patience=PATIENT)
    await asyncio.sleep(travel)
    heard = vindi.count()
    await asyncio.sleep(travel)
    await budget.settle(ticket, heard)


async def spend(budget: Budget, lane: BudgetShare, heard: WindowHeaders | None = None) -> int:
    """Take and settle until there is no more; how many there were."""
    taken = 0
    while True:
        try:
            ticket = await budget.take(ACCOUNT, lane)
        except VindiBusy:
            return taken
        await budget.settle(ticket, heard or WindowHeaders())
        taken += 1


@pytest.fixture
async def own_redis(tmp_path: Path) -> AsyncIterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.mark.parametrize("tells", [True, False])
async def test_two_processes_never_exceed_the_ceiling_in_any_window_of_vindi(
    shared_redis: Redis, tells: bool
) -> None:
    vindi = Vindi(limit=20, tells=tells)
    budgets = [a_budget(shared_redis, per_window=20, window=WINDOW) for _ in range(2)]

    await asyncio.gather(
        *(ask(vindi, budgets[n % 2], BudgetShare.DUE, travel=n % 7 / 100) for n in range(72))
    )

    assert vindi.answered == 72
    assert max(vindi.windows) <= 20
    # Shares kept for the other lanes cost two; the rest is used.
    assert len(vindi.windows) <= 6


async def test_what_other_systems_use_is_believed(shared_redis: Redis) -> None:
    budget = a_budget(shared_redis, per_window=100)
    ticket = await budget.take(ACCOUNT, BudgetShare.DUE)
    await budget.settle(ticket, WindowHeaders(limit=100, remaining=8, left=timedelta(seconds=30)))

    taken = await spend(budget, BudgetShare.DUE)

    assert taken == 8
    with pytest.raises(VindiBusy) as caught:
        await budget.take(ACCOUNT, BudgetShare.DUE)
    assert caught.value.retry_after <= timedelta(seconds=30)


async def test_a_lower_limit_of_vindi_is_the_ceiling(shared_redis: Redis) -> None:
    budget = a_budget(shared_redis, per_window=100)

    taken = await spend(budget, BudgetShare.DUE, WindowHeaders(limit=5))

    assert taken == 5


async def test_an_older_answer_does_not_bring_requests_back(shared_redis: Redis) -> None:
    budget = a_budget(shared_redis, per_window=100)
    first = await budget.take(ACCOUNT, BudgetShare.DUE)
    left = timedelta(seconds=30)
    await budget.settle(first, WindowHeaders(remaining=50, left=left))
    early, late = [await budget.take(ACCOUNT, BudgetShare.DUE) for _ in range(2)]

    await budget.settle(late, WindowHeaders(remaining=3, left=left))
    await budget.settle(early, WindowHeaders(remaining=49, left=left))

    assert await spend(budget, BudgetShare.DUE) == 3


async def test_before_the_first_answer_one_request_asks_how_much_is_left(
    shared_redis: Redis,
) -> None:
    budget = a_budget(shared_redis, per_window=100)
    await budget.take(ACCOUNT, BudgetShare.DUE)

    with pytest.raises(VindiBusy):
        await budget.take(ACCOUNT, BudgetShare.DUE)


async def test_a_backfill_never_starves_sales_that_are_due(shared_redis: Redis) -> None:
    budget = a_budget(shared_redis, per_window=120)

    backfill = await spend(budget, BudgetShare.BACKFILL)
    reconcile = await spend(budget, BudgetShare.RECONCILE)
    due = await spend(budget, BudgetShare.DUE)
    person = await spend(budget, BudgetShare.PERSON)

    assert 50 <= backfill <= 66
    assert reconcile >= 6
    assert due >= 48
    assert backfill + reconcile + due + person == 120


async def test_what_is_left_to_others_is_not_taken_from_an_import_while_few_sales_are_due(
    shared_redis: Redis,
) -> None:
    budget = a_budget(shared_redis, per_window=120, leave_percent=20)

    backfill = await spend(budget, BudgetShare.BACKFILL)
    due = await spend(budget, BudgetShare.DUE)

    assert 64 <= backfill <= 67  # as it would have without others: 55 %
    assert due >= 18  # pages of fifty sales
    assert await spend(budget, BudgetShare.PERSON) >= 6


async def test_what_is_kept_for_sales_that_are_due_grows_with_their_use(
    shared_redis: Redis,
) -> None:
    budget = a_budget(shared_redis, per_window=120, leave_percent=20)
    for _ in range(12):
        await budget.settle(await budget.take(ACCOUNT, BudgetShare.DUE), WindowHeaders())

    assert await spend(budget, BudgetShare.BACKFILL) <= 47
    assert await spend(budget, BudgetShare.DUE) >= 26  # 38 with those before


async def test_sales_that_are_due_leave_something_to_the_reconciler(shared_redis: Redis) -> None:
    budget = a_budget(shared_redis, per_window=120)

    assert await spend(budget, BudgetShare.DUE) >= 103  # a person's eight are kept as well
    assert await spend(budget, BudgetShare.RECONCILE) >= 6


async def test_a_person_s_question_is_asked_whatever_the_lanes_have_used(
    shared_redis: Redis,
) -> None:
    budget = a_budget(shared_redis, per_window=120, leave_percent=20)
    for lane in (BudgetShare.RECONCILE, BudgetShare.DUE, BudgetShare.BACKFILL):
        await spend(budget, lane)

    # Six requests try a key, one or two count a closing.
    assert await spend(budget, BudgetShare.PERSON) >= 6


@pytest.mark.parametrize(("leave", "most"), [(20, 96), (0, 120), (50, 60)])
async def test_all_lanes_together_leave_a_part_of_the_window_to_others(
    shared_redis: Redis, leave: int, most: int
) -> None:
    budget = a_budget(shared_redis, per_window=120, leave_percent=leave)

    taken = [await spend(budget, lane) for lane in (*BudgetShare, *BudgetShare)]

    assert sum(taken) == most


async def test_what_others_use_of_their_part_takes_nothing_from_ours(shared_redis: Redis) -> None:
    budget = a_budget(shared_redis, per_window=120, leave_percent=20)
    heard = WindowHeaders(limit=120, remaining=119 - 24, left=timedelta(seconds=30))
    await budget.settle(await budget.take(ACCOUNT, BudgetShare.DUE), heard)

    assert 1 + sum([await spend(budget, lane) for lane in (*BudgetShare, *BudgetShare)]) == 96


async def test_without_redis_a_process_leaves_others_their_part_too() -> None:
    budget = Budget(None, per_window=100, leave_percent=20)
    left = timedelta(seconds=30)
    await budget.settle(
        await budget.take(ACCOUNT, BudgetShare.DUE), WindowHeaders(remaining=20, left=left)
    )

    with pytest.raises(VindiBusy):
        await budget.take(ACCOUNT, BudgetShare.DUE)


@pytest.mark.parametrize(("per_window", "free"), [(120, 40), (1200, 40), (60, 20), (30_000, 1000)])
async def test_an_account_is_pressed_once_a_third_of_vindi_s_window_is_used(
    shared_redis: Redis, per_window: int, free: int
) -> None:
    budget = a_budget(shared_redis, per_window=per_window, leave_percent=20)
    for _ in range(free):
        await budget.settle(await budget.take(ACCOUNT, BudgetShare.DUE), WindowHeaders())
    assert not budget.pressed(ACCOUNT)

    await budget.take(ACCOUNT, BudgetShare.DUE)

    assert budget.pressed(ACCOUNT)


async def test_an_account_that_others_use_much_is_pressed(shared_redis: Redis) -> None:
    budget = a_budget(shared_redis, per_window=120)
    heard = WindowHeaders(limit=120, remaining=60, left=timedelta(seconds=30))
    await budget.settle(await budget.take(ACCOUNT, BudgetShare.DUE), heard)

    await budget.take(ACCOUNT, BudgetShare.DUE)

    assert budget.pressed(ACCOUNT)


async def test_a_pressed_account_is_not_calm_because_vindi_s_window_began_anew(
    shared_redis: Redis,
) -> None:
    budget = a_budget(shared_redis, per_window=120)
    for remaining in (60, 119):
        heard = WindowHeaders(limit=120, remaining=remaining, left=timedelta(seconds=30))
        await budget.settle(await budget.take(ACCOUNT, BudgetShare.DUE), heard)

    await budget.take(ACCOUNT, BudgetShare.DUE)

    assert budget.pressed(ACCOUNT)


async def test_a_look_takes_nothing_and_says_what_a_lane_could_take(shared_redis: Redis) -> None:
    budget = a_budget(shared_redis, per_window=40, leave_percent=20)

    room = await budget.look(ACCOUNT, BudgetShare.DUE)
    again = await budget.look(ACCOUNT, BudgetShare.DUE)
    taken = await spend(budget, BudgetShare.DUE)
    spent = await budget.look(ACCOUNT, BudgetShare.DUE)

    assert room is not None
    assert again is not None
    assert spent is not None
    assert room.requests == again.requests == taken > 0
    assert (spent.requests, spent.wait > timedelta()) == (0, True)


async def test_too_many_requests_stop_every_process_of_the_account_only(
    shared_redis: Redis,
) -> None:
    one, other = (a_budget(shared_redis, per_window=100) for _ in range(2))

    whole, began = timedelta(seconds=20), time.monotonic()

    await one.block(ACCOUNT, whole)

    with pytest.raises(VindiBusy) as caught:
        await other.take(ACCOUNT, BudgetShare.DUE)
    assert left_of(whole, began) <= caught.value.retry_after <= whole
    await other.take(AccountKey("tbbbbbbbbbb"), BudgetShare.DUE)


async def test_a_request_that_never_left_costs_nothing(shared_redis: Redis) -> None:
    budget = a_budget(shared_redis, per_window=5)
    for _ in range(20):
        await budget.give_back(await budget.take(ACCOUNT, BudgetShare.DUE))

    assert await spend(budget, BudgetShare.DUE) == 5


async def test_a_request_without_an_answer_counts_as_used(shared_redis: Redis) -> None:
    budget = a_budget(shared_redis, per_window=100)
    left = timedelta(seconds=30)
    await budget.settle(
        await budget.take(ACCOUNT, BudgetShare.DUE), WindowHeaders(remaining=4, left=left)
    )

    await budget.lose(await budget.take(ACCOUNT, BudgetShare.DUE))

    assert await spend(budget, BudgetShare.DUE) == 3


async def test_without_redis_a_process_goes_on_by_itself_far_below_the_ceiling() -> None:
    budget = Budget(None, per_window=100)

    assert await spend(budget, BudgetShare.DUE) == 25


async def test_without_redis_vindi_s_own_count_is_believed() -> None:
    budget = Budget(None, per_window=100)
    left = timedelta(seconds=30)

    assert await spend(budget, BudgetShare.DUE, WindowHeaders(remaining=5, left=left)) == 1


async def test_a_redis_that_comes_back_empty_is_told_what_was_used(
    own_redis: RedisServer,
) -> None:
    client = client_of(own_redis)
    budget = a_budget(client, per_window=40)
    tickets: list[Ticket] = []
    for _ in range(30):
        tickets.append(await budget.take(ACCOUNT, BudgetShare.DUE))
        await budget.settle(tickets[-1], WindowHeaders())

    own_redis.stop()
    with pytest.raises(VindiBusy):
        await budget.take(ACCOUNT, BudgetShare.DUE)
    own_redis.start()
    await asyncio.sleep(1.05)  # a failed Redis is left alone for a second

    assert 5 <= await spend(budget, BudgetShare.DUE) <= 10
    await client.aclose()


async def test_a_redis_that_takes_calls_and_never_answers_counts_as_gone() -> None:
    calls: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: calls.append(writer), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with redis_client(f"redis://127.0.0.1:{port}/0") as client:
        budget = Budget(client, per_window=100, answer=timedelta(seconds=0.05))

        async with asyncio.timeout(30):
            await budget.take(ACCOUNT, BudgetShare.DUE)

    assert calls
    for writer in calls:
        writer.close()
    server.close()


async def test_an_answer_of_redis_that_comes_late_is_not_taken_for_the_next_one(
    redis_url: str,
) -> None:
    async with redis_client(redis_url) as client, Redis.from_url(redis_url) as other:
        await client.ping()
        await other.execute_command("CLIENT", "PAUSE", "300", "ALL")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.echo("late")

        assert await client.echo("next") == b"next"

        for steps in range(60):
            asked = asyncio.ensure_future(client.echo("given up"))
            for _ in range(steps):
                await asyncio.sleep(0)
            asked.cancel()
            await asyncio.wait({asked})
            assert await client.echo(f"{steps}") == f"{steps}".encode()


async def test_taking_ends_at_whatever_step_it_is_cancelled(redis_url: str) -> None:
    async with redis_client(redis_url) as client:
        budget = a_budget(client, per_window=100_000)
        for steps in range(300):
            account = AccountKey(f"t{steps}")
            taking = asyncio.create_task(budget.take(account, BudgetShare.DUE))
            for _ in range(steps):
                await asyncio.sleep(0)
            if taking.done():
                return
            taking.cancel()
            await asyncio.wait({taking})
            assert taking.cancelled(), steps
        pytest.fail("it was never through")


@given(
    st.dictionaries(
        st.sampled_from(["Rate-Limit-Limit", "Rate-Limit-Remaining", "Rate-Limit-Reset", "Date"]),
        st.text(max_size=30) | st.integers(-5, 2_000_000_000).map(str),
    )
)
def test_headers_of_any_kind_are_read(headers: dict[str, str]) -> None:
    heard = read_heard(headers)

    assert heard.left is None or timedelta() <= heard.left <= timedelta(seconds=61)


def test_the_window_s_end_is_told_by_vindi_s_clock() -> None:
    headers = {"Rate-Limit-Reset": "1743411960", "Date": formatdate(1743411930, usegmt=True)}

    assert read_heard(headers).left == timedelta(seconds=31)


async def test_what_is_used_of_a_budget_and_what_it_turns_away_is_counted(redis_url: str) -> None:
    scraped = Scraped()
    async with Redis.from_url(redis_url) as redis:
        budget = a_budget(redis, per_window=10)
        taken = await spend(budget, BudgetShare.DUE)

    used = "notaponte_vindi_budget_used_ratio"
    assert taken >= 5
    assert scraped.risen("notaponte_vindi_budget_refused_total", share="due") == 1
    assert scraped.risen(f"{used}_count") == taken + 1  # the one turned away was asked for too
    assert scraped.risen(f"{used}_bucket", le="0.2") <= 2
    assert 0 < scraped.risen(f"{used}_sum") <= taken + 1


async def test_a_redis_whose_clock_went_back_stops_no_account(shared_redis: Redis) -> None:
    """As a machine does that starts with local time in its clock, and is told the time then."""
    now, _ = await shared_redis.time()
    ahead = (now + 3 * 3600) * 1000
    key = f"{{{ACCOUNT}}}:vindi:"
    for part in ("1", "2", "3", "4", "flying"):
        await shared_redis.zadd(key + part, {f"{part}-{n}": ahead + n for n in range(30)})
    until = {"window_until": ahead, "blocked_until": ahead, "heard_until": ahead, "remaining": 0}
    await cast("Awaitable[int]", shared_redis.hset(key + "state", mapping=until))
    budget = a_budget(shared_redis, per_window=10)

    ticket = await budget.take(ACCOUNT, BudgetShare.DUE)
    heard = WindowHeaders(limit=10, remaining=9, left=timedelta(seconds=1))
    await budget.settle(ticket, heard)

    assert await budget.take(ACCOUNT, BudgetShare.DUE)

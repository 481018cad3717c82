import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import cast

import pytest
from redis.asyncio import Redis

from shared.issuer.errors import IssuerBusy, IssuerPaced
from shared.issuer.limits import Limits
from tests.vendors.conftest import left_of, the_limits

PATIENT = timedelta(seconds=30)


async def turns(limits: Limits, key: str, number: int) -> list[float]:
    """When each of some turns came."""
    came: list[float] = []

    async def one() -> None:
        async with limits.turn(key, patience=PATIENT):
            came.append(time.monotonic())

    await asyncio.gather(*(one() for _ in range(number)))
    return sorted(came)


@pytest.mark.parametrize("with_redis", [True, False])
async def test_a_key_is_used_no_faster_than_allowed(shared_redis: Redis, with_redis: bool) -> None:
    limits = the_limits(shared_redis if with_redis else None, parallel=50, per_second=20)

    came = await turns(limits, "taaaaaaaaaa:k", 10)

    # Nine gaps of 50 ms; up to two turns may be reserved at once.
    assert came[-1] - came[0] >= 0.35


async def test_two_processes_share_the_rate_of_a_key(shared_redis: Redis) -> None:
    one, other = (the_limits(shared_redis, parallel=50, per_second=20) for _ in range(2))

    both = await asyncio.gather(turns(one, "k", 8), turns(other, "k", 8))

    # Fifteen gaps of 50 ms; each may have reserved two turns before the first of all came.
    came = sorted(at for each in both for at in each)
    assert came[-1] - came[0] >= 0.55


async def test_the_keys_of_two_tenants_do_not_wait_for_each_other(shared_redis: Redis) -> None:
    limits = the_limits(shared_redis, parallel=1, per_second=1)
    async with limits.turn("one", patience=PATIENT):
        async with asyncio.timeout(60):
            async with limits.turn("other", patience=timedelta()):
                pass


async def test_a_key_is_used_no_wider_than_allowed() -> None:
    limits = Limits(None, parallel=3, per_second=100_000)
    inside = most = 0

    async def one() -> None:
        nonlocal inside, most
        async with limits.turn("k", patience=PATIENT):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.001)
            inside -= 1

    await asyncio.gather(*(one() for _ in range(20)))

    assert most == 3


async def test_a_place_passed_on_within_a_process_asks_nothing_of_redis(
    shared_redis: Redis,
) -> None:
    limits = the_limits(shared_redis, parallel=2, per_second=100_000)

    async def asked() -> int:
        calls = await shared_redis.info("commandstats")
        return int(calls.get("cmdstat_evalsha", {}).get("calls", 0))

    async def one() -> None:
        async with limits.turn("k", patience=PATIENT):
            pass

    before = await asked()
    await asyncio.gather(*(one() for _ in range(400)))

    assert await asked() - before < 100  # it was one for each that stood in line


async def test_a_turn_too_far_away_is_refused_and_costs_none(shared_redis: Redis) -> None:
    limits = the_limits(shared_redis, parallel=50, per_second=0.01)
    async with limits.turn("k", patience=timedelta()):
        pass

    for _ in range(3):
        with pytest.raises(IssuerBusy) as caught:
            async with limits.turn("k", patience=timedelta()):
                pass
        assert timedelta() < caught.value.retry_after <= timedelta(seconds=100)


async def test_a_pause_holds_in_every_process(shared_redis: Redis) -> None:
    one, other = (the_limits(shared_redis, parallel=4, per_second=1000) for _ in range(2))

    whole, began = timedelta(seconds=60), time.monotonic()

    await one.pause("k", whole)

    for limits in (one, other):
        with pytest.raises(IssuerBusy) as caught:
            async with limits.turn("k", patience=timedelta(seconds=1)):
                pass
        assert left_of(whole, began) <= caught.value.retry_after <= whole


class Issuer:
    """Counts the requests that are under way."""

    def __init__(self) -> None:
        self.under_way = self.most = 0
        self.served: Counter[int] = Counter()

    async def ask(self, limits: Limits, process: int, *, lasts: float = 0.01) -> None:
        async with limits.turn("k", patience=PATIENT):
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            await asyncio.sleep(lasts)
            self.under_way -= 1
            self.served[process] += 1


@pytest.mark.parametrize("processes", [2, 3, 12])
async def test_a_key_is_used_no_wider_by_many_processes_than_by_one(
    shared_redis: Redis, processes: int
) -> None:
    issuer = Issuer()
    every = [the_limits(shared_redis, parallel=4, per_second=10_000) for _ in range(processes)]

    await asyncio.gather(
        *(issuer.ask(limits, n) for n, limits in enumerate(every) for _ in range(24 // processes))
    )

    assert issuer.most <= 4
    assert issuer.served == dict.fromkeys(range(processes), 24 // processes)


async def test_a_process_that_comes_later_gets_its_part_of_a_busy_key(shared_redis: Redis) -> None:
    issuer = Issuer()
    first, second = (the_limits(shared_redis, parallel=4, per_second=10_000) for _ in range(2))
    busy = [asyncio.create_task(issuer.ask(first, 1, lasts=0.05)) for _ in range(200)]
    while not issuer.served[1]:
        await asyncio.sleep(0.01)

    await asyncio.gather(*(issuer.ask(second, 2) for _ in range(8)))

    assert issuer.served[1] < 200
    await asyncio.gather(*busy)
    assert issuer.most <= 4


async def test_none_is_refused_for_others_that_wait_for_the_same_key(shared_redis: Redis) -> None:
    issuer = Issuer()
    every = [the_limits(shared_redis, parallel=2, per_second=40) for _ in range(10)]

    # Five seconds of turns in all: had each its own line, the last would be refused.
    await asyncio.gather(
        *(issuer.ask(limits, n) for n, limits in enumerate(every) for _ in range(5))
    )

    assert issuer.served == dict.fromkeys(range(10), 5)
    assert issuer.most <= 2


async def test_the_places_of_a_killed_process_come_free_by_themselves(shared_redis: Redis) -> None:
    killed, other = (the_limits(shared_redis, parallel=1, per_second=10_000) for _ in range(2))
    turn = killed.turn("k", patience=PATIENT)
    await turn.__aenter__()
    minding = killed._state("k").minding
    assert minding is not None
    minding.cancel()

    began = time.monotonic()
    async with asyncio.timeout(60), other.turn("k", patience=PATIENT):
        assert time.monotonic() - began > 2


async def test_our_own_limit_is_told_from_the_issuer_s_refusal(shared_redis: Redis) -> None:
    limits = the_limits(shared_redis, parallel=1, per_second=10_000)

    async with limits.turn("k", patience=PATIENT):
        with pytest.raises(IssuerPaced):
            async with limits.turn("k", patience=timedelta(seconds=0.2)):
                pass


async def test_a_process_that_only_asks_gives_way_to_one_that_sends(shared_redis: Redis) -> None:
    sends, asks = (the_limits(shared_redis, parallel=2, per_second=1000) for _ in range(2))
    over = asyncio.Event()

    async def hold(limits: Limits, may_leave: Callable[[], bool] | None) -> None:
        async with limits.turn("k", patience=PATIENT, may_leave=may_leave):
            await over.wait()

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(hold(sends, lambda: True))
        await asyncio.sleep(0)
        group.create_task(hold(asks, None))
        while not asks.pressed_elsewhere("k"):
            await asyncio.sleep(0.02)
        assert not sends.pressed_elsewhere("k")  # what only asks presses nobody
        over.set()


async def test_a_redis_whose_clock_went_back_keeps_nobody_waiting(shared_redis: Redis) -> None:
    """As a machine does that starts with local time in its clock, and is told the time then."""
    now, _ = await shared_redis.time()
    ahead = (now + 3 * 3600) * 1_000_000
    await shared_redis.set("{k}:issuer:turn", str(ahead))
    told = shared_redis.hset("{k}:issuer:places", "dead", f"2 2 {ahead} {ahead} 2")
    await cast("Awaitable[int]", told)
    limits = the_limits(shared_redis, parallel=2, per_second=100)

    came = await turns(limits, "k", 4)

    assert len(came) == 4


async def test_a_place_goes_from_hand_to_hand_by_turns_of_whose_it_is() -> None:
    limits, came = Limits(None, parallel=1, per_second=100_000), list[str]()

    async def one(whose: str) -> None:
        async with limits.turn("k", patience=PATIENT, whose=whose):
            came.append(whose)
            await asyncio.sleep(0)

    async with asyncio.timeout(60):
        await asyncio.gather(*(one(whose) for whose in ("many",) * 5 + ("single",)))

    assert came[:2] == ["many", "single"]
    assert len(came) == 6


async def test_one_that_fails_to_say_whether_it_may_leave_fails_alone(shared_redis: Redis) -> None:
    limits = the_limits(shared_redis, parallel=1, per_second=100_000)
    held, seen = asyncio.Event(), list[str]()

    def broken() -> bool:
        raise LookupError("no such lease")

    async def holder() -> None:
        async with limits.turn("k", patience=PATIENT):
            await held.wait()

    async def one(name: str, may_leave: Callable[[], bool] | None) -> None:
        async with limits.turn("k", patience=PATIENT, may_leave=may_leave):
            seen.append(name)

    async with asyncio.timeout(60):
        first = asyncio.create_task(holder())
        await asyncio.sleep(0.05)
        both = [
            asyncio.create_task(one("broken", broken)),
            asyncio.create_task(one("whole", lambda: True)),
        ]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        held.set()
        ends = await asyncio.gather(first, *both, return_exceptions=True)

    assert seen == ["whole"]
    assert [type(end) for end in ends] == [type(None), LookupError, type(None)]


async def test_who_waits_beyond_its_patience_frees_what_was_asked_for(shared_redis: Redis) -> None:
    tired, other = (the_limits(shared_redis, parallel=1, per_second=100_000) for _ in range(2))

    async with asyncio.timeout(60):
        async with other.turn("k", patience=PATIENT):
            with pytest.raises(IssuerPaced):
                async with tired.turn("k", patience=timedelta(seconds=0.2)):
                    pass
        began = time.monotonic()
        while await shared_redis.hlen("{k}:issuer:places"):  # type: ignore[misc]
            await asyncio.sleep(0.05)

    assert time.monotonic() - began < 3  # said, not run out


async def test_places_that_may_be_another_s_by_now_are_asked_for_again(
    shared_redis: Redis,
) -> None:
    limits = the_limits(shared_redis, parallel=1, per_second=100_000)
    async with asyncio.timeout(60), limits.turn("k", patience=PATIENT):
        state = limits._state("k")
        state.places_until = 0.0  # as after a stop of the process
        waits = asyncio.create_task(turns(limits, "k", 1))
        await asyncio.sleep(0.05)
        assert not waits.done()
    assert len(await waits) == 1

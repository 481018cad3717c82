"""Places and turns of an issuer key, whatever order requests come, end, and are given up in."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from msgspec import Struct
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisAway

from shared.issuer.errors import IssuerNotLeft, IssuerPaced
from shared.issuer.limits import Limits
from tests.vendors.conftest import BUSY, RedisServer, client_of

PATIENT: Final = timedelta(seconds=60)
KEY: Final = "a-key"


async def test_who_waits_for_its_turn_does_not_go_when_the_issuer_says_wait() -> None:
    """The one before it was told so: it would be refused as well, and so would all after it."""
    limits = Limits(None, parallel=20, per_second=20)
    went: list[float] = []

    async def one() -> None:
        async with limits.turn(KEY, patience=timedelta(seconds=5)):
            went.append(time.monotonic())
            if len(went) == 1:
                await asyncio.sleep(0.02)  # the others know their turns
                await limits.pause(KEY, timedelta(seconds=60))

    ends = await asyncio.gather(*(one() for _ in range(10)), return_exceptions=True)
    assert len(went) == 1
    assert [type(end) for end in ends if end is not None] == [IssuerPaced] * 9


async def test_who_waits_for_its_turn_goes_after_a_short_pause_no_faster_than_before() -> None:
    limits = Limits(None, parallel=20, per_second=40)
    went: list[float] = []

    async def one() -> None:
        async with limits.turn(KEY, patience=timedelta(seconds=30)):
            went.append(time.monotonic())
            if len(went) == 1:
                await asyncio.sleep(0.02)
                await limits.pause(KEY, timedelta(seconds=0.5))

    await asyncio.gather(*(one() for _ in range(6)))
    assert went[1] - went[0] >= 0.5
    assert went[-1] - went[0] >= 0.5 + 4 * 0.05  # half of the rate, each at its own time


class Visit(Struct, frozen=True, kw_only=True):
    """One request, in hundredths of a second: when it comes, how long it takes, and its end."""

    process: int
    whose: str
    comes: int
    takes: int
    given_up: int | None  # after it came
    leaves_until: int | None  # it may leave until then; None: it only reads


VISITS: Final = st.builds(
    Visit,
    process=st.integers(0, 2),
    whose=st.sampled_from("abc"),
    comes=st.integers(0, 12),
    takes=st.integers(0, 5),
    given_up=st.one_of(st.none(), st.integers(0, 10)),
    leaves_until=st.one_of(st.none(), st.just(10**6), st.integers(0, 12)),
)


class RedisThatGoes:
    """A Redis whose every n-th answer does not come, though its script has run."""

    def __init__(self, redis: Redis, every: int | None) -> None:
        self._redis = redis
        self.every = every
        self._asked = 0

    def register_script(self, text: str) -> Callable[..., Awaitable[Any]]:
        script = self._redis.register_script(text)

        async def run(**asked: Any) -> Any:
            self._asked += 1
            answer = await script(**asked)
            if self.every is not None and self._asked % self.every == 0:
                raise RedisAway
            return answer

        return run


class Gateway:
    """Counts the requests under way, and the most there were at once."""

    def __init__(self) -> None:
        self.under_way = self.most = 0

    async def visit(self, limits: Limits, visit: Visit) -> None:
        began = time.monotonic()
        await asyncio.sleep(visit.comes / 100)
        until = visit.leaves_until

        def may_leave() -> bool:
            return until is None or time.monotonic() < began + until / 100

        asked = self._ask(limits, visit, None if until is None else may_leave)
        try:
            async with asyncio.timeout(None if visit.given_up is None else visit.given_up / 100):
                await asked
        except (TimeoutError, IssuerNotLeft):
            pass

    async def _ask(
        self, limits: Limits, visit: Visit, may_leave: Callable[[], bool] | None
    ) -> None:
        turn = limits.turn(KEY, patience=PATIENT, may_leave=may_leave, whose=visit.whose)
        async with turn:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            try:
                await asyncio.sleep(visit.takes / 100)
            finally:
                self.under_way -= 1


async def _all_come(
    server: RedisServer, parallel: int, goes: int | None, visits: list[Visit]
) -> None:
    redis = client_of(server)
    await redis.flushall()
    through = [RedisThatGoes(redis, goes), *(RedisThatGoes(redis, None) for _ in range(2))]
    processes = [
        Limits(one, parallel=parallel, per_second=100_000, answer=BUSY)  # type: ignore[arg-type]
        for one in through
    ]
    gateway = Gateway()
    async with asyncio.timeout(40), asyncio.TaskGroup() as group:
        for visit in visits:
            group.create_task(gateway.visit(processes[visit.process], visit))
    if goes is None:
        assert gateway.most <= parallel
    assert gateway.most <= 3 * parallel
    # Whoever comes after them finds all places, once what was said without an answer is over.
    through[0].every = None
    after = Gateway()
    late = Visit(process=0, whose="d", comes=0, takes=5, given_up=None, leaves_until=None)
    async with asyncio.timeout(40):
        while after.most < parallel:
            async with asyncio.TaskGroup() as group:
                for _ in range(parallel):
                    group.create_task(after.visit(processes[0], late))
    assert after.most == parallel
    await redis.aclose()


@settings(max_examples=10, phases=[Phase.explicit, Phase.generate])  # each takes its seconds
@given(
    parallel=st.integers(1, 4),
    goes=st.one_of(st.none(), st.integers(2, 4)),
    visits=st.lists(VISITS, min_size=15, max_size=40),
)
def test_no_order_of_requests_uses_a_place_too_many_or_loses_one(
    redis_process: RedisServer, parallel: int, goes: int | None, visits: list[Visit]
) -> None:
    asyncio.run(_all_come(redis_process, parallel, goes, visits))
